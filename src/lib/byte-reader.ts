/** Reads what ByteWriter wrote; asserts that nothing is missing or left over. */
import { assert } from './assert.ts'
import { readU32, readU64 } from './bytes.ts'

/** A place in a buffer that moves forward; what it gives out are views. */
export class ByteReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  u8(): number {
    return this.#bytes[this.#take(1)] as number
  }

  u32(): number {
    return readU32(this.#bytes, this.#take(4))
  }

  u64(): number {
    return readU64(this.#bytes, this.#take(8))
  }

  /** Behind a u32 length. */
  bytes(): Buffer {
    return this.raw(this.u32())
  }

  /** UTF-8 behind a u32 length. */
  text(): string {
    return this.bytes().toString()
  }

  /** The next `size` bytes. */
  raw(size: number): Buffer {
    const at = this.#take(size)
    return this.#bytes.subarray(at, at + size)
  }

  /** Asserts that everything was read. */
  end(): void {
    assert(this.#at === this.#bytes.length, () => `Message has ${this.#bytes.length - this.#at} stray bytes`)
  }

  #take(size: number): number {
    const at = this.#at
    assert(at + size <= this.#bytes.length, () => `Message is cut off at ${this.#bytes.length}`)
    this.#at = at + size
    return at
  }
}
