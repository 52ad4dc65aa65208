/** What waits for the applied state to come somewhere: a revision, the end of an entry. Bounded, and never for ever. */
import { limits } from '../../protocol/limits.ts'

interface Waiter {
  readonly isReady: () => boolean
  readonly deadlineMs: number
  readonly done: (inTime: boolean) => void
}

export class AppliedWaiters {
  #waiting: Waiter[] = []

  /** Calls `done` at once, behind an entry, or with false when the deadline (monotonic) has passed. */
  wait(isReady: () => boolean, deadlineMs: number, done: (inTime: boolean) => void): void {
    if (isReady()) return done(true)
    if (this.#waiting.length >= limits.pendingReads) return done(false)
    this.#waiting.push({ isReady, deadlineMs, done })
  }

  /** An entry was applied, or the state was replaced. */
  applied(): void {
    if (this.#waiting.length > 0) this.#settle((waiter) => waiter.isReady(), true)
  }

  tick(nowMs: number): void {
    if (this.#waiting.length > 0) this.#settle((waiter) => waiter.deadlineMs <= nowMs, false)
  }

  close(): void {
    this.#settle(() => true, false)
  }

  #settle(isOver: (waiter: Waiter) => boolean, inTime: boolean): void {
    const over: Waiter[] = []
    const left: Waiter[] = []
    for (const waiter of this.#waiting) (isOver(waiter) ? over : left).push(waiter)
    if (over.length === 0) return
    this.#waiting = left
    for (const waiter of over) waiter.done(inTime)
  }
}
