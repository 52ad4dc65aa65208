/**
 * A clock that a test moves by hand, for what a door does after a time: whatever the machine does meanwhile, not a
 * millisecond passes that the test did not let pass. Deferred functions run in the loop's next turn, as always.
 */
import type { Clock, Timer } from '../../lib/clock.ts'

interface Waiting {
  readonly dueMs: number
  readonly fn: () => void
}

export class HandClock implements Clock {
  #nowMs = 1_000
  readonly #waiting = new Set<Waiting>()

  monotonicMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#nowMs
  }

  setTimer(delayMs: number, fn: () => void): Timer {
    const timer = { dueMs: this.#nowMs + delayMs, fn }
    this.#waiting.add(timer)
    return { cancel: () => this.#waiting.delete(timer) }
  }

  defer(fn: () => void): void {
    setImmediate(fn)
  }

  /** Timers that are set and have not fired. */
  get timers(): number {
    return this.#waiting.size
  }

  /** Lets time pass, and fires what is due by then, in order; timers that these set wait for the next call. */
  pass(ms: number): void {
    this.#nowMs += ms
    const due = [...this.#waiting].filter(({ dueMs }) => dueMs <= this.#nowMs)
    for (const timer of due.sort((a, b) => a.dueMs - b.dueMs)) {
      if (this.#waiting.delete(timer)) timer.fn()
    }
  }
}
