/**
 * The newest records of the store, in memory: a map from key to the place of its newest record in the arena,
 * and the keys in order for ranges. An overwritten record stays in the arena until the memtable goes; a flush
 * leaves it out.
 *
 * The map is cut into shards by hash because growing one large Map would hold the loop for many milliseconds.
 */
import type { ByteString } from '../../lib/bytes.ts'
import { Arena, type ArenaChunk } from './arena.ts'
import { hashKey } from './hash.ts'
import { OrderedKeys } from './ordered-keys.ts'

const SHARDS = 64
/** What a key costs beside its record: the string, its map entry, its slot in the ordered runs. */
const KEY_OVERHEAD = 96

export class Memtable {
  readonly #arena = new Arena()
  readonly #shards: Map<ByteString, number>[] = []
  readonly #ordered = new OrderedKeys()
  #keys = 0
  #charged = 0
  /** While pinned: places of records up to #pinnedIndex that were overwritten since, oldest first. */
  #older: Map<ByteString, number[]> | null = null
  #pinnedIndex = -1
  #pins = 0

  constructor() {
    for (let i = 0; i < SHARDS; i++) this.#shards.push(new Map())
  }

  /** Memory held, in bytes, key overhead included. */
  get bytes(): number {
    return this.#arena.bytes + this.#keys * KEY_OVERHEAD + this.#charged
  }

  /** Counts memory, or other cost, that goes away with this memtable's flush. */
  charge(bytes: number): void {
    this.#charged += bytes
  }

  get keys(): number {
    return this.#keys
  }

  /** `hash` is hashKey(key). Returns the place of the new record. */
  put(key: ByteString, hash: number, version: number, value: Buffer | null): number {
    const shard = this.#shards[hash & (SHARDS - 1)] as Map<ByteString, number>
    if (this.#older !== null) this.#keepOlder(key, shard.get(key))
    const place = this.#arena.append(version, key, value)
    const before = shard.size
    shard.set(key, place)
    if (shard.size !== before) {
      this.#keys++
      this.#ordered.add(key)
    }
    return place
  }

  /** Place of the newest record of `key`, or undefined. */
  find(key: ByteString, hash: number): number | undefined {
    return (this.#shards[hash & (SHARDS - 1)] as Map<ByteString, number>).get(key)
  }

  /** From now on the records of entry `index`, the newest one, can be found by findAt(); until unpin(). */
  pin(index: number): void {
    this.#pins++
    this.#pinnedIndex = index
    this.#older ??= new Map()
  }

  unpin(): void {
    if (--this.#pins === 0) this.#older = null
  }

  /** Place of the record of `key` as it was at a pinned entry, or undefined. */
  findAt(key: ByteString, index: number): number | undefined {
    const newest = this.find(key, hashKey(key))
    if (newest === undefined || this.#arena.version(newest) <= index) return newest
    return this.#older?.get(key)?.findLast((place) => this.#arena.version(place) <= index)
  }

  version(place: number): number {
    return this.#arena.version(place)
  }

  /** A view of the value; null when the record marks its key deleted. */
  value(place: number): Buffer | null {
    return this.#arena.value(place)
  }

  /** Sorted, disjoint arrays that together hold every key; bounded work per call. */
  orderedRuns(): readonly (readonly ByteString[])[] {
    return this.#ordered.runs()
  }

  /** A record that a pin sees is about to be overwritten. */
  #keepOlder(key: ByteString, place: number | undefined): void {
    if (place === undefined || this.#arena.version(place) > this.#pinnedIndex) return
    const places = this.#older?.get(key)
    if (places === undefined) this.#older?.set(key, [place])
    else places.push(place)
  }

  /** All records in order of writing, for the flush job; nothing may be put afterwards. */
  chunks(): ArenaChunk[] {
    return this.#arena.chunks()
  }
}
