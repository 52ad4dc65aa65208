/** The leader goes away under load of real clients. The long form: npm run faults -- leader-loss. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { leaderLoss } from './leader-loss.ts'

test('a killed leader: clients of the others see no error, every counter is exact', async () => {
  const report = await leaderLoss({ signal: 'SIGKILL', rounds: 2, clients: 12 })
  assert.equal(report.gapMs.count, 2)
})

test('a frozen leader: clients of the others see no error, every counter is exact', async () => {
  const report = await leaderLoss({ signal: 'SIGSTOP', rounds: 1, clients: 12 })
  assert.equal(report.gapMs.count, 1)
})

test('R17: a leader that leaves: no client sees an error, nothing is counted twice', async () => {
  const report = await leaderLoss({ signal: 'SIGTERM', rounds: 1, clients: 12 })
  assert.equal(report.resent, 0)
})
