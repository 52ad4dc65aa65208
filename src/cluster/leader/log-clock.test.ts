/** The log clock (R12). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LogClock } from './log-clock.ts'

function fixture(wallMs: number) {
  const now = { wallMs, monotonicMs: 0 }
  const clock = new LogClock({
    wallMs: () => now.wallMs,
    monotonicMs: () => now.monotonicMs,
    setTimer: () => ({ cancel() {} }),
    defer: () => {},
  })
  return { now, clock }
}

test('R12: a leader starts at the later of the last stamp and the wall clock', () => {
  const { clock } = fixture(1_000)
  clock.start(5_000)
  assert.equal(clock.nowMs(), 5_000)
  clock.start(10)
  assert.equal(clock.nowMs(), 1_000)
})

test('R12: it is slewed towards the wall clock by at most 5 %', () => {
  const { now, clock } = fixture(1_000)
  clock.start(2_000)
  now.monotonicMs = 1_000
  now.wallMs = 2_000
  assert.equal(clock.nowMs(), 2_950)
  now.monotonicMs = 101_000
  now.wallMs = 102_000
  assert.equal(clock.nowMs(), 102_000)
})

test('R12: it never goes back, whatever the wall clock does', () => {
  const { now, clock } = fixture(100_000)
  clock.start(0)
  let last = 0
  for (let i = 0; i < 100; i++) {
    now.monotonicMs += 7
    now.wallMs = i % 2 === 0 ? 0 : 1_000_000
    const at = clock.nowMs()
    assert.ok(at >= last, `${at} follows ${last}`)
    last = at
  }
})
