/** kill -9 of all nodes at once. The long form: npm run faults -- power-loss. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { powerLoss } from './power-loss.ts'

test('all nodes killed at once under load: every acknowledged write is there', async () => {
  const report = await powerLoss({ rounds: 1, clients: 12 })
  assert.ok(report.increments > 0 && report.keys > 0)
})
