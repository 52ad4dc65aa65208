/**
 * How much may wait for a client that gets bytes without asking, as Redis' client-output-buffer-limit for pub/sub: so
 * much at once, and a part of it for so long. Beyond it the client is closed: what it missed it could not know.
 */
import type { Clock } from '../../lib/clock.ts'
import { limits } from '../../protocol/limits.ts'

const NEVER = Number.POSITIVE_INFINITY

export class PushLimit {
  readonly #clock: Clock
  /** When more than limits.pushSoftBytes began to wait. */
  #slowSinceMs = NEVER

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** False when the client, for whom `bytes` wait now, must be closed. */
  allows(bytes: number): boolean {
    if (bytes <= limits.pushSoftBytes) {
      this.#slowSinceMs = NEVER
      return true
    }
    const nowMs = this.#clock.monotonicMs()
    if (this.#slowSinceMs === NEVER) this.#slowSinceMs = nowMs
    return bytes <= limits.pushBytes && nowMs - this.#slowSinceMs < limits.pushSoftMs
  }
}
