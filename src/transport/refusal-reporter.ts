/**
 * Reports refusals without flooding the log: the same reason of the same host once in a while. Bounded (R20):
 * hosts that knock with ever new reasons push out the oldest.
 */
import type { Clock } from '../lib/clock.ts'
import { hostOf } from './address.ts'
import { timing } from './timing.ts'

const REMEMBERED_MAX = 256

export class RefusalReporter {
  readonly #clock: Clock
  readonly #report: (remote: string, reason: string) => void
  /** Host and reason -> monotonic ms of the last report, oldest first. */
  readonly #reported = new Map<string, number>()

  constructor(clock: Clock, report: (remote: string, reason: string) => void) {
    this.#clock = clock
    this.#report = report
  }

  refused(remote: string, reason: string): void {
    const key = `${hostOf(remote)} ${reason}`
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - (this.#reported.get(key) ?? -Infinity) < timing.refusalQuietMs) return
    this.#reported.delete(key)
    this.#reported.set(key, nowMs)
    if (this.#reported.size > REMEMBERED_MAX) {
      for (const oldest of this.#reported.keys()) {
        this.#reported.delete(oldest)
        break
      }
    }
    this.#report(remote, reason)
  }
}
