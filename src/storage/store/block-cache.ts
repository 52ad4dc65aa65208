/**
 * The block cache of a node (R20): checked blocks of tables, at most `capacity` bytes of them. Replacement is
 * second chance: blocks leave in the order they came, but one that was used meanwhile goes round again. A
 * table keeps its own slots, so a hit costs no hashing.
 */
import { must } from '../../lib/assert.ts'
import type { Block } from './block.ts'

/** A cached block in the circle of all of them. */
interface Entry {
  readonly slots: CacheSlots
  readonly index: number
  readonly block: Block
  used: boolean
  /** Neighbours: the circle's head stands between the newest (next) and the oldest (previous). */
  next: Entry
  previous: Entry
}

/** One table's cached blocks by block number. */
export type CacheSlots = (Entry | undefined)[]

/** A block above this share of the capacity is not cached: it would push out everything else. */
const SHARE_MAX = 8

export class BlockCache {
  readonly #capacity: number
  readonly #head: Entry
  #bytes = 0
  /** Lookups that found their block, and those that did not. */
  hits = 0
  misses = 0

  constructor(capacity: number) {
    this.#capacity = capacity
    const head = { slots: [], index: -1, used: false } as unknown as Entry
    head.next = head
    head.previous = head
    this.#head = head
  }

  get bytes(): number {
    return this.#bytes
  }

  get(slots: CacheSlots, index: number): Block | null {
    const entry = slots[index]
    if (entry === undefined) {
      this.misses++
      return null
    }
    this.hits++
    entry.used = true
    return entry.block
  }

  add(slots: CacheSlots, index: number, block: Block): void {
    const size = block.bytes.length
    if (slots[index] !== undefined || size > this.#capacity / SHARE_MAX) return
    while (this.#bytes + size > this.#capacity) this.#evictOne()
    const entry: Entry = { slots, index, block, used: false, next: this.#head, previous: this.#head }
    this.#link(entry)
    slots[index] = entry
    this.#bytes += size
  }

  /** Forgets every block of a table. */
  drop(slots: CacheSlots): void {
    for (const entry of slots) if (entry !== undefined) this.#remove(entry)
    slots.length = 0
  }

  #evictOne(): void {
    for (;;) {
      const oldest = this.#head.previous
      if (!oldest.used) {
        this.#remove(oldest)
        return
      }
      oldest.used = false
      this.#unlink(oldest)
      this.#link(oldest)
    }
  }

  #remove(entry: Entry): void {
    must(entry.slots[entry.index], 'cached block')
    this.#unlink(entry)
    entry.slots[entry.index] = undefined
    this.#bytes -= entry.block.bytes.length
  }

  /** Makes `entry` the newest. */
  #link(entry: Entry): void {
    const head = this.#head
    entry.next = head.next
    entry.previous = head
    head.next.previous = entry
    head.next = entry
  }

  #unlink(entry: Entry): void {
    entry.next.previous = entry.previous
    entry.previous.next = entry.next
  }
}
