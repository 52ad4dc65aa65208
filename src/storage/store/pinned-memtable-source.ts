/** One sorted stretch of a memtable's keys as they were at an entry: later keys are not there, later values neither. */
import type { ByteString } from '../../lib/bytes.ts'
import type { Memtable } from './memtable.ts'
import { lowerBound } from './ordered-keys.ts'

export class PinnedMemtableSource {
  readonly age: number
  key: ByteString = ''
  readonly #memtable: Memtable
  readonly #keys: readonly ByteString[]
  readonly #index: number
  readonly #step: 1 | -1
  #at = 0

  /** `index`: the entry; `step` -1 goes down. */
  constructor(age: number, memtable: Memtable, keys: readonly ByteString[], index: number, step: 1 | -1) {
    this.age = age
    this.#memtable = memtable
    this.#keys = keys
    this.#index = index
    this.#step = step
  }

  /** Up: stands on the first key >= `bound`. Down: on the last key below it (null = no bound). */
  seek(bound: ByteString | null): boolean {
    const at = bound === null ? this.#keys.length : lowerBound(this.#keys, bound)
    this.#at = this.#step === 1 ? at - 1 : at
    return this.next()
  }

  next(): boolean {
    this.#at += this.#step
    const key = this.#keys[this.#at]
    if (key === undefined) return false
    this.key = key
    return true
  }

  /** Place of the record at the entry; undefined when the key was not in the memtable then. */
  place(): number | undefined {
    return this.#memtable.findAt(this.key, this.#index)
  }

  version(place: number): number {
    return this.#memtable.version(place)
  }

  value(place: number): Buffer | null {
    return this.#memtable.value(place)
  }
}
