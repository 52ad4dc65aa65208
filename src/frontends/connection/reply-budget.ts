/**
 * What the clients of a node have not taken of their replies and messages, together (R20). While it is much, a client
 * that has some of it waiting is not read; beyond limits.unsentBytes the client with the most is given up.
 */
import type { Socket } from 'node:net'
import { limits } from '../../protocol/limits.ts'

/** What waits for one client. */
export interface Unsent {
  /** Bytes in the budget; the budget writes it. */
  counted: number
  /** Drops everything that waits; the connection is closed at the end of the turn. Calls count(this, 0). */
  giveUp(): void
  /** Looks again at what waits: some limits are a matter of time. */
  review(): void
}

export class ReplyBudget {
  readonly #waiting = new Set<Unsent>()
  #bytes = 0

  /** What waits for all clients. */
  get bytes(): number {
    return this.#bytes
  }

  /** Clients that have something waiting are not to be read. */
  get isTight(): boolean {
    return this.#bytes > limits.unsentBytes / 2
  }

  /**
   * `bytes` wait for the client of `socket` now, what is in the socket included. Less than what makes a socket tell
   * when it is empty again counts as nothing: nobody would take it back.
   */
  look(unsent: Unsent, bytes: number, socket: Socket): void {
    if (socket.destroyed) return
    const counted = bytes < socket.writableHighWaterMark ? 0 : bytes
    if (counted !== unsent.counted) this.count(unsent, counted)
  }

  /** `bytes` of this client are counted from now on. */
  count(unsent: Unsent, bytes: number): void {
    this.#bytes += bytes - unsent.counted
    unsent.counted = bytes
    if (bytes === 0) this.#waiting.delete(unsent)
    else this.#waiting.add(unsent)
    if (this.#bytes > limits.unsentBytes) this.#largest()?.giveUp()
  }

  /** To be called now and then. */
  review(): void {
    for (const unsent of [...this.#waiting]) unsent.review()
  }

  #largest(): Unsent | null {
    let largest: Unsent | null = null
    for (const unsent of this.#waiting) {
      if (largest === null || unsent.counted > largest.counted) largest = unsent
    }
    return largest
  }
}
