/** A node that was away catches up. The long form: npm run faults -- catch-up. */
import { test } from 'node:test'
import { catchUp } from './catch-up.ts'

test('a node that missed writes catches up from the log while writes go on', async () => {
  await catchUp({ by: 'log', writes: 2_000, clients: 4 })
})

test('R9: a node that the log does not reach any more gets a snapshot while writes go on', async () => {
  await catchUp({ by: 'snapshot', writes: 20_000, clients: 4 })
})
