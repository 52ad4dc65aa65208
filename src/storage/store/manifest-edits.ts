/** How manifests follow from one another: pure functions from one manifest and a job's result to the next. */
import type { ByteString } from '../../lib/bytes.ts'
import type { Drop } from './drops.ts'
import { higherKey, type Manifest, type ManifestRun, type ManifestTable } from './manifest.ts'
import type { SealedMemtable } from './state.ts'
import type { TableInfo } from './table-format.ts'

/**
 * Part of the stack of runs that a compaction works on: indexes, both inclusive; `last` is the run merged
 * into.
 */
export interface RunGroup {
  readonly first: number
  readonly last: number
}

/** A sealed memtable became `tables`: the newest run. */
export function afterFlush(
  manifest: Manifest,
  sealed: SealedMemtable,
  tables: readonly TableInfo[],
): Manifest {
  const run = { id: manifest.nextRun, mergeInto: 0, tables: tables.map((info) => ({ info, lower: '' })) }
  return tidied({
    ...manifest,
    index: sealed.index,
    term: sealed.term,
    meta: sealed.meta,
    nextRun: manifest.nextRun + 1,
    drops: sealed.drops.drops,
    runs: [run, ...manifest.runs],
  })
}

export interface CompactionResult {
  readonly group: RunGroup
  /** Per run of the group, newest first: the tables that were read, by position. */
  readonly inputs: readonly InputRange[]
  readonly tables: readonly TableInfo[]
  /** Keys below this one were read; null: all keys of the inputs. */
  readonly end: ByteString | null
}

/** Positions [from, to) in a run. */
export interface InputRange {
  readonly from: number
  readonly to: number
}

/** A stretch of the group's runs became `tables`, part of its last run. */
export function afterCompaction(manifest: Manifest, result: CompactionResult): Manifest {
  const { group, inputs, end } = result
  const target = manifest.runs[group.last] as ManifestRun
  const runs = manifest.runs.map((run, i) => {
    if (i < group.first || i > group.last) return run
    const { from, to } = inputs[i - group.first] as InputRange
    const before = run.tables.slice(0, from)
    const rest = end === null ? [] : remainder(run.tables.slice(from, to), end)
    const after = run.tables.slice(to)
    if (i < group.last) return { ...run, mergeInto: target.id, tables: [...before, ...rest, ...after] }
    const outputs = result.tables.map((info) => ({ info, lower: '' }))
    return { ...run, tables: [...before, ...outputs, ...rest, ...after] }
  })
  return tidied({ ...manifest, runs })
}

/** What is left of tables when every key below `end` is gone. */
function remainder(tables: readonly ManifestTable[], end: ByteString): ManifestTable[] {
  return tables
    .filter(({ info }) => info.largest >= end)
    .map(({ info, lower }) => ({ info, lower: end > lower && end > info.smallest ? end : lower }))
}

/** Without tables that lie in a dropped range, without empty runs, without drops that hide nothing. */
function tidied(manifest: Manifest): Manifest {
  const runs = manifest.runs
    .map((run) => ({ ...run, tables: run.tables.filter((table) => !isDropped(table, manifest.drops)) }))
    .filter((run) => run.tables.length > 0)
  const ids = new Set(runs.map((run) => run.id))
  const tables = runs.flatMap((run) => run.tables)
  return {
    ...manifest,
    runs: runs.map((run) => (ids.has(run.mergeInto) ? run : { ...run, mergeInto: 0 })),
    drops: manifest.drops.filter((drop) => tables.some((table) => mayHide(drop, table))),
  }
}

/** Everything visible of the table falls to one drop. */
function isDropped({ info, lower }: ManifestTable, drops: readonly Drop[]): boolean {
  const start = higherKey(lower, info.smallest)
  return drops.some((drop) => info.maxVersion <= drop.version && start >= drop.from && info.largest < drop.to)
}

/** The table may hold records that fall to `drop`. */
export function mayHide(drop: Drop, { info, lower }: ManifestTable): boolean {
  if (info.cleanVersion >= drop.version || info.minVersion > drop.version) return false
  return info.smallest < drop.to && lower < drop.to && info.largest >= drop.from
}
