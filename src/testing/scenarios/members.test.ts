/** Membership changes of real nodes. The long form: npm run faults -- members. */
import { test } from 'node:test'
import { members } from './members.ts'

test('R8: one node grows to three, a wiped node is replaced, one is removed, under load', async () => {
  await members({ writes: 2_000, clients: 4 })
})
