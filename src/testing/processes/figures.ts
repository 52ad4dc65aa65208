/** Figures of a scenario: median and largest, and how loaded the machine was. */
import { cpus, loadavg } from 'node:os'

export interface Summary {
  readonly count: number
  readonly median: number
  readonly max: number
}

/** Median and maximum of what was measured; zeros of nothing. */
export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b)
  const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0
  return { count: sorted.length, median, max: sorted.at(-1) ?? 0 }
}

/** The machine during the measurement, to be read with every figure. */
export function machine(): { cores: number; load1: number } {
  return { cores: cpus().length, load1: Math.round((loadavg()[0] ?? 0) * 100) / 100 }
}
