/** The sender's view of one follower. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Progress } from './progress.ts'

const LIMITS = { inflightMessages: 2, inflightBytes: 100 }

test('probing sends one message and waits', () => {
  const progress = new Progress(2, 5, LIMITS)
  progress.sent(5, 10, true)
  assert.ok(progress.isPaused())
  assert.equal(progress.next, 5)
})

test('replicating runs ahead until the window is full', () => {
  const progress = new Progress(2, 5, LIMITS)
  progress.becomeReplicate()
  progress.sent(1, 10, true)
  progress.sent(2, 10, true)
  assert.equal(progress.next, 3)
  assert.ok(progress.isPaused())
})

test('a rejection of what was acknowledged since, or was not asked last, is stale', () => {
  const progress = new Progress(2, 6, LIMITS)
  assert.equal(progress.reject(9, 3), false)
  progress.acknowledge(4)
  progress.becomeReplicate()
  assert.equal(progress.reject(4, 0), false)
  assert.equal(progress.next, 5)
})

test('a rejected probe goes back to the hint, never to or below what is known to match', () => {
  const progress = new Progress(2, 10, LIMITS)
  assert.equal(progress.reject(9, 3), true)
  assert.equal(progress.next, 4)
  progress.acknowledge(2)
  assert.equal(progress.reject(3, 0), true)
  assert.equal(progress.next, 3)
})

test('after a snapshot the follower is probed behind it', () => {
  const progress = new Progress(2, 3, LIMITS)
  progress.becomeSnapshot(20)
  assert.ok(progress.isPaused())
  progress.becomeProbe()
  assert.equal(progress.next, 21)
})

test('a new term forgets everything but the space state', () => {
  const progress = new Progress(2, 3, LIMITS)
  progress.space = 1
  progress.acknowledge(2)
  progress.becomeReplicate()
  progress.sent(3, 100, true)
  progress.reset(9)
  assert.deepEqual([progress.match, progress.next, progress.state, progress.space], [0, 9, 'probe', 1])
  assert.equal(progress.inflights.bytes, 0)
})
