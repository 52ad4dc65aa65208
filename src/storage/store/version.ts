/**
 * A version: the tables of one durable manifest, open and ordered for reading. Immutable; held by the store
 * while it is the newest, and by reads and snapshots for as long as they need its files.
 */
import { assert, must } from '../../lib/assert.ts'
import type { ByteString } from '../../lib/bytes.ts'
import type { Callback } from '../disk.ts'
import type { Block } from './block.ts'
import { higherKey, type Manifest, type ManifestRun } from './manifest.ts'
import type { RunPart } from './run-source.ts'
import type { Table } from './table.ts'

/** What is visible of one table in its run. */
export class TablePart {
  readonly table: Table
  readonly lower: ByteString

  constructor(table: Table, lower: ByteString) {
    this.table = table
    this.lower = lower
  }

  /** First visible key, or a bound below it and above every other part before. */
  get start(): ByteString {
    return higherKey(this.lower, this.table.info.smallest)
  }

  get bytes(): number {
    return this.table.bytesFrom(this.lower)
  }
}

/** A sorted run: disjoint parts, ascending. */
export class Run {
  readonly id: number
  readonly mergeInto: number
  readonly parts: readonly TablePart[]
  readonly bytes: number

  constructor(run: ManifestRun, parts: readonly TablePart[]) {
    this.id = run.id
    this.mergeInto = run.mergeInto
    this.parts = parts
    this.bytes = parts.reduce((sum, part) => sum + part.bytes, 0)
  }

  /** The only part that may hold `key`. */
  find(key: ByteString): TablePart | null {
    const part = this.parts[this.firstFrom(key)]
    return part === undefined || key < part.lower || key < part.table.info.smallest ? null : part
  }

  /** Index of the first part with keys >= `key`. */
  firstFrom(key: ByteString): number {
    let low = 0
    let high = this.parts.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.parts[middle] as TablePart).table.info.largest < key) low = middle + 1
      else high = middle
    }
    return low
  }
}

export class Version {
  readonly manifest: Manifest
  /** Newest first. */
  readonly runs: readonly Run[]
  /** Each table once. */
  readonly tables: readonly Table[]
  #references = 0

  /** `tables` holds every table of the manifest by name. */
  constructor(manifest: Manifest, tables: ReadonlyMap<string, Table>) {
    this.manifest = manifest
    const own: Table[] = []
    this.runs = manifest.runs.map((run) => {
      const parts = run.tables.map(({ info, lower }) => {
        const table = must(tables.get(info.name), `table ${info.name}`)
        own.push(table)
        return new TablePart(table, lower)
      })
      return new Run(run, parts)
    })
    this.tables = own
  }

  retain(): this {
    if (this.#references === 0) for (const table of this.tables) table.retain()
    this.#references++
    return this
  }

  release(): void {
    assert(this.#references > 0, 'Version is released too often')
    this.#references--
    if (this.#references === 0) for (const table of this.tables) table.release()
  }
}

/** Where a block that was not in memory lies. */
export interface Missing {
  readonly table: Table
  readonly block: number
}

/** A scan that keeps the blocks it was missing until it has moved on. */
interface BlockHolder {
  hold(table: Table, block: number, content: Block): void
}

/** Loads the blocks for `scan`; the first error counts. */
export function loadMissing(scan: BlockHolder, blocks: readonly Missing[], done: Callback): void {
  let left = blocks.length
  let failure: Error | null = null
  for (const { table, block } of blocks) {
    table.loadBlock(block, (error, content) => {
      if (error === null) scan.hold(table, block, content)
      else failure ??= error
      if (--left === 0) done(failure)
    })
  }
}

/** What one run says of a key. */
export type Lookup =
  | { readonly kind: 'absent' }
  | { readonly kind: 'found'; readonly block: Block; readonly position: number }
  | { readonly kind: 'missing'; readonly table: Table; readonly block: number }

const ABSENT: Lookup = { kind: 'absent' }

/** Looks in one run; `loaded` may hold the block that an earlier call reported missing. */
export function lookup(run: Run, key: ByteString, hash: number, loaded: Block | null): Lookup {
  const part = run.find(key)
  if (part === null || !part.table.mayContain(hash)) return ABSENT
  const index = part.table.findBlock(key)
  const block = loaded ?? part.table.cachedBlock(index)
  if (block === null) return { kind: 'missing', table: part.table, block: index }
  const position = block.find(key)
  return position < 0 ? ABSENT : { kind: 'found', block, position }
}

/** A part as a source of a merge; blocks come from `block`, which throws MISS when it has none. */
export function runParts(
  run: Run,
  from: ByteString,
  block: (table: Table, index: number) => Block,
): RunPart[] {
  return run.parts.slice(run.firstFrom(from)).map(({ table, lower }) => ({
    lower,
    blockCount: table.blockCount,
    findBlock: (key) => table.findBlock(key),
    block: (index) => block(table, index),
  }))
}
