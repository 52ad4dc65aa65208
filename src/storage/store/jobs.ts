/**
 * The store's jobs: flush, compaction and the check of received files. Each is a generator over JobDisk that
 * yields after a bounded slice of work. A flush reads sealed arenas, a compaction immutable files; both write
 * new files under names that the caller reserved, synced when the job returns.
 */
import type { ByteString } from '../../lib/bytes.ts'
import { crc32 } from '../../lib/crc32.ts'
import type { JobDisk } from '../disk.ts'
import type { JobCatalog, JobGenerator, JobSpec } from '../jobs.ts'
import { type ArenaChunk, recordKey, recordSize, recordValue, recordVersion } from './arena.ts'
import { type Drop, DropSet } from './drops.ts'
import { JobPart, type JobTable } from './job-tables.ts'
import { Merge, type Source } from './merge.ts'
import { RunSource } from './run-source.ts'
import type { TableInfo } from './table-format.ts'
import { type OutputPlan, TableOutputs } from './table-writer.ts'

/** Records, and bytes of output, between two yields. */
const SLICE_RECORDS = 4096
const SLICE_BYTES = 1024 * 1024
const VERIFY_BYTES = 1024 * 1024

/** Writes one sealed memtable as one sorted run. */
export interface FlushSpec extends JobSpec {
  readonly kind: 'store.flush'
  readonly chunks: readonly ArenaChunk[]
  readonly drops: readonly Drop[]
  /** True when nothing older exists: then deletions need not be kept. */
  readonly bottom: boolean
  readonly output: OutputPlan
}

export interface FlushOutput {
  readonly tables: readonly TableInfo[]
}

/** Merges a stretch of adjacent runs, from the lowest key of its tables on. */
export interface CompactSpec extends JobSpec {
  readonly kind: 'store.compact'
  /** Newest first; the last one is the run that the output becomes part of. */
  readonly runs: readonly (readonly JobTable[])[]
  /** The stretch ends when the output reaches this size, or the input twice this. */
  readonly outputBytes: number
  readonly drops: readonly Drop[]
  /** True when nothing older than the last run exists: then deletions need not be kept. */
  readonly bottom: boolean
  readonly output: OutputPlan
}

export interface CompactOutput {
  readonly tables: readonly TableInfo[]
  /** The stretch is every key below this one; null: every key of the input. */
  readonly end: ByteString | null
}

/** Compares whole files with what their manifest says. */
export interface VerifySpec extends JobSpec {
  readonly kind: 'store.verify'
  readonly files: readonly { readonly path: string; readonly size: number; readonly crc: number }[]
}

export interface VerifyOutput {
  /** Paths of files that are not what they should be. */
  readonly damaged: readonly string[]
}

/** What a host must be able to run for a store. */
export const storeJobs: JobCatalog = {
  'store.flush': flushJob,
  'store.compact': compactJob,
  'store.verify': verifyJob,
}

function* flushJob(spec: FlushSpec, disk: JobDisk): JobGenerator<FlushOutput> {
  const sources = yield* sortChunks(spec.chunks)
  const outputs = new TableOutputs(disk, spec.output)
  try {
    const merge = new Merge(sources)
    const write = new Writing(merge, outputs, new DropSet(spec.drops), spec.bottom)
    while (merge.top !== null) {
      if (write.one()) yield
    }
    return { tables: outputs.finish() }
  } finally {
    outputs.abandon()
  }
}

function* compactJob(spec: CompactSpec, disk: JobDisk): JobGenerator<CompactOutput> {
  const parts = spec.runs.map((run) => run.map((table) => new JobPart(disk, table)))
  const outputs = new TableOutputs(disk, spec.output)
  try {
    const sources = parts.map((run, age) => new RunSource(age, run)).filter((source) => source.seek(''))
    const merge = new Merge(sources, true)
    const write = new Writing(merge, outputs, new DropSet(spec.drops), spec.bottom)
    const target = parts.length - 1
    const inputMax = 2 * spec.outputBytes
    for (let records = 0; merge.top !== null; records++) {
      const onlyTarget = target > 0 && merge.sources === 1 && merge.top.age === target
      const full = outputs.bytes >= spec.outputBytes || (records % 64 === 0 && bytesRead(parts) >= inputMax)
      if (onlyTarget || full) break
      if (write.one()) yield
    }
    return { end: merge.top === null ? null : merge.top.key, tables: outputs.finish() }
  } finally {
    outputs.abandon()
    for (const run of parts) for (const part of run) part.close()
  }
}

