/** What the next compaction reads, and the specs of jobs: pure functions of a version. */
import { must } from '../../lib/assert.ts'
import type { ByteString } from '../../lib/bytes.ts'
import { pickGroup } from './compaction-policy.ts'
import type { Drop } from './drops.ts'
import type { CompactSpec, FlushSpec } from './jobs.ts'
import { type InputRange, mayHide, type RunGroup } from './manifest-edits.ts'
import type { SealedMemtable } from './state.ts'
import type { OutputPlan } from './table-writer.ts'
import type { Run, TablePart, Version } from './version.ts'

/** Output of one compaction job, in tables: it bounds how long a flush waits for it. */
const OUTPUT_TABLES = 2
/** The smallest size class of runs, as a share of a memtable. */
const UNIT_SHARE = 64
/**
 * A table is rewritten for drops alone when they hide this share of it, or when there are more drops than
 * this.
 */
const DROPPED_SHARE = 0.25
const DROPS_AIM = 16

export interface CompactionPlan {
  readonly group: RunGroup
  /** Per run of the group, newest first. */
  readonly inputs: readonly InputRange[]
  readonly outputBytes: number
}

/** File numbers set aside for one job. */
export interface Reservation {
  readonly firstNumber: number
  readonly numbers: number
}

export interface PlanSizes {
  readonly tableBytes: number
  readonly memtableBytes: number
}

export interface SpecOptions extends Reservation {
  readonly folder: string
  readonly filePrefix: string
  readonly tableBytes: number
}

/** The next thing worth doing; null when all is well. */
export function planCompaction(
  version: Version,
  sizes: PlanSizes,
  reclaiming: boolean,
): CompactionPlan | null {
  const outputBytes = OUTPUT_TABLES * sizes.tableBytes
  const group = pickGroup(version.runs, sizes.memtableBytes / UNIT_SHARE, reclaiming)
  if (group !== null) return { group, inputs: groupInputs(version, group), outputBytes }
  return planCleaning(version, outputBytes)
}

/** All of the newer runs; of the one they are merged into, what is not below their first key. */
function groupInputs(version: Version, group: RunGroup): InputRange[] {
  const runs = version.runs.slice(group.first, group.last + 1)
  const newer = runs.slice(0, -1)
  const start = lowest(newer.map((run) => (run.parts[0] as TablePart).start))
  const target = runs.at(-1) as Run
  const inputs = newer.map((run) => ({ from: 0, to: run.parts.length }))
  return [...inputs, { from: target.firstFrom(start), to: target.parts.length }]
}

function lowest(keys: readonly ByteString[]): ByteString {
  return must(keys.toSorted()[0], 'run to merge')
}

/** A table with much in it that was dropped is rewritten in its place. */
function planCleaning(version: Version, outputBytes: number): CompactionPlan | null {
  const { drops, runs } = version.manifest
  if (drops.length === 0) return null
  for (let i = runs.length - 1; i >= 0; i--) {
    const parts = (version.runs[i] as Run).parts
    const at = parts.findIndex((part) => isDirty(part, drops))
    if (at >= 0) return { group: { first: i, last: i }, inputs: [{ from: at, to: at + 1 }], outputBytes }
  }
  return null
}

function isDirty(part: TablePart, drops: readonly Drop[]): boolean {
  const { table, lower } = part
  const hiding = drops.filter((drop) => mayHide(drop, { info: table.info, lower }))
  if (hiding.length === 0) return false
  if (drops.length > DROPS_AIM) return true
  const hidden = hiding.reduce((sum, drop) => sum + table.bytesFrom(drop.from) - table.bytesFrom(drop.to), 0)
  return hidden >= DROPPED_SHARE * part.bytes
}

export function flushSpec(sealed: SealedMemtable, version: Version, options: SpecOptions): FlushSpec {
  return {
    kind: 'store.flush',
    chunks: sealed.memtable.chunks(),
    drops: sealed.drops.drops,
    bottom: version.runs.length === 0,
    output: outputPlan(options, sealed.index),
  }
}

/** Only drops of the durable manifest count: later ones are applied again after a crash, records are not. */
export function compactSpec(plan: CompactionPlan, version: Version, options: SpecOptions): CompactSpec {
  const { group, inputs, outputBytes } = plan
  const { manifest } = version
  const runs = version.runs.slice(group.first, group.last + 1)
  return {
    kind: 'store.compact',
    runs: runs.map((run, i) => {
      const { from, to } = inputs[i] as InputRange
      const parts = run.parts.slice(from, to)
      return parts.map(({ table, lower }) => ({ path: table.path, size: table.info.size, lower }))
    }),
    outputBytes,
    drops: manifest.drops,
    bottom: group.last === version.runs.length - 1,
    output: outputPlan(options, manifest.index),
  }
}

function outputPlan(options: SpecOptions, cleanVersion: number): OutputPlan {
  const { folder, filePrefix, firstNumber, numbers, tableBytes } = options
  return { folder, prefix: filePrefix, firstNumber, numbers, tableBytes, cleanVersion }
}
