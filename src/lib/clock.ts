/**
 * The Clock seam: time and deferral. Real in server/, simulated in testing/. Nothing else in the program reads
 * a clock or sets a timer.
 */

export interface Timer {
  /** Stops the timer; harmless when it has fired or was cancelled already. */
  cancel(): void
}

export interface Clock {
  /** Milliseconds since some fixed point; never goes back; fractional. */
  monotonicMs(): number
  /** Milliseconds since the Unix epoch; may jump either way. */
  wallMs(): number
  /** Runs `fn` once, `delayMs` (>= 0) from now. */
  setTimer(delayMs: number, fn: () => void): Timer
  /** Runs `fn` once after the I/O callbacks of this turn (setImmediate). */
  defer(fn: () => void): void
}
