/**
 * A store in memory for tests of the engine and of whatever sits on it: same answers as storage/store, with
 * misses on demand. A key that missed stays readable after fetch() until release(), as a pinned block would.
 */
import type { EngineStore } from '../../engine/types.ts'
import type { ByteString } from '../../lib/bytes.ts'
import type { Random } from '../../lib/random.ts'
import { GoneError } from '../../storage/store/errors.ts'
import { lowerBound } from '../../storage/store/ordered-keys.ts'
import { MISS, type PinnedState, type Row, type StateView } from '../../storage/store/types.ts'

export { MISS }

/** Without options nothing misses. */
export interface MapStoreOptions {
  /** Decides which reads miss; without it none does. */
  readonly random?: Random
  /** Share of reads of unpinned keys that throw MISS, 0-1. */
  readonly missShare?: number
}

/** A Map with ranges. */
export class MapStore implements EngineStore, StateView {
  readonly #rows = new Map<ByteString, Buffer>()
  readonly #pinned = new Set<ByteString>()
  readonly #random: Random | null
  #sorted: ByteString[] | null = null
  missShare: number
  /** Calls of put() so far: an overlay writes each key once per command (R2). */
  puts = 0
  misses = 0

  constructor(options: MapStoreOptions = {}) {
    this.#random = options.random ?? null
    this.missShare = options.missShare ?? 0
  }

  get size(): number {
    return this.#rows.size
  }

  get(key: ByteString): Buffer | null {
    if (this.missShare > 0 && !this.#pinned.has(key)) this.#perhapsMiss()
    return this.#rows.get(key) ?? null
  }

  range(from: ByteString, to: ByteString | null, limit: number): Row[] {
    const keys = this.#keys()
    const rows: Row[] = []
    for (let i = lowerBound(keys, from); i < keys.length && rows.length < limit; i++) {
      const key = keys[i] as ByteString
      if (to !== null && key >= to) break
      rows.push({ key, value: this.#rows.get(key) as Buffer })
    }
    return rows
  }

  /** As storage/store: any row of the range. */
  seek(from: ByteString, to: ByteString, fraction: number): { from: ByteString; rows: number } | null {
    const rows = this.range(from, to, Number.POSITIVE_INFINITY)
    const row = rows[Math.floor(fraction * rows.length)]
    return row === undefined ? null : { from: row.key, rows: 1 }
  }

  put(key: ByteString, value: Buffer | null): void {
    this.puts++
    if (value === null ? this.#rows.delete(key) : !this.#rows.has(key)) this.#sorted = null
    if (value !== null) this.#rows.set(key, value)
  }

  dropRange(from: ByteString, to: ByteString): void {
    for (const row of this.range(from, to, Infinity)) this.#rows.delete(row.key)
    this.#sorted = null
  }

  /** A copy of everything. */
  pin(): PinnedState {
    const rows = this.range('', null, Infinity)
    let isGone = false
    return {
      scan({ from, to, reverse }, visit, done) {
        if (isGone) return done(new GoneError())
        const range = rows.filter(({ key }) => key >= from && (to === null || key < to))
        if (reverse) range.reverse()
        range.every(visit)
        done(null)
      },
      release: () => {
        isGone = true
      },
    }
  }

  /** Makes reads of `keys` certain until release(). */
  fetch(keys: readonly ByteString[]): void {
    for (const key of keys) this.#pinned.add(key)
  }

  release(): void {
    this.#pinned.clear()
  }

  #perhapsMiss(): void {
    if (this.#random === null || this.#random.float() >= this.missShare) return
    this.misses++
    throw MISS
  }

  #keys(): ByteString[] {
    this.#sorted ??= [...this.#rows.keys()].sort()
    return this.#sorted
  }
}
