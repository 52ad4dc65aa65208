/** The real Clock: the process's monotonic clock, the system's wall clock, the event loop's timers. */
import type { Clock, Timer } from '../../lib/clock.ts'

/** Longest delay that setTimeout takes. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1
/** From here on a wait is a millisecond longer at once: the loop would wake up early, for nothing, most times. */
const LONG_MS = 5

export class RealClock implements Clock {
  monotonicMs(): number {
    return performance.now()
  }

  wallMs(): number {
    return Date.now()
  }

  setTimer(delayMs: number, fn: () => void): Timer {
    return new RealTimer(delayMs, fn)
  }

  defer(fn: () => void): void {
    setImmediate(fn)
  }
}

/**
 * The loop's own time is coarse: a timer that wakes early by the process's clock is armed again for the rest.
 */
class RealTimer implements Timer {
  readonly #dueMs: number
  readonly #fn: () => void
  #timeout: NodeJS.Timeout | null = null

  constructor(delayMs: number, fn: () => void) {
    this.#dueMs = performance.now() + delayMs
    this.#fn = fn
    this.#arm(delayMs)
  }

  cancel(): void {
    if (this.#timeout === null) return
    clearTimeout(this.#timeout)
    this.#timeout = null
  }

  #arm(delayMs: number): void {
    const wholeMs = delayMs < LONG_MS ? Math.ceil(delayMs) : Math.floor(delayMs) + 1
    this.#timeout = setTimeout(this.#fire, Math.min(wholeMs, TIMEOUT_MS_MAX))
  }

  readonly #fire = (): void => {
    const remainingMs = this.#dueMs - performance.now()
    if (remainingMs > 0) {
      this.#arm(remainingMs)
      return
    }
    this.#timeout = null
    this.#fn()
  }
}
