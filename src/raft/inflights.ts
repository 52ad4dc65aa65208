/**
 * The window of appendEntries sent to one follower and not yet acknowledged, bounded in messages and in bytes. A ring
 * of (last index, bytes) that grows on demand, since most groups are idle.
 */
import { assert } from '../lib/assert.ts'
import type { Index } from './types.ts'

export class Inflights {
  readonly #maxMessages: number
  readonly #maxBytes: number
  /** Parallel rings; their length is a power of two. */
  #indexes: number[] = []
  #sizes: number[] = []
  #start = 0
  #count = 0
  #bytes = 0

  constructor(maxMessages: number, maxBytes: number) {
    assert(maxMessages > 0 && maxBytes > 0, 'An inflight window needs room')
    this.#maxMessages = maxMessages
    this.#maxBytes = maxBytes
  }

  get count(): number {
    return this.#count
  }

  get bytes(): number {
    return this.#bytes
  }

  /** No further message may be added. One message of any size fits an empty window. */
  get full(): boolean {
    return this.#count >= this.#maxMessages || (this.#count > 0 && this.#bytes >= this.#maxBytes)
  }

  /** Adds a message whose last entry is `index`; indexes grow. */
  add(index: Index, bytes: number): void {
    assert(!this.full, 'Cannot add to a full inflight window')
    if (this.#count === this.#indexes.length) this.#grow()
    const at = (this.#start + this.#count) & (this.#indexes.length - 1)
    this.#indexes[at] = index
    this.#sizes[at] = bytes
    this.#count++
    this.#bytes += bytes
  }

  /** Frees every message whose last entry is at or below `index`. */
  freeTo(index: Index): void {
    while (this.#count > 0 && (this.#indexes[this.#start] as number) <= index) {
      this.#bytes -= this.#sizes[this.#start] as number
      this.#start = (this.#start + 1) & (this.#indexes.length - 1)
      this.#count--
    }
    assert(this.#bytes >= 0, 'Inflight bytes are negative')
  }

  reset(): void {
    this.#start = 0
    this.#count = 0
    this.#bytes = 0
  }

  #grow(): void {
    const old = this.#indexes.length
    const size = Math.max(4, old * 2)
    const indexes = new Array<number>(size).fill(0)
    const sizes = new Array<number>(size).fill(0)
    for (let i = 0; i < this.#count; i++) {
      const at = (this.#start + i) & (old - 1)
      indexes[i] = this.#indexes[at] as number
      sizes[i] = this.#sizes[at] as number
    }
    this.#indexes = indexes
    this.#sizes = sizes
    this.#start = 0
  }
}
