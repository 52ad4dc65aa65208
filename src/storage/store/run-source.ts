/**
 * One sorted run of tables as a source of a merge. How blocks come is the reader's matter: in a job they are
 * read on the spot, on the loop they are in memory or MISS is thrown.
 */
import type { ByteString } from '../../lib/bytes.ts'
import type { Block } from './block.ts'
import { higherKey } from './manifest.ts'
import type { Source } from './merge.ts'

/** One table of a run, or what is still visible of it. */
export interface RunPart {
  /** Keys below are not visible. */
  readonly lower: ByteString
  readonly blockCount: number
  /** The only block that may hold `key`. */
  findBlock(key: ByteString): number
  /** A checked block; may throw MISS. */
  block(index: number): Block
}

export class RunSource implements Source {
  readonly age: number
  key: ByteString = ''
  readonly #parts: readonly RunPart[]
  #part = 0
  #blockIndex = 0
  #block: Block | null = null
  #position = 0

  constructor(age: number, parts: readonly RunPart[]) {
    this.age = age
    this.#parts = parts
  }

  /** Stands on the first visible key >= `from`; false when there is none. */
  seek(from: ByteString): boolean {
    const part = this.#parts[this.#part]
    if (part === undefined) return false
    const target = higherKey(from, part.lower)
    this.#blockIndex = part.findBlock(target)
    this.#block = part.block(this.#blockIndex)
    this.#position = this.#block.seek(target)
    if (this.#position < this.#block.count) {
      this.key = this.#block.key(this.#position)
      return true
    }
    return this.#nextBlock(from)
  }

  next(): boolean {
    const block = this.#block as Block
    if (++this.#position < block.count) {
      this.key = block.key(this.#position)
      return true
    }
    return this.#nextBlock('')
  }

  version(): number {
    return (this.#block as Block).version(this.#position)
  }

  value(): Buffer | null {
    return (this.#block as Block).value(this.#position)
  }

  /** The first record of the next block: the one before holds no key >= any lower bound of its part. */
  #nextBlock(from: ByteString): boolean {
    const part = this.#parts[this.#part] as RunPart
    if (++this.#blockIndex >= part.blockCount) {
      this.#part++
      return this.seek(from)
    }
    this.#block = part.block(this.#blockIndex)
    this.#position = 0
    this.key = this.#block.key(0)
    return true
  }
}
