/** R4: when a disk counts as stalled. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RunningTime } from '../../lib/running-time.ts'
import { judgeStall, type Stall, StallGuard } from './stall-guard.ts'

const MiB = 1024 * 1024

test('R4: a small sync is a stall after 500 ms, a large one gets 1 s per 10 MiB more', () => {
  assert.equal(judgeStall({ syncAgeMs: 499, syncBytes: 0 }, 400), 'none')
  assert.equal(judgeStall({ syncAgeMs: 501, syncBytes: 0 }, 400), 'stalled')
  assert.equal(judgeStall({ syncAgeMs: 1_400, syncBytes: 10 * MiB }, 400), 'none')
  assert.equal(judgeStall({ syncAgeMs: 1_501, syncBytes: 10 * MiB }, 400), 'stalled')
})

test('R4: past 30 s the disk counts as dead', () => {
  assert.equal(judgeStall({ syncAgeMs: 30_001, syncBytes: 100 * MiB }, 400), 'dead')
})

test('R4: it is no stall while nobody would call an election for it', () => {
  assert.equal(judgeStall({ syncAgeMs: 2_999, syncBytes: 0 }, 3_000), 'none')
  assert.equal(judgeStall({ syncAgeMs: 3_001, syncBytes: 0 }, 3_000), 'stalled')
})

/** The guard of a process that began at 0, and what it says at a tick while a sync is in flight since `sinceMs`. */
function guarded(): (nowMs: number, sinceMs: number) => Stall {
  const guard = new StallGuard()
  const running = new RunningTime(0)
  return (nowMs, sinceMs) => {
    running.tick(nowMs)
    return guard.judge({ syncAgeMs: nowMs - sinceMs, syncBytes: 0 }, 400, nowMs, running.at(nowMs))
  }
}

test('R4: a process that stood still during a sync does not blame the disk, however often', () => {
  const judge = guarded()
  assert.equal(judge(10, 5), 'none')
  assert.equal(judge(40_010, 5), 'none')
  // The next sync begins right behind the tick, and the process stands still again.
  assert.equal(judge(80_010, 40_011), 'none')
})

test('R4: a disk that does not answer is found out all the same, some time after the process goes on', () => {
  const judge = guarded()
  judge(10, 5)
  let stalledMs = 0
  let deadMs = 0
  for (let nowMs = 40_000; deadMs === 0; nowMs += 50) {
    const stall = judge(nowMs, 5)
    if (stall === 'stalled' && stalledMs === 0) stalledMs = nowMs
    if (stall === 'dead') deadMs = nowMs
    assert.ok(nowMs < 100_000)
  }
  assert.ok(stalledMs > 40_000 && stalledMs <= 40_500, `${stalledMs}`)
  assert.ok(deadMs > 69_500 && deadMs <= 70_000, `${deadMs}`)
})

test('R4: without a standstill the guard says what the age of the sync says', () => {
  const judge = guarded()
  for (let nowMs = 10; nowMs < 40_000; nowMs += 10) {
    const expected = judgeStall({ syncAgeMs: nowMs - 3, syncBytes: 0 }, 400)
    assert.equal(judge(nowMs, 3), expected)
  }
})
