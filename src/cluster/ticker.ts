/**
 * The ticks of a replica. While somebody waits here, or the core is about to act, one comes every TICK_MS; else the
 * ticker rests until the core has something to do, REST_TICKS at most: an idle node costs what its wake-ups cost. A
 * tick tells how many passed, so the core counts time all the same.
 */
import type { Clock, Timer } from '../lib/clock.ts'
import { TICK_MS } from './timing.ts'

/** Short enough that no deadline, and nothing that counts silence, notices. */
const REST_TICKS = 5
/** After a pause of the process at most this many ticks are made up for beyond those that were due. */
const LATE_TICKS_MAX = 1

export interface TickerOptions {
  readonly clock: Clock
  /** Ticks until something may be due, that one included; 1 while each counts. */
  readonly ticksAhead: () => number
  /** `ticks` have passed since the last call. */
  readonly tick: (ticks: number) => void
}

export class Ticker {
  readonly #options: TickerOptions
  /** The last tick that counted. */
  #lastMs: number
  #dueMs: number
  #isResting = false
  #isStopped = false
  #timer: Timer | null = null

  constructor(options: TickerOptions) {
    this.#options = options
    this.#lastMs = options.clock.monotonicMs()
    this.#dueMs = this.#lastMs
  }

  /** The first tick comes at once. */
  start(): void {
    this.#tick()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  /** Something came that may not wait for the end of a rest. */
  wake(): void {
    if (!this.#isResting || this.#isStopped) return
    this.#timer?.cancel()
    this.#arm(1)
  }

  readonly #tick = (): void => {
    const nowMs = this.#options.clock.monotonicMs()
    const passed = Math.floor((nowMs - this.#lastMs) / TICK_MS)
    const due = Math.round((this.#dueMs - this.#lastMs) / TICK_MS)
    if (passed > 0) this.#lastMs = nowMs
    this.#isResting = false
    this.#options.tick(Math.min(passed, due + LATE_TICKS_MAX))
    if (!this.#isStopped) this.#arm(Math.min(this.#options.ticksAhead(), REST_TICKS))
  }

  #arm(ticks: number): void {
    const { clock } = this.#options
    const waitMs = ticks * TICK_MS
    this.#isResting = ticks > 1
    this.#dueMs = clock.monotonicMs() + waitMs
    this.#timer = clock.setTimer(waitMs, this.#tick)
  }
}
