/**
 * The time of the present turn of the event loop: one clock read per turn, however many commands are timed in it. Ends
 * with the microtasks of the turn.
 */
import type { Clock } from '../../lib/clock.ts'
import { atEndOfTurn } from '../connection/end-of-turn.ts'

export class TurnClock {
  readonly #clock: Clock
  #nowMs = 0
  #isFresh = false
  readonly #expire = (): void => {
    this.#isFresh = false
  }

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Monotonic milliseconds as of this turn's first call. */
  nowMs(): number {
    if (!this.#isFresh) {
      this.#isFresh = true
      this.#nowMs = this.#clock.monotonicMs()
      atEndOfTurn(this.#expire)
    }
    return this.#nowMs
  }
}
