/** Running time by a clock in the test's hand. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RunningTime, STANDSTILL_MS } from './running-time.ts'

test('while its owner ticks it is the clock, seen from its beginning', () => {
  const time = new RunningTime(1_000)
  assert.equal(time.at(1_000), 0)
  for (let nowMs = 1_010; nowMs <= 3_000; nowMs += 10) time.tick(nowMs)
  assert.equal(time.at(3_000), 2_000)
  assert.equal(time.at(3_004.5), 2_004.5)
})

test('of a time without ticks it counts a moment, asked before the next tick or after it', () => {
  const time = new RunningTime(0)
  time.tick(100)
  assert.equal(time.at(3_600_000), 100 + STANDSTILL_MS)
  time.tick(3_600_000)
  assert.equal(time.at(3_600_000), 100 + STANDSTILL_MS)
  time.tick(3_600_010)
  assert.equal(time.at(3_600_010), 110 + STANDSTILL_MS)
})

test('a process that is stopped again and again still runs out of patience', () => {
  const time = new RunningTime(0)
  for (let stop = 1; stop <= 25; stop++) time.tick(stop * 60_000)
  assert.equal(time.at(25 * 60_000), 25 * STANDSTILL_MS)
})
