/**
 * Watches the Node.js process: how late its event loop runs timers, and how long garbage collections stop it. Runs from
 * the opening of the doors to their closing.
 */
import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'
import type { Clock, Timer } from '../../lib/clock.ts'
import { Histogram } from '../../lib/histogram.ts'

/** How often the loop's delay is measured. */
const INTERVAL_MS = 100

const GC_KINDS: ReadonlyMap<number, string> = new Map([
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
])

export class RuntimeMonitor {
  /** Seconds by which a timer was late. */
  readonly loopDelay = new Histogram()
  /** The newest of them. */
  lastDelaySeconds = 0
  /** Seconds per collection, by kind. */
  readonly collections: ReadonlyMap<string, Histogram> = new Map(
    [...GC_KINDS.values()].map((kind) => [kind, new Histogram()] as const),
  )
  readonly #clock: Clock
  readonly #observer: PerformanceObserver
  #timer: Timer | null = null

  constructor(clock: Clock) {
    this.#clock = clock
    this.#observer = new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) this.#collected(entry)
    })
    this.#observer.observe({ entryTypes: ['gc'] })
    this.#measure()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#observer.disconnect()
  }

  #measure(): void {
    const dueMs = this.#clock.monotonicMs() + INTERVAL_MS
    this.#timer = this.#clock.setTimer(INTERVAL_MS, () => {
      this.lastDelaySeconds = Math.max(0, this.#clock.monotonicMs() - dueMs) / 1000
      this.loopDelay.record(this.lastDelaySeconds)
      this.#measure()
    })
  }

  #collected(entry: PerformanceEntry): void {
    const { kind } = (entry as PerformanceEntry & { detail: { kind: number } }).detail
    this.collections.get(GC_KINDS.get(kind) ?? '')?.record(entry.duration / 1000)
  }
}

/** Open file descriptors of this process; null where the system has no /proc. */
export async function countOpenFiles(): Promise<number | null> {
  try {
    return (await readdir('/proc/self/fd')).length
  } catch {
    return null
  }
}

/** The soft limit of open file descriptors; NaN where the system does not tell. */
export function openFilesLimit(): number {
  try {
    const line = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
    return line?.[1] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(line?.[1] ?? Number.NaN)
  } catch {
    return Number.NaN
  }
}
