/**
 * Linearizable reads told step by step (R3).
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Script } from '../testing/core-sim/script.ts'
import type { Heartbeat, Message } from './messages.ts'

const heartbeats = (messages: readonly Message[]): Heartbeat[] =>
  messages.filter((message) => message.kind === 'heartbeat')

function led(): Script {
  const script = new Script({ voters: [1, 2, 3] })
  script.elect(1)
  return script
}

test('R3: a read is confirmed by a majority, and its index is the commit index when the round began', () => {
  const script = led()
  const position = script.core(1).readIndex()
  const sent = heartbeats(script.ready(1).sent)
  assert.deepEqual(
    sent.map(({ to, position }) => [to, position]),
    [
      [2, position],
      [3, position],
    ],
  )
  script.stabilize(1, 2)
  assert.deepEqual(script.node(1).reads, [{ position, index: 1 }])
})

test('R3: the index does not move while the round is out', () => {
  const script = led()
  const position = script.core(1).readIndex()
  script.ready(1)
  const round = script.drop()
  script.propose(1, 'a')
  script.stabilize()
  assert.equal(script.core(1).commitIndex, 2)
  script.wire = round
  script.stabilize()
  assert.deepEqual(script.node(1).reads, [{ position, index: 1 }])
})

test('R3: reads queued while a round is out join the next one, all of them', () => {
  const script = led()
  const core = script.core(1)
  core.readIndex()
  script.ready(1)
  core.readIndex()
  core.readIndex()
  assert.deepEqual(script.ready(1).sent, [], 'one round at a time')
  script.deliver()
  script.stabilize(2, 3)
  script.deliver()
  const next = heartbeats(script.ready(1).sent)
  assert.ok(next.length === 2 && next.every(({ position }) => position === 3))
  script.stabilize()
  assert.deepEqual(
    script.node(1).reads.map(({ position }) => position),
    [1, 2, 3],
  )
})

test('R3: a late or repeated answer to an earlier round never confirms a later read', () => {
  const script = led()
  const core = script.core(1)
  core.readIndex()
  script.ready(1)
  script.deliver()
  script.stabilize(2, 3)
  const late = script.wire.filter((message) => message.kind === 'heartbeatResponse')
  script.deliver()
  script.stabilize()
  core.readIndex()
  script.ready(1)
  script.drop()
  for (const message of late) core.step(message)
  script.ready(1)
  assert.equal(script.node(1).reads.length, 1)
})

test('R3: an answer of an earlier term confirms nothing', () => {
  const script = led()
  const core = script.core(1)
  core.readIndex()
  script.ready(1)
  script.drop()
  core.step({ kind: 'heartbeatResponse', from: 2, to: 1, term: 0, position: 99, space: 0 })
  script.ready(1)
  assert.deepEqual(script.node(1).reads, [])
})

test('R3: a lost round is repeated by the regular heartbeats', () => {
  const script = led()
  script.core(1).readIndex()
  script.ready(1)
  script.drop()
  script.tick(1, 2)
  script.stabilize()
  assert.equal(script.node(1).reads.length, 1)
})

test('R3: a new leader reads nothing before its first commit', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.campaign(1)
  while (script.core(1).role !== 'leader') {
    for (const id of [1, 2, 3]) {
      script.ready(id)
      script.persist(id)
    }
    script.deliver()
  }
  const position = script.core(1).readIndex()
  assert.notEqual(position, null)
  assert.deepEqual(heartbeats(script.ready(1).sent), [])
  script.stabilize()
  assert.deepEqual(script.node(1).reads, [{ position, index: 1 }])
})

test('R3: a position is never reused, and what waits is reported lost when leadership is', () => {
  const script = led()
  const core = script.core(1)
  const first = core.readIndex()
  core.step({ kind: 'heartbeat', from: 2, to: 1, term: 9, commitIndex: 0, position: 0 })
  script.ready(1)
  assert.equal(script.node(1).readsLostTo, first)
  assert.equal(core.readIndex(), null)
  script.drop()
  script.elect(1)
  const second = core.readIndex()
  assert.ok(first !== null && second !== null && second > first)
})

test('R3: a single voter confirms at once, in the same Ready', () => {
  const script = new Script({ voters: [1] })
  script.elect(1)
  const position = script.core(1).readIndex()
  assert.deepEqual(script.core(1).takeReady().reads, [{ position, index: 1 }])
})

test('R3: a learner is heard but does not count', () => {
  const script = new Script({ voters: [1, 2, 3], learners: [4] })
  script.elect(1)
  script.core(1).readIndex()
  script.stabilize(1, 4)
  assert.deepEqual(script.node(1).reads, [])
})

test('only the leader gives positions', () => {
  assert.equal(led().core(2).readIndex(), null)
})
