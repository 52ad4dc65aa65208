/**
 * A range read that works in bounded slices and still answers one cut. Its rows always say what the state now
 * holds in the part scanned so far: a put or drop there corrects them at once. So loads and slices may lie
 * between the first row and the last, and memory stays bounded by the answer and one block per run.
 */
import type { ByteString } from '../../lib/bytes.ts'
import type { Block } from './block.ts'
import { Merge, type Source } from './merge.ts'
import type { State } from './state.ts'
import type { Table } from './table.ts'
import { MISS, type Row } from './types.ts'
import type { Missing } from './version.ts'

/** Blocks of a table asked for ahead of the one that is missing. */
const READ_AHEAD_MAX = 8

/** A block that the scan needs whether or not the cache keeps it. */
interface HeldBlock extends Missing {
  readonly content: Block
}

export type ScanStep =
  | { readonly kind: 'done' }
  /** The slice is over. */
  | { readonly kind: 'again' }
  | { readonly kind: 'missing'; readonly blocks: readonly Missing[] }

export class LiveScan {
  readonly rows: Row[] = []
  readonly #state: State
  readonly #from: ByteString
  readonly #to: ByteString | null
  readonly #limit: number
  /** Keys in [from, cursor) are scanned. */
  #cursor: ByteString
  #held: HeldBlock[] = []
  /** The block each run's source read last in this step. */
  #latest = new Map<Table, HeldBlock>()
  /** Blocks that this step's seeks read: one may need two of its run, and must find both when it is tried again. */
  #sought: HeldBlock[] | null = null
  #missing: Missing[] = []
  #ahead = 1

  constructor(state: State, from: ByteString, to: ByteString | null, limit: number) {
    this.#state = state
    this.#from = from
    this.#to = to
    this.#limit = limit
    this.#cursor = from
  }

  /** Examines up to `budget` keys. */
  step(budget: number): ScanStep {
    if (this.rows.length >= this.#limit || (this.#to !== null && this.#cursor >= this.#to))
      return { kind: 'done' }
    this.#missing = []
    this.#latest = new Map()
    const sought: HeldBlock[] = []
    this.#sought = sought
    try {
      const sources = this.#sources()
      this.#sought = null
      if (this.#missing.length === 0)
        return { kind: this.#scan(new Merge(sources), budget) ? 'done' : 'again' }
      this.#held = sought
    } catch (error) {
      if (error !== MISS) throw error
    }
    return { kind: 'missing', blocks: this.#withAhead() }
  }

  /** Gives the scan a block it was missing. */
  hold(table: Table, block: number, content: Block): void {
    this.#held.push({ table, block, content })
  }

  /** `key` was put, or deleted when `value` is null. */
  onPut(key: ByteString, value: Buffer | null): void {
    if (key < this.#from || key >= this.#cursor || (this.#to !== null && key >= this.#to)) return
    const { rows } = this
    const at = rowBound(rows, key)
    const present = rows[at]?.key === key
    if (value === null) {
      if (present) rows.splice(at, 1)
      return
    }
    rows.splice(at, present ? 1 : 0, { key, value })
    if (rows.length <= this.#limit) return
    rows.pop()
    this.#cursor = successor((rows.at(-1) as Row).key)
  }

  onDrop(from: ByteString, to: ByteString): void {
    const start = rowBound(this.rows, from)
    this.rows.splice(start, Math.max(0, rowBound(this.rows, to) - start))
  }

  /** The whole state was replaced. */
  restart(): void {
    this.rows.length = 0
    this.#cursor = this.#from
    this.#held = []
  }

  /** True when the scan is complete. Throws MISS with everything before it kept. */
  #scan(merge: Merge, budget: number): boolean {
    const { rows } = this
    const { drops } = this.#state
    let last: ByteString | null = null
    try {
      for (let left = budget; ; left--) {
        const { top } = merge
        if (top === null || (this.#to !== null && top.key >= this.#to)) return true
        if (rows.length >= this.#limit) return true
        if (left === 0) return false
        const { key } = top
        if (drops.size === 0 || !drops.covers(key, top.version())) {
          const value = top.value()
          if (value !== null) rows.push({ key, value })
        }
        last = key
        merge.next()
      }
    } finally {
      if (last !== null) this.#cursor = successor(last)
      this.#held = [...this.#latest.values()]
    }
  }

  #sources(): Source[] {
    const sources = this.#state.memtableSources(this.#cursor)
    for (const source of this.#state.runSources(this.#cursor, this.#block)) {
      try {
        if (source.seek(this.#cursor)) sources.push(source)
      } catch (error) {
        if (error !== MISS) throw error
      }
    }
    return sources
  }

  readonly #block = (table: Table, block: number): Block => {
    const content =
      this.#held.find((held) => held.table === table && held.block === block)?.content ??
      table.cachedBlock(block)
    if (content === null) {
      this.#missing.push({ table, block })
      throw MISS
    }
    const used = { table, block, content }
    this.#latest.set(table, used)
    this.#sought?.push(used)
    return content
  }

  /** What is missing and the blocks behind it that the range will need next; more each time. */
  #withAhead(): Missing[] {
    const blocks: Missing[] = []
    for (const { table, block } of this.#missing) {
      const end = this.#to === null ? table.blockCount - 1 : table.findBlock(this.#to)
      for (let i = block; i <= Math.max(block, Math.min(end, block + this.#ahead - 1)); i++) {
        if (i === block || table.cachedBlock(i) === null) blocks.push({ table, block: i })
      }
    }
    this.#ahead = Math.min(2 * this.#ahead, READ_AHEAD_MAX)
    return blocks
  }
}

/** The lowest key above `key`. */
function successor(key: ByteString): ByteString {
  return `${key}\0`
}

/** Index of the first row whose key is >= `key`. */
function rowBound(rows: readonly Row[], key: ByteString): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((rows[middle] as Row).key < key) low = middle + 1
    else high = middle
  }
  return low
}
