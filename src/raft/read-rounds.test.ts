/** R3 on the queue alone: rounds, positions, late answers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ReadRounds } from './read-rounds.ts'

test('R3: a position is never used twice, also after leadership was lost', () => {
  const rounds = new ReadRounds(10)
  assert.equal(rounds.queue(), 1)
  rounds.drop()
  assert.equal(rounds.queue(), 2)
  assert.equal(rounds.takeLost(), 1)
  assert.equal(rounds.takeLost(), 0)
})

test('R3: one round covers everything queued before it and nothing queued after', () => {
  const rounds = new ReadRounds(10)
  rounds.queue()
  rounds.queue()
  rounds.start(7)
  assert.equal(rounds.queue(), 3)
  rounds.confirm()
  assert.deepEqual(rounds.takeConfirmed(), [
    { position: 1, index: 7 },
    { position: 2, index: 7 },
  ])
  assert.ok(rounds.isDue)
})

test('R3: a late or repeated answer to an earlier round says nothing about this one', () => {
  const rounds = new ReadRounds(10)
  rounds.queue()
  rounds.start(7)
  const earlier = rounds.position
  rounds.confirm()
  rounds.queue()
  rounds.start(9)
  assert.equal(rounds.acknowledge(2, earlier), false)
  assert.equal(rounds.hasAcknowledged(2), false)
  assert.equal(rounds.acknowledge(2, rounds.position), true)
})

test('R20: reads that wait are bounded', () => {
  const rounds = new ReadRounds(2)
  rounds.queue()
  rounds.queue()
  assert.equal(rounds.queue(), null)
  rounds.start(1)
  rounds.confirm()
  assert.equal(rounds.queue(), 3)
})

test('what was confirmed before leadership was lost stays confirmed', () => {
  const rounds = new ReadRounds(10)
  rounds.queue()
  rounds.start(4)
  rounds.confirm()
  rounds.queue()
  rounds.drop()
  assert.deepEqual(rounds.takeConfirmed(), [{ position: 1, index: 4 }])
  assert.equal(rounds.takeLost(), 2)
})
