/** R4: when a disk counts as stalled. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeStall } from './stall-guard.ts'

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
