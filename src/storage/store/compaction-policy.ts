/**
 * Which runs to merge. Runs are stacked by age, newest first. Small runs gather until FAN_OUT of one size
 * class lie next to each other, then they become one run; when all newer runs together reach the size of the
 * oldest one, everything is merged into it. A merge goes through the key space in stretches of bounded size;
 * runs with `mergeInto` are in the middle of that and are finished before anything else is done with them.
 *
 * Bounds (docs/internals/store.md): at most FAN_OUT - 1 settled runs per size class, space at most about
 * twice the live data, each record rewritten about once per size class between its flush and the oldest run.
 */
import type { RunGroup } from './manifest-edits.ts'

/** Runs of one class that are merged together; a class spans this factor of size. */
const FAN_OUT = 4
/** The oldest run takes in everything when newer runs reach this share of it. */
const SPACE_RATIO = 1
/** With this many runs flushes wait for compactions: reads must not get arbitrarily slow. */
export const RUNS_MAX = 32

export interface RunSize {
  readonly bytes: number
  readonly id: number
  readonly mergeInto: number
}

/**
 * The next group to work on, the newest (the smallest, as a rule) first; null when all is well. `reclaiming`: space is
 * short, so everything is merged into one run as soon as there are two: what was deleted goes for good.
 */
export function pickGroup(runs: readonly RunSize[], unitBytes: number, reclaiming = false): RunGroup | null {
  const merging = runs.findIndex((run) => run.mergeInto !== 0)
  const count = merging < 0 ? runs.length : merging
  if (reclaiming && count === runs.length && count >= 2) return { first: 0, last: count - 1 }
  const group = pickSettled(runs, count, unitBytes)
  if (group !== null || merging < 0) return group
  const target = (runs[merging] as RunSize).mergeInto
  return { first: merging, last: runs.findIndex((run) => run.id === target) }
}

/** Looks at the first `count` runs. */
function pickSettled(runs: readonly RunSize[], count: number, unitBytes: number): RunGroup | null {
  const settled = runs.slice(0, count)
  const oldest = settled.at(-1)
  if (oldest === undefined || count < 2) return null
  if (count === runs.length) {
    const newer = settled.reduce((sum, run) => sum + run.bytes, 0) - oldest.bytes
    if (newer >= SPACE_RATIO * oldest.bytes) return { first: 0, last: count - 1 }
  }
  return pickClass(settled, unitBytes)
}

/**
 * FAN_OUT neighbours of one class. A run counts at least as the class of what is newer: it is merged with
 * that.
 */
function pickClass(runs: readonly RunSize[], unitBytes: number): RunGroup | null {
  let current = -1
  let first = 0
  for (let i = 0; i <= runs.length; i++) {
    const run = runs[i]
    const next =
      run === undefined ? Number.POSITIVE_INFINITY : Math.max(current, sizeClass(run.bytes, unitBytes))
    if (next === current) continue
    if (i - first >= FAN_OUT) return { first, last: i - 1 }
    first = i
    current = next
  }
  return null
}

function sizeClass(bytes: number, unitBytes: number): number {
  let size = 0
  for (let limit = unitBytes; bytes >= limit; limit *= FAN_OUT) size++
  return size
}
