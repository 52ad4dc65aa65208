/** Waiting for the applied state: at once, in time, too late, and never for ever. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppliedWaiters } from './applied-waiters.ts'

const DEADLINE_MS = 100

test('what is ready is told at once, what becomes ready behind an entry, the rest at its deadline', () => {
  const waiters = new AppliedWaiters()
  const told: string[] = []
  let revision = 5
  const waitFor = (wanted: number): void =>
    waiters.wait(
      () => revision >= wanted,
      DEADLINE_MS,
      (inTime) => void told.push(`${wanted} ${inTime}`),
    )
  waitFor(5)
  waitFor(6)
  waitFor(7)
  assert.deepEqual(told, ['5 true'])
  revision = 6
  waiters.applied()
  assert.deepEqual(told, ['5 true', '6 true'])
  waiters.tick(DEADLINE_MS - 1)
  waiters.tick(DEADLINE_MS)
  waiters.tick(DEADLINE_MS + 1)
  assert.deepEqual(told, ['5 true', '6 true', '7 false'])
})

test('one that is told may wait again', () => {
  const waiters = new AppliedWaiters()
  let revision = 0
  let rounds = 0
  const again = (): void => {
    const wanted = ++rounds
    waiters.wait(
      () => revision >= wanted,
      DEADLINE_MS,
      (inTime) => inTime && again(),
    )
  }
  again()
  for (revision = 1; revision < 4; revision++) waiters.applied()
  assert.equal(rounds, 4)
})

test('closing tells everyone that it will not come', () => {
  const waiters = new AppliedWaiters()
  const told: boolean[] = []
  for (let i = 0; i < 3; i++)
    waiters.wait(
      () => false,
      DEADLINE_MS,
      (inTime) => void told.push(inTime),
    )
  waiters.close()
  assert.deepEqual(told, [false, false, false])
})
