/** One and two of three nodes away. The long form: npm run faults -- majority. */
import { test } from 'node:test'
import { majority } from './majority.ts'

test('R15: one of three away: all works; two away: refused at once, nothing hangs, nothing is lost', async () => {
  await majority({ rounds: 1, writes: 200 })
})
