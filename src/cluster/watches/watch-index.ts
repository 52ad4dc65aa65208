/** Which watches an event concerns: by key, by a tree of ranges, by database; never by asking each of them. */
import { type ByteString, toByteString } from '../../lib/bytes.ts'
import { IntervalIndex } from '../../lib/interval-index.ts'

/** What the index asks of a watch; `from` and `to` bound it in the key space of all databases. */
export interface IndexedWatch {
  readonly database: number
  readonly from: ByteString
  readonly to: ByteString
}

/** An event as the index sees it; the key is null when it concerns whole databases. */
export interface IndexedEvent {
  readonly database: number
  readonly other: number
  readonly key: Buffer | null
}

export class WatchIndex<W extends IndexedWatch> {
  readonly #all = new Set<W>()
  /** Watches of one key each. */
  readonly #byKey = new Map<ByteString, Set<W>>()
  readonly #byRange = new IntervalIndex<W>()

  get size(): number {
    return this.#all.size
  }

  [Symbol.iterator](): IterableIterator<W> {
    return this.#all.values()
  }

  add(watch: W): void {
    this.#all.add(watch)
    const { from, to } = watch
    if (!isOneKey(watch)) {
      if (from < to) this.#byRange.add(from, to, watch)
      return
    }
    const others = this.#byKey.get(from)
    if (others === undefined) this.#byKey.set(from, new Set([watch]))
    else others.add(watch)
  }

  delete(watch: W): void {
    this.#all.delete(watch)
    if (!isOneKey(watch)) return this.#byRange.delete(watch)
    const others = this.#byKey.get(watch.from)
    others?.delete(watch)
    if (others?.size === 0) this.#byKey.delete(watch.from)
  }

  /** Calls `visit` for every watch that the event concerns. */
  visit({ database, other, key }: IndexedEvent, visit: (watch: W) => void): void {
    if (key === null) {
      for (const watch of this.#all) if (watch.database === database || watch.database === other) visit(watch)
      return
    }
    const point = databasePrefix(database) + toByteString(key)
    const watches = this.#byKey.get(point)
    if (watches !== undefined) for (const watch of watches) visit(watch)
    if (this.#byRange.size > 0) this.#byRange.visit(point, visit)
  }
}

/** In front of a key: orders keys of lower databases first. */
export function databasePrefix(database: number): ByteString {
  return String.fromCharCode(database)
}

function isOneKey({ from, to }: IndexedWatch): boolean {
  return to === `${from}\0`
}
