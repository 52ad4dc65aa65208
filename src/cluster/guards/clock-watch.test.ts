/** R12: which clock counts as wrong. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeClocks } from './clock-watch.ts'

test('R12: a skew of more than 1 s is an alarm', () => {
  assert.deepEqual(judgeClocks([]), { skewMs: 0, alarm: false, odd: false })
  assert.deepEqual(judgeClocks([900, -20]), { skewMs: 900, alarm: false, odd: false })
  assert.deepEqual(judgeClocks([20, -1_500]), { skewMs: -1_500, alarm: true, odd: false })
})

test('R12: with three known clocks the odd one is the one that two others contradict', () => {
  assert.equal(judgeClocks([5_000, 5_100]).odd, true)
  assert.equal(judgeClocks([-5_000, -5_100]).odd, true)
  assert.equal(judgeClocks([5_000, 0]).odd, false)
  assert.equal(judgeClocks([5_000]).odd, false)
  assert.equal(judgeClocks([Number.NaN, 5_000]).odd, false)
})
