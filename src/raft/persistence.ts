/**
 * The bookkeeping of asynchronous log writes. Every Ready has a number; the host acknowledges numbers in order. What
 * a number attests (log entries up to an index) is remembered from the moment it is handed out, and lowered when a
 * later truncation replaces part of it: a late acknowledgement can then never make stable what was overwritten since,
 * not even when the same entry came back in between (the ABA case).
 */
import { assert } from '../lib/assert.ts'
import type { Index } from './types.ts'

interface PendingWrite {
  readonly number: number
  /** The log is durable up to here once this number is; 0 when the write carried no entries. */
  attests: Index
  /** The commit index that is durable then. */
  readonly commitIndex: Index
}

export class Persistence {
  #lastNumber = 0
  /** The newest number that had to be synced. */
  #lastSync = 0
  #persisted = 0
  #durableCommit: Index = 0
  readonly #pending: PendingWrite[] = []

  /** The number of the newest Ready. */
  get lastNumber(): number {
    return this.#lastNumber
  }

  /** Messages that depend on the newest sync may leave when this number is durable. */
  get lastSync(): number {
    return this.#lastSync
  }

  /** The newest commit index that was synced. */
  get durableCommit(): Index {
    return this.#durableCommit
  }

  isPersisted(number: number): boolean {
    return number <= this.#persisted
  }

  /** Numbers the next Ready; `attests` is the last index of its entries, 0 without entries. */
  issue(mustSync: boolean, attests: Index, commitIndex: Index): number {
    this.#lastNumber++
    if (mustSync) {
      this.#lastSync = this.#lastNumber
      this.#pending.push({ number: this.#lastNumber, attests, commitIndex })
    }
    return this.#lastNumber
  }

  /** The log is replaced from `index` on (0: as a whole). */
  truncated(index: Index): void {
    const bound = Math.max(index - 1, 0)
    for (const write of this.#pending) if (write.attests > bound) write.attests = bound
  }

  /** Numbers up to `number` are durable; returns the index up to which the log now is, 0 when it says nothing. */
  acknowledge(number: number): Index {
    assert(
      number <= this.#lastNumber,
      () => `Number ${number} is persisted, only ${this.#lastNumber} was taken`,
    )
    assert(number >= this.#persisted, () => `Number ${number} is persisted after ${this.#persisted}`)
    this.#persisted = number
    let attested: Index = 0
    let done = 0
    for (const write of this.#pending) {
      if (write.number > number) break
      attested = Math.max(attested, write.attests)
      this.#durableCommit = write.commitIndex
      done++
    }
    this.#pending.splice(0, done)
    return attested
  }
}
