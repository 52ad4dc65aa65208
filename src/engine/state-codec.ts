/**
 * Writing and reading of the engine's own state (save and load): fixed-width little-endian fields one after
 * the other, strings and bytes with a u32 length. The same history gives the same bytes on every replica.
 */
import { assert } from '../lib/assert.ts'
import { readU32, readU64, writeU32, writeU64 } from '../lib/bytes.ts'

/** Collects fields into one buffer. */
export class StateWriter {
  #bytes = Buffer.allocUnsafe(1024)
  #size = 0

  u8(value: number): void {
    this.#room(1)[this.#size] = value
    this.#size += 1
  }

  u32(value: number): void {
    writeU32(this.#room(4), this.#size, value)
    this.#size += 4
  }

  u64(value: number): void {
    writeU64(this.#room(8), this.#size, value)
    this.#size += 8
  }

  bytes(value: Buffer): void {
    this.u32(value.length)
    value.copy(this.#room(value.length), this.#size)
    this.#size += value.length
  }

  text(value: string): void {
    this.bytes(Buffer.from(value))
  }

  /** A copy of everything written. */
  finish(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#size))
  }

  #room(size: number): Buffer {
    if (this.#size + size > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#size + size))
      this.#bytes.copy(grown, 0, 0, this.#size)
      this.#bytes = grown
    }
    return this.#bytes
  }
}

/** Reads what StateWriter wrote; asserts that nothing is missing or left over. */
export class StateReader {
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

  /** A copy: it does not keep the whole state alive. */
  bytes(): Buffer {
    const length = this.u32()
    const at = this.#take(length)
    return Buffer.from(this.#bytes.subarray(at, at + length))
  }

  text(): string {
    return this.bytes().toString()
  }

  end(): void {
    assert(this.#at === this.#bytes.length, () => `State has ${this.#bytes.length - this.#at} stray bytes`)
  }

  #take(size: number): number {
    const at = this.#at
    assert(at + size <= this.#bytes.length, () => `State is cut off at ${this.#bytes.length}`)
    this.#at = at + size
    return at
  }
}
