/** Builds little-endian messages of unknown length: fixed-width integers, and bytes behind their u32 length. */
import { writeU32, writeU64 } from './bytes.ts'

const FIRST_SIZE = 256

/** Grows as it is written to; what is written is never read back. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(FIRST_SIZE)
  #size = 0

  u8(value: number): void {
    const at = this.#grow(1)
    this.#bytes[at] = value
  }

  u32(value: number): void {
    const at = this.#grow(4)
    writeU32(this.#bytes, at, value)
  }

  u64(value: number): void {
    const at = this.#grow(8)
    writeU64(this.#bytes, at, value)
  }

  /** Behind a u32 length. */
  bytes(value: Buffer): void {
    this.u32(value.length)
    this.raw(value)
  }

  /** UTF-8 behind a u32 length. */
  text(value: string): void {
    this.bytes(Buffer.from(value))
  }

  /** Without a length. */
  raw(value: Buffer): void {
    const at = this.#grow(value.length)
    value.copy(this.#bytes, at)
  }

  /** Everything written; the writer must not be used afterwards. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#size)
  }

  /** Makes room for `size` bytes and returns where they go. */
  #grow(size: number): number {
    const at = this.#size
    this.#size += size
    if (this.#size > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#size))
      this.#bytes.copy(grown, 0, 0, at)
      this.#bytes = grown
    }
    return at
  }
}