function* verifyJob(spec: VerifySpec, disk: JobDisk): JobGenerator<VerifyOutput> {
  const damaged: string[] = []
  for (const { path, size, crc } of spec.files) {
    const file = disk.open(path, 'write')
    try {
      let sum = 0
      for (let at = 0; at < size; at += VERIFY_BYTES) {
        sum = crc32(file.read(at, Math.min(VERIFY_BYTES, size - at)), sum)
        yield
      }
      if (file.size() !== size || sum !== crc) damaged.push(path)
      else file.sync()
    } finally {
      file.close()
    }
  }
  return { damaged }
}

/** Moves records from a merge to the outputs and says when a slice is over. */
class Writing {
  readonly #merge: Merge
  readonly #outputs: TableOutputs
  readonly #drops: DropSet
  readonly #bottom: boolean
  #records = 0
  #bytes = 0

  constructor(merge: Merge, outputs: TableOutputs, drops: DropSet, bottom: boolean) {
    this.#merge = merge
    this.#outputs = outputs
    this.#drops = drops
    this.#bottom = bottom
  }

  /** Handles the next key; true when the job should yield. */
  one(): boolean {
    const { top } = this.#merge
    if (top === null) return false
    const version = top.version()
    if (!this.#drops.covers(top.key, version)) {
      const value = top.value()
      if (value !== null || !this.#bottom) this.#outputs.add(top.key, version, value)
    }
    this.#merge.next()
    if (++this.#records < SLICE_RECORDS && this.#outputs.bytes - this.#bytes < SLICE_BYTES) return false
    this.#records = 0
    this.#bytes = this.#outputs.bytes
    return true
  }
}

function bytesRead(parts: readonly (readonly JobPart[])[]): number {
  let bytes = 0
  for (const run of parts) for (const part of run) bytes += part.bytesRead
  return bytes
}

interface ArenaRecord {
  readonly key: ByteString
  readonly chunk: Buffer
  readonly offset: number
}

/** The records of one slice of an arena, sorted, newest of each key only. */
class ArenaSource implements Source {
  readonly age: number
  readonly #records: readonly ArenaRecord[]
  #at = 0
  key: ByteString

  constructor(age: number, records: readonly ArenaRecord[]) {
    this.age = age
    this.#records = records
    this.key = this.#record().key
  }

  version(): number {
    return recordVersion(this.#record().chunk, this.#record().offset)
  }

  value(): Buffer | null {
    return recordValue(this.#record().chunk, this.#record().offset)
  }

  next(): boolean {
    if (++this.#at >= this.#records.length) return false
    this.key = this.#record().key
    return true
  }

  #record(): ArenaRecord {
    return this.#records[this.#at] as ArenaRecord
  }
}

/** Cuts the arenas into slices of SLICE_RECORDS in order of writing and sorts each. */
function* sortChunks(chunks: readonly ArenaChunk[]): Generator<void, ArenaSource[], void> {
  const sources: ArenaSource[] = []
  let slice: ArenaRecord[] = []
  const end = (): void => {
    if (slice.length > 0) sources.push(new ArenaSource(-sources.length, newestSorted(slice)))
    slice = []
  }
  for (const { memory, used } of chunks) {
    const chunk = Buffer.from(memory)
    for (let offset = 0; offset < used; offset += recordSize(chunk, offset)) {
      slice.push({ key: recordKey(chunk, offset), chunk, offset })
      if (slice.length < SLICE_RECORDS) continue
      end()
      yield
    }
  }
  end()
  return sources
}

/** Sorting is stable: of equal keys the last one was written last. */
function newestSorted(records: ArenaRecord[]): ArenaRecord[] {
  records.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  return records.filter((record, i) => record.key !== records[i + 1]?.key)
}
