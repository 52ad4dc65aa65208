/**
 * A walk over a pinned state in bounded slices, up or down. A block that is not in memory ends the slice; the next one
 * begins behind the last row that was visited, so each row is visited once.
 */
import type { ByteString } from '../../lib/bytes.ts'
import type { Block } from './block.ts'
import { PinnedMemtableSource } from './pinned-memtable-source.ts'
import type { StatePin } from './pinned-state.ts'
import { ReverseRunSource } from './reverse-run-source.ts'
import { RunSource } from './run-source.ts'
import type { BlockReader } from './state.ts'
import type { Table } from './table.ts'
import { MISS, type ScanRange, type VisitRow } from './types.ts'
import { type Missing, runParts } from './version.ts'

/** Blocks asked for beside the one that is missing, in the direction of the walk. */
const READ_AHEAD = 3

type TableSource = RunSource | ReverseRunSource
type AnySource = PinnedMemtableSource | TableSource

interface HeldBlock extends Missing {
  readonly content: Block
}

export class PinnedScan {
  readonly #pin: StatePin
  readonly #visit: VisitRow
  readonly #from: ByteString
  readonly #to: ByteString | null
  readonly #isReverse: boolean
  /** Up: the lowest key not visited. Down: the lowest key that was visited; null at first without a bound. */
  #cursor: ByteString | null
  /** Blocks that were missing, until the walk has moved on. */
  #held: HeldBlock[] = []
  #missing: Missing[] = []

  constructor(pin: StatePin, { from, to, reverse }: ScanRange, visit: VisitRow) {
    this.#pin = pin
    this.#visit = visit
    this.#from = from
    this.#to = to
    this.#isReverse = reverse
    this.#cursor = reverse ? to : from
  }

  /** Examines up to `budget` keys: 'done', 'again' when the slice is over, or the blocks it needs first. */
  step(budget: number): 'done' | 'again' | readonly Missing[] {
    this.#missing = []
    const before = this.#cursor
    try {
      const sources = this.#sources()
      if (this.#missing.length === 0) return this.#walk(sources, budget) ? 'done' : 'again'
    } catch (error) {
      if (error !== MISS) throw error
    } finally {
      if (this.#cursor !== before) this.#held = []
    }
    return this.#withAhead()
  }

  hold(table: Table, block: number, content: Block): void {
    this.#held.push({ table, block, content })
  }

  /** True at the end. Throws MISS with everything before it visited. */
  #walk(sources: AnySource[], budget: number): boolean {
    for (let left = budget; left > 0; left--) {
      const top = this.#top(sources)
      if (top === null || this.#isBeyond(top.key)) return true
      const { key } = top
      const place = top instanceof PinnedMemtableSource ? top.place() : 0
      if (place === undefined) {
        advance(sources, [top])
        continue
      }
      const { drops } = this.#pin
      const isDropped = drops.size > 0 && drops.covers(key, top.version(place))
      const value = isDropped ? null : top.value(place)
      this.#cursor = this.#isReverse ? key : `${key}\0`
      if (value !== null && !this.#visit({ key, value })) return true
      advance(
        sources,
        sources.filter((source) => source.key === key),
      )
    }
    return false
  }

  /** The source with the next key; of equal keys the newest record. */
  #top(sources: readonly AnySource[]): AnySource | null {
    let top: AnySource | null = null
    for (const source of sources) {
      if (top === null) top = source
      else if (source.key === top.key) top = source.age < top.age ? source : top
      else if (source.key < top.key !== this.#isReverse) top = source
    }
    return top
  }

  #isBeyond(key: ByteString): boolean {
    if (this.#isReverse) return key < this.#from
    return this.#to !== null && key >= this.#to
  }

  #sources(): AnySource[] {
    const { memtables, index, version } = this.#pin
    const step = this.#isReverse ? -1 : 1
    const sources: AnySource[] = []
    memtables.forEach((memtable, i) => {
      for (const keys of memtable.orderedRuns()) {
        const source = new PinnedMemtableSource(-1 - i, memtable, keys, index, step)
        if (source.seek(this.#cursor)) sources.push(source)
      }
    })
    version.runs.forEach((run, age) => {
      try {
        if (this.#isReverse) {
          const source = new ReverseRunSource(age, run, this.#block)
          if (source.seek(this.#cursor)) sources.push(source)
        } else {
          const from = this.#cursor ?? ''
          const source = new RunSource(age, runParts(run, from, this.#block))
          if (source.seek(from)) sources.push(source)
        }
      } catch (error) {
        if (error !== MISS) throw error
      }
    })
    return sources
  }

  readonly #block: BlockReader = (table, block) => {
    const held = this.#held.find((one) => one.table === table && one.block === block)
    const content = held?.content ?? table.cachedBlock(block)
    if (content !== null) return content
    this.#missing.push({ table, block })
    throw MISS
  }

  /** What is missing, and what the walk will need next. */
  #withAhead(): Missing[] {
    const blocks: Missing[] = []
    const step = this.#isReverse ? -1 : 1
    for (const { table, block } of this.#missing) {
      blocks.push({ table, block })
      for (let i = 1; i <= READ_AHEAD; i++) {
        const ahead = block + i * step
        if (ahead < 0 || ahead >= table.blockCount) break
        if (table.cachedBlock(ahead) === null) blocks.push({ table, block: ahead })
      }
    }
    return blocks
  }
}

/** Moves `moving` on; those with nothing left leave `sources`. */
function advance(sources: AnySource[], moving: readonly AnySource[]): void {
  for (const source of moving) if (!source.next()) sources.splice(sources.indexOf(source), 1)
}
