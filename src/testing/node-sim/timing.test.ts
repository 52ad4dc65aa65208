/** The settings of a node's patience, over whole simulated nodes: each does what it says, beside one that has less. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DEFAULT_TIMING, type Timing } from '../../cluster/timing.ts'
import { SmallCluster } from './small-cluster.ts'

const PATIENT: Timing = { electionMs: 5_000, heartbeatMs: 100, silenceMs: 10_000, holdMs: 12_000 }
/** Longer than any default waits, shorter than PATIENT does. */
const SILENT_MS = 4_500

function pass(cluster: SmallCluster, ms: number): void {
  const endMs = cluster.world.nowMs + ms
  cluster.until(`${ms} ms to pass`, () => cluster.world.nowMs >= endMs)
}

/** How much the term grew while the leader stood still for a while, and behind that. */
function termsOfSilence(timing: Timing): number {
  const cluster = new SmallCluster({}, timing)
  const { leader, follower } = cluster
  const term = follower.node?.status().term ?? 0
  leader.sim.pauseFor(SILENT_MS)
  pass(cluster, 2 * SILENT_MS)
  return (follower.node?.status().term ?? 0) - term
}

test('electionMs: so much silence of the leader is no reason for an election', () => {
  assert.equal(termsOfSilence(PATIENT), 0)
  assert.ok(termsOfSilence(DEFAULT_TIMING) > 0)
})

/** What the leader answers to a write while both others stand still. */
function answerInSilence(timing: Timing, silentMs: number): string {
  const cluster = new SmallCluster({}, timing)
  const { leader } = cluster
  for (const machine of cluster.machines) if (machine !== leader) machine.sim.pauseFor(silentMs)
  pass(cluster, silentMs / 2)
  return cluster.run(leader, ['set', 'k', 'v'], { deadlineMs: leader.nowMs() + 60_000 }).trim()
}

test('silenceMs: so much silence of a majority does not make commands be refused', () => {
  assert.equal(answerInSilence(PATIENT, SILENT_MS), '+OK')
  assert.match(answerInSilence(DEFAULT_TIMING, SILENT_MS), /^-MASTERDOWN /)
})

test('holdMs: a command waits so long for its outcome', () => {
  const silentMs = 8_000
  assert.equal(answerInSilence({ ...PATIENT, silenceMs: 20_000 }, silentMs), '+OK')
  const { holdMs } = DEFAULT_TIMING
  assert.match(answerInSilence({ ...PATIENT, silenceMs: 20_000, holdMs: holdMs / 2 }, silentMs), /^-UNKNOWN /)
})
