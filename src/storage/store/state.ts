/**
 * The newest state as reads see it: the active memtable, then sealed ones from newest to oldest, then the
 * tables of the newest durable manifest. What is older never shows through what is newer; dropped ranges hide
 * what is older than they.
 */
import type { ByteString } from '../../lib/bytes.ts'
import type { Block } from './block.ts'
import { DropSet } from './drops.ts'
import { hashKey } from './hash.ts'
import { Memtable } from './memtable.ts'
import { MemtableSource } from './memtable-source.ts'
import type { Source } from './merge.ts'
import { lowerBound } from './ordered-keys.ts'
import type { Pins } from './pins.ts'
import { RunSource } from './run-source.ts'
import type { Table } from './table.ts'
import { MISS } from './types.ts'
import { lookup, runParts, type Version } from './version.ts'

/** A memtable that waits for its flush, and what the manifest that follows will say. */
export interface SealedMemtable {
  readonly memtable: Memtable
  readonly index: number
  readonly term: number
  readonly meta: Buffer
  readonly drops: DropSet
  /**
   * As large as the memtable and never touched, so it takes no real memory. V8 leaves shared memory out when
   * it decides when to collect garbage; without this stand-in, retired memtables would pile up between
   * collections.
   */
  readonly standIn: ArrayBuffer
}

/** Gives a block or throws MISS. */
export type BlockReader = (table: Table, index: number) => Block

export class State {
  active = new Memtable()
  /** Oldest first. */
  sealed: readonly SealedMemtable[] = []
  drops: DropSet
  version: Version

  constructor(version: Version) {
    this.version = version.retain()
    this.drops = new DropSet(version.manifest.drops)
  }

  /** The value, or null when absent; throws MISS. */
  get(key: ByteString, pins: Pins): Buffer | null {
    const hash = hashKey(key)
    const place = this.active.find(key, hash)
    if (place !== undefined) return this.#valueAt(this.active, place, key)
    for (let i = this.sealed.length - 1; i >= 0; i--) {
      const { memtable } = this.sealed[i] as SealedMemtable
      const sealedPlace = memtable.find(key, hash)
      if (sealedPlace !== undefined) return this.#valueAt(memtable, sealedPlace, key)
    }
    const pinned = pins.get(key)
    if (pinned?.resolved) return pinned.value
    for (const run of this.version.runs) {
      const found = lookup(run, key, hash, null)
      if (found.kind === 'absent') continue
      if (found.kind === 'missing') throw MISS
      const { block, position } = found
      const dropped = this.drops.size > 0 && this.drops.covers(key, block.version(position))
      return dropped ? null : block.value(position)
    }
    return null
  }

  /** True when a memtable holds a record of `key`, deletions included. */
  inMemtable(key: ByteString, hash: number): boolean {
    if (this.active.find(key, hash) !== undefined) return true
    return this.sealed.some(({ memtable }) => memtable.find(key, hash) !== undefined)
  }

  /** What `memtable` says of `key`: undefined when nothing, null when it is deleted or dropped. */
  valueIn(memtable: Memtable, key: ByteString): Buffer | null | undefined {
    const place = memtable.find(key, hashKey(key))
    return place === undefined ? undefined : this.#valueAt(memtable, place, key)
  }

  /** Sources of a merge over everything in memory, from `from` on. */
  memtableSources(from: ByteString): Source[] {
    const sources: Source[] = []
    const memtables = [...this.sealed.map((sealed) => sealed.memtable), this.active]
    memtables.forEach((memtable, i) => {
      for (const keys of memtable.orderedRuns()) {
        const at = lowerBound(keys, from)
        if (at < keys.length) sources.push(new MemtableSource(-1 - i, memtable, keys, at))
      }
    })
    return sources
  }

  /** One source per run of tables, not yet standing anywhere. */
  runSources(from: ByteString, block: BlockReader): RunSource[] {
    return this.version.runs.map((run, age) => new RunSource(age, runParts(run, from, block)))
  }

  #valueAt(memtable: Memtable, place: number, key: ByteString): Buffer | null {
    if (this.drops.size > 0 && this.drops.covers(key, memtable.version(place))) return null
    return memtable.value(place)
  }
}
