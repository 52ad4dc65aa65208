/** Buckets of the histogram at and around their bounds. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { DURATION_BOUNDS, Histogram } from './histogram.ts'

describe('a histogram', () => {
  test('puts a value into the first bucket whose bound is not below it', () => {
    const histogram = new Histogram([1, 2, 4])
    for (const value of [0, 1, 1.5, 2, 3, 4, 4.1, 100]) histogram.record(value)
    assert.deepEqual([...histogram.counts], [2, 2, 2, 2])
    assert.equal(histogram.count, 8)
    assert.equal(histogram.sum, 0 + 1 + 1.5 + 2 + 3 + 4 + 4.1 + 100)
  })

  test('counts every value once, as a linear search would', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 20, noNaN: true })), (values) => {
        const histogram = new Histogram()
        const expected = new Array(DURATION_BOUNDS.length + 1).fill(0)
        for (const value of values) {
          histogram.record(value)
          const at = DURATION_BOUNDS.findIndex((bound) => value <= bound)
          expected[at < 0 ? DURATION_BOUNDS.length : at]++
        }
        assert.deepEqual([...histogram.counts], expected)
      }),
    )
  })

  test('has ascending bounds for durations', () => {
    assert.deepEqual(
      [...DURATION_BOUNDS].sort((a, b) => a - b),
      DURATION_BOUNDS,
    )
  })
})
