/** Deadlines that a standstill does not use up, by a clock in the test's hand. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HandClock } from '../testing/doors/hand-clock.ts'
import { PARTS, setPatientTimer } from './patient-timer.ts'

const DELAY_MS = 4_000

function begun(): { clock: HandClock; fired: () => number; cancel: () => void } {
  const clock = new HandClock()
  let fired = 0
  const timer = setPatientTimer(clock, DELAY_MS, () => fired++)
  return { clock, fired: () => fired, cancel: () => timer.cancel() }
}

/** Lets time pass in steps in which the loop turns. */
function run(clock: HandClock, ms: number): void {
  for (let passed = 0; passed < ms; passed += 100) clock.pass(100)
}

test('fires once, when the time is over', () => {
  const { clock, fired } = begun()
  run(clock, DELAY_MS - 100)
  assert.equal(fired(), 0)
  run(clock, 100)
  assert.equal(fired(), 1)
  run(clock, 10 * DELAY_MS)
  assert.deepEqual([fired(), clock.timers], [1, 0])
})

test('does not fire behind a standstill before others had time to do their part', () => {
  for (const beforeMs of [0, 500, DELAY_MS / 2, DELAY_MS - 100]) {
    const { clock, fired } = begun()
    run(clock, beforeMs)
    clock.pass(60_000)
    assert.equal(fired(), 0, `${beforeMs} ms before`)
    run(clock, DELAY_MS)
    assert.equal(fired(), 1, `${beforeMs} ms before`)
  }
})

test('fires in a process that does nothing but stand still', () => {
  const { clock, fired } = begun()
  for (let stop = 0; stop < 2 * PARTS; stop++) {
    assert.equal(fired(), 0)
    clock.pass(60_000)
  }
  assert.equal(fired(), 1)
})

test('is cancelled in any part, and once it has fired without harm', () => {
  const { clock, fired, cancel } = begun()
  run(clock, DELAY_MS / 2 + 100)
  cancel()
  assert.equal(clock.timers, 0)
  run(clock, DELAY_MS)
  cancel()
  assert.equal(fired(), 0)
})
