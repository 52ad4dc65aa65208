/** Figures of a scenario: median and largest, and how loaded the machine was. */
import { readFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'

/** Linux counts processor time in these. */
const TICK_US = 10_000

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

/** Processor time of the processes so far, user and system, in microseconds. */
export function cpuUs(pids: readonly number[]): number {
  let ticks = 0
  for (const pid of pids) {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks * TICK_US
}
