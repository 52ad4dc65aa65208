/**
 * The log clock (R12): the only time the engine knows. An elected leader's clock starts at max(last stamp, wall
 * clock), then runs on the monotonic clock, slewed at most 5 % towards wall time, and never goes back.
 */
import type { Clock } from '../../lib/clock.ts'

const SLEW = 0.05

export class LogClock {
  readonly #clock: Clock
  #baseMs = 0
  #lastMonotonicMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A new leader's start: `lastStampMs` is the newest stamp in its log or state. */
  start(lastStampMs: number): void {
    this.#baseMs = Math.max(lastStampMs, this.#clock.wallMs())
    this.#lastMonotonicMs = this.#clock.monotonicMs()
  }

  /** The time now, in whole milliseconds since the epoch; never less than before. */
  nowMs(): number {
    const monotonicMs = this.#clock.monotonicMs()
    const elapsed = Math.max(0, monotonicMs - this.#lastMonotonicMs)
    this.#lastMonotonicMs = monotonicMs
    const ahead = this.#baseMs + elapsed - this.#clock.wallMs()
    const correction = Math.min(Math.abs(ahead), elapsed * SLEW)
    this.#baseMs += elapsed - Math.sign(ahead) * correction
    return Math.floor(this.#baseMs)
  }

  /** How far this clock is ahead of the wall clock, in ms (negative: behind). */
  skewMs(): number {
    return this.#baseMs - this.#clock.wallMs()
  }
}
