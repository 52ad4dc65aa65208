/**
 * Bytes of proposals that the leader has appended and not yet committed, so that proposers are refused before memory
 * is. Empty and configuration entries are never counted.
 */
import type { Index } from './types.ts'

export class Uncommitted {
  readonly #limit: number
  #indexes: number[] = []
  #sizes: number[] = []
  #head = 0
  #bytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The first proposal of any size is admitted: a limit below it must not block it forever. */
  admits(size: number): boolean {
    return this.#bytes === 0 || this.#bytes + size <= this.#limit
  }

  add(index: Index, size: number): void {
    this.#indexes.push(index)
    this.#sizes.push(size)
    this.#bytes += size
  }

  /** Entries up to `index` are committed. */
  release(index: Index): void {
    while (this.#head < this.#indexes.length && (this.#indexes[this.#head] as number) <= index) {
      this.#bytes -= this.#sizes[this.#head] as number
      this.#head++
    }
    if (this.#head === this.#indexes.length) this.reset()
    else if (this.#head >= 1024) this.#shrink()
  }

  reset(): void {
    this.#indexes.length = 0
    this.#sizes.length = 0
    this.#head = 0
    this.#bytes = 0
  }

  #shrink(): void {
    this.#indexes.splice(0, this.#head)
    this.#sizes.splice(0, this.#head)
    this.#head = 0
  }
}
