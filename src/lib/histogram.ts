/**
 * Counts of values by size, for metrics: fixed bounds, one array increment per value, no allocation. Rendered only when
 * somebody asks.
 */

/** Upper bounds for durations in seconds, from 50 us to 10 s. */
export const DURATION_BOUNDS: readonly number[] = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

export class Histogram {
  readonly bounds: readonly number[]
  /** Values by bucket, not cumulative; the last one holds what is above every bound. */
  readonly counts: Float64Array
  sum = 0

  /** `bounds`: upper bounds, inclusive, ascending. */
  constructor(bounds: readonly number[] = DURATION_BOUNDS) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  record(value: number): void {
    const { bounds, counts } = this
    let low = 0
    let high = bounds.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (value <= (bounds[middle] as number)) high = middle
      else low = middle + 1
    }
    counts[low] = (counts[low] as number) + 1
    this.sum += value
  }

  get count(): number {
    let count = 0
    for (const bucket of this.counts) count += bucket
    return count
  }
}
