/** One sorted stretch of a memtable's keys as a source of a merge. */
import type { ByteString } from '../../lib/bytes.ts'
import { hashKey } from './hash.ts'
import type { Memtable } from './memtable.ts'
import type { Source } from './merge.ts'

export class MemtableSource implements Source {
  readonly age: number
  key: ByteString
  readonly #memtable: Memtable
  readonly #keys: readonly ByteString[]
  #at: number

  /** Stands on keys[at], which exists. */
  constructor(age: number, memtable: Memtable, keys: readonly ByteString[], at: number) {
    this.age = age
    this.#memtable = memtable
    this.#keys = keys
    this.#at = at
    this.key = keys[at] as ByteString
  }

  version(): number {
    return this.#memtable.version(this.#place())
  }

  value(): Buffer | null {
    return this.#memtable.value(this.#place())
  }

  next(): boolean {
    if (++this.#at >= this.#keys.length) return false
    this.key = this.#keys[this.#at] as ByteString
    return true
  }

  #place(): number {
    return this.#memtable.find(this.key, hashKey(this.key)) as number
  }
}
