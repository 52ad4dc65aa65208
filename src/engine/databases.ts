/**
 * The 16 logical databases: which physical database each one is now, and how many records it holds.
 * Replicated state. A flush gives a database a new physical id, so it costs nothing per key; ids are never
 * reused. Changes made since commit() can be rolled back, because a command that misses leaves no trace (R2).
 */

import { assert, must } from '../lib/assert.ts'
import type { ByteReader } from '../lib/byte-reader.ts'
import type { ByteWriter } from '../lib/byte-writer.ts'
import type { ByteString } from '../lib/bytes.ts'
import { PHYSICAL_DATABASE_MAX, recordPrefix } from './keys.ts'

/** Logical databases, 0-15. */
export const DATABASE_COUNT = 16
const UNDO_WIDTH = 4

/** Logical -> physical databases and their counters, with undo. */
export class Databases {
  readonly #ids: number[] = []
  readonly #prefixes: ByteString[] = []
  readonly #keys: number[] = []
  readonly #expires: number[] = []
  #nextId = 1
  #committedNextId = 1
  /** Rows of (database, id, keys, expires) before each change since commit(), oldest first. */
  readonly #undo: number[] = []
  #undoSize = 0

  constructor() {
    for (let database = 0; database < DATABASE_COUNT; database++) this.#set(database, this.#takeId(), 0, 0)
    this.commit()
  }

  /** The physical id that `database` has now. */
  idOf(database: number): number {
    return this.#ids[database] as number
  }

  /** What physical keys of `database`'s records begin with. */
  prefixOf(database: number): ByteString {
    return must(this.#prefixes[database], 'logical database')
  }

  /** The logical database that a physical id stands for now, or -1 when it was flushed. */
  logicalOf(physicalDatabase: number): number {
    return this.#ids.indexOf(physicalDatabase)
  }

  /** Records, due ones included until their expire command applies (R11). */
  keysOf(database: number): number {
    return this.#keys[database] as number
  }

  /** Records that have an expiry. */
  expiresOf(database: number): number {
    return this.#expires[database] as number
  }

  count(database: number, keysChange: number, expiresChange: number): void {
    if (keysChange === 0 && expiresChange === 0) return
    this.#remember(database)
    const keys = this.keysOf(database) + keysChange
    const expires = this.expiresOf(database) + expiresChange
    assert(expires >= 0 && expires <= keys, () => `Database ${database} has ${keys} keys, ${expires} expire`)
    this.#keys[database] = keys
    this.#expires[database] = expires
  }

  /** Empties `database`; returns the physical id it had. */
  replace(database: number): number {
    this.#remember(database)
    const old = this.idOf(database)
    this.#set(database, this.#takeId(), 0, 0)
    return old
  }

  /** Exchanges what two databases hold. */
  swap(a: number, b: number): void {
    this.#remember(a)
    this.#remember(b)
    const [id, keys, expires] = [this.idOf(a), this.keysOf(a), this.expiresOf(a)]
    this.#set(a, this.idOf(b), this.keysOf(b), this.expiresOf(b))
    this.#set(b, id, keys, expires)
  }

  commit(): void {
    this.#undoSize = 0
    this.#committedNextId = this.#nextId
  }

  rollBack(): void {
    for (let at = this.#undoSize - UNDO_WIDTH; at >= 0; at -= UNDO_WIDTH) {
      const [database, id, keys, expires] = this.#undo.slice(at, at + UNDO_WIDTH) as [
        number,
        number,
        number,
        number,
      ]
      this.#set(database, id, keys, expires)
    }
    this.#undoSize = 0
    this.#nextId = this.#committedNextId
  }

  save(writer: ByteWriter): void {
    writer.u32(this.#nextId)
    writer.u32(DATABASE_COUNT)
    for (let database = 0; database < DATABASE_COUNT; database++) {
      writer.u32(this.idOf(database))
      writer.u64(this.keysOf(database))
      writer.u64(this.expiresOf(database))
    }
  }

  load(reader: ByteReader): void {
    this.#nextId = reader.u32()
    const count = reader.u32()
    assert(count === DATABASE_COUNT, () => `State has ${count} databases, expected ${DATABASE_COUNT}`)
    for (let database = 0; database < DATABASE_COUNT; database++) {
      this.#set(database, reader.u32(), reader.u64(), reader.u64())
    }
    this.commit()
  }

  #set(database: number, id: number, keys: number, expires: number): void {
    this.#ids[database] = id
    this.#prefixes[database] = recordPrefix(id)
    this.#keys[database] = keys
    this.#expires[database] = expires
  }

  #takeId(): number {
    assert(this.#nextId <= PHYSICAL_DATABASE_MAX, 'Physical database ids are used up')
    return this.#nextId++
  }

  #remember(database: number): void {
    const at = this.#undoSize
    this.#undo[at] = database
    this.#undo[at + 1] = this.idOf(database)
    this.#undo[at + 2] = this.keysOf(database)
    this.#undo[at + 3] = this.expiresOf(database)
    this.#undoSize = at + UNDO_WIDTH
  }
}
