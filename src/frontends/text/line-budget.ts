/**
 * R20: unfinished lines of all text connections of a node share a limit, so that many senders of large halves cannot
 * fill the memory. Short ones are free: the number of connections bounds them.
 */
import { limits } from '../../protocol/limits.ts'

const FREE_BYTES = 64 * 1024

export class LineBudget {
  #used = 0

  get used(): number {
    return this.#used
  }

  /** A connection's unfinished line goes from `before` to `now` bytes. False when there is no room: nothing changes. */
  change(before: number, now: number): boolean {
    const used = this.#used + charged(now) - charged(before)
    if (used > limits.textUnfinishedBytes && used > this.#used) return false
    this.#used = used
    return true
  }
}

function charged(bytes: number): number {
  return bytes > FREE_BYTES ? bytes : 0
}
