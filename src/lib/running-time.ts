/**
 * Time in which this process ran: the monotonic clock without what passed while the process stood still (SIGSTOP, a
 * paused virtual machine, a host that hangs). Patience that is counted in it is not used up by a time in which nothing
 * could be done: what arrived meanwhile is looked at first. It never goes back, and never ahead of the clock.
 */

/** What ticks far more often than this, or is due, and comes so much later: the process stood still. */
export const STANDSTILL_MS = 200

export class RunningTime {
  #ranMs = 0
  #tickedMs: number

  /** `nowMs`, here and below: the monotonic clock. */
  constructor(nowMs: number) {
    this.#tickedMs = nowMs
  }

  /** Without a tick it goes on by STANDSTILL_MS at most. */
  tick(nowMs: number): void {
    this.#ranMs = this.at(nowMs)
    this.#tickedMs = nowMs
  }

  /** Milliseconds in which the process ran, from the making of this object to `nowMs`, the last tick or later. */
  at(nowMs: number): number {
    return this.#ranMs + Math.min(nowMs - this.#tickedMs, STANDSTILL_MS)
  }
}
