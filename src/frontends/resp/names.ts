/**
 * Finds a command by the bytes of its name without making a string: a hash over the bytes with case folded,
 * then a comparison. Built once when the doors open; never changed afterwards.
 */
import { assert } from '../../lib/assert.ts'

interface Slot<T> {
  readonly name: Uint8Array
  readonly value: T
}

/** Longer names are not commands: the hash is not computed over what a client sends beyond it. */
const LONGEST_NAME = 64

export class NameTable<T> {
  readonly #slots: (Slot<T> | null)[]
  readonly #mask: number

  /** Keys are lower case ASCII names. */
  constructor(values: Iterable<readonly [string, T]>) {
    const all = [...values]
    let size = 64
    while (size < all.length * 4) size *= 2
    this.#mask = size - 1
    this.#slots = new Array(size).fill(null)
    for (const [text, value] of all) this.#insert(Buffer.from(text, 'latin1'), value)
  }

  /** The value whose name is bytes [start, end) in any case, or null. */
  find(bytes: Uint8Array, start: number, end: number): T | null {
    if (end - start > LONGEST_NAME) return null
    let at = hash(bytes, start, end) & this.#mask
    for (;;) {
      const slot = this.#slots[at] as Slot<T> | null
      if (slot === null) return null
      if (sameName(slot.name, bytes, start, end)) return slot.value
      at = (at + 1) & this.#mask
    }
  }

  #insert(name: Uint8Array, value: T): void {
    assert(name.length <= LONGEST_NAME, () => `Command name of ${name.length} bytes`)
    assert(this.find(name, 0, name.length) === null, () => `Command ${name} is there twice`)
    let at = hash(name, 0, name.length) & this.#mask
    while (this.#slots[at] !== null) at = (at + 1) & this.#mask
    this.#slots[at] = { name, value }
  }
}

function hash(bytes: Uint8Array, start: number, end: number): number {
  let value = end - start
  for (let i = start; i < end; i++) value = (Math.imul(value, 31) + ((bytes[i] as number) | 0x20)) | 0
  return value ^ (value >>> 15)
}

function sameName(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false
  for (let i = 0; i < name.length; i++) {
    const byte = bytes[start + i] as number
    const lower = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
    if (lower !== name[i]) return false
  }
  return true
}
