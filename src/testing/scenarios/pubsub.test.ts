/** Pub/sub through the loss of leaders, with real clients. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pubSubThroughKills } from './pubsub.ts'

test('subscribers of the survivors of a killed leader get every acknowledged message, once, in one order', async () => {
  const report = await pubSubThroughKills({ rounds: 2, messages: 50 })
  assert.ok(report.acknowledged > 600)
  assert.ok(report.delivered > report.acknowledged)
})
