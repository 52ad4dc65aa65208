/** Linearizability of real nodes under faults. The long form: npm run faults -- histories. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { histories } from './histories.ts'

test('histories of clients on all nodes are linearizable while nodes are killed, frozen and leave', async () => {
  const report = await histories({ rounds: 3, clients: 8, seed: 3 })
  assert.ok(report.operations > 1_000)
})
