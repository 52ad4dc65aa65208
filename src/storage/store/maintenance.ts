/**
 * The store's background work, one step at a time: flush the oldest sealed memtable, else compact. A step is
 * a job, then a commit: open the new tables, make the manifest durable, switch. The old state stays whole
 * until then, so a step that fails, or a crash at any point, loses nothing but the step; its files are
 * removed and it is tried again later.
 */
import { assert } from '../../lib/assert.ts'
import type { Clock, Timer } from '../../lib/clock.ts'
import { errorCode } from '../../lib/coded-error.ts'
import type { Disk } from '../disk.ts'
import type { JobHandle, Jobs } from '../jobs.ts'
import {
  type CompactionPlan,
  compactSpec,
  flushSpec,
  planCompaction,
  type Reservation,
} from './compaction-plan.ts'
import { RUNS_MAX } from './compaction-policy.ts'
import { DropSet } from './drops.ts'
import { tableName } from './file-names.ts'
import type { CompactOutput, FlushOutput } from './jobs.ts'
import { encodeManifest, type Manifest } from './manifest.ts'
import { afterCompaction, afterFlush } from './manifest-edits.ts'
import { replaceManifestFile } from './manifest-file.ts'
import type { Pins } from './pins.ts'
import type { SealedMemtable, State } from './state.ts'
import type { TableInfo } from './table-format.ts'
import type { TableSet } from './table-set.ts'
import { Version } from './version.ts'

const RETRY_MS = 100
const FLUSH_RETRY_MS_MAX = 5_000
const COMPACT_RETRY_MS_MAX = 60_000

export interface MaintenanceOptions {
  readonly folder: string
  readonly filePrefix: string
  readonly tableBytes: number
  readonly memtableBytes: number
  readonly disk: Disk
  readonly jobs: Jobs
  readonly clock: Clock
  readonly state: State
  readonly pins: Pins
  readonly tables: TableSet
  readonly onManifest: (index: number) => void
  readonly onFatal: (error: Error) => void
  readonly warn: (message: string, fields: Record<string, unknown>) => void
}

type JobKind = 'flush' | 'compact'

export class Maintenance {
  readonly #options: MaintenanceOptions
  #nextFile: number
  /** A job or a commit is under way. */
  #busy = false
  #job: JobHandle | null = null
  /** Who waits for the present step to end; while there are any, no step begins. */
  #pausing: (() => void)[] = []
  #paused = false
  #failures: Record<JobKind, number> = { flush: 0, compact: 0 }
  #retry: Record<JobKind, Timer | null> = { flush: null, compact: null }
  #reclaiming = false
  flushes = 0
  compactions = 0
  bytesFlushed = 0
  bytesCompacted = 0
  jobFailures = 0

  constructor(options: MaintenanceOptions) {
    this.#options = options
    this.#nextFile = options.state.version.manifest.nextFile
  }

  /** Looks for something to do. */
  kick(): void {
    if (this.#busy || this.#paused) return
    const { sealed, version } = this.#options.state
    const oldest = sealed[0]
    const plan =
      this.#retry.compact === null ? planCompaction(version, this.#options, this.#reclaiming) : null
    const mustCompact = plan !== null && version.runs.length >= RUNS_MAX
    if (oldest !== undefined && !mustCompact && this.#retry.flush === null) this.#flush(oldest)
    else if (plan !== null) this.#compact(plan)
  }

  /** While on, deleted data is merged away at once instead of when it is worth it. */
  reclaim(on: boolean): void {
    this.#reclaiming = on
    this.kick()
  }

  /** Ends the job under way and calls `done` when nothing is in flight; nothing starts before resume(). */
  pause(done: () => void): void {
    this.#paused = true
    this.#job?.cancel()
    if (this.#busy) this.#pausing.push(done)
    else done()
  }

  resume(): void {
    this.#paused = false
    this.kick()
  }

  /** After pause(), for good. */
  close(): void {
    for (const timer of Object.values(this.#retry)) timer?.cancel()
  }

  /** While paused: makes `manifest` (with this node's own file numbers) durable and opens its tables. */
  install(manifest: Manifest, done: (error: Error | null, version: Version | null) => void): void {
    assert(this.#paused && !this.#busy, 'An install needs paused maintenance')
    this.#nextFile = Math.max(this.#nextFile, manifest.nextFile)
    const own = { ...manifest, nextFile: this.#nextFile }
    this.#commit(own, (error, version) => done(error, version))
  }

  #flush(sealed: SealedMemtable): void {
    this.#busy = true
    const { version } = this.#options.state
    if (sealed.memtable.keys === 0) {
      this.#commitFlush(sealed, [])
      return
    }
    const reserved = this.#reserve(sealed.memtable.bytes)
    const spec = flushSpec(sealed, version, { ...this.#options, ...reserved })
    this.#job = this.#options.jobs.run(spec, (error, output) => {
      this.#job = null
      if (error !== null) return this.#failed('flush', error, reserved)
      const { tables } = output as FlushOutput
      this.#commitFlush(sealed, tables)
    })
  }

  #commitFlush(sealed: SealedMemtable, tables: readonly TableInfo[]): void {
    const { state, pins } = this.#options
    const manifest = { ...afterFlush(state.version.manifest, sealed, tables), nextFile: this.#nextFile }
    this.#commit(manifest, (error, version) => {
      if (version === null) return this.#discarded('flush', error, tables)
      this.flushes++
      this.bytesFlushed += sizeOf(tables)
      this.#failures.flush = 0
      pins.retire(sealed.memtable)
      state.sealed = state.sealed.slice(1)
      this.#switch(version)
      this.#options.onManifest(manifest.index)
      this.#ended()
    })
  }

  #compact(plan: CompactionPlan): void {
    this.#busy = true
    const { state } = this.#options
    const reserved = this.#reserve(plan.outputBytes + this.#options.tableBytes)
    const spec = compactSpec(plan, state.version, { ...this.#options, ...reserved })
    this.#job = this.#options.jobs.run(spec, (error, output) => {
      this.#job = null
      if (error !== null) return this.#failed('compact', error, reserved)
      const { tables, end } = output as CompactOutput
      const edited = afterCompaction(state.version.manifest, { ...plan, tables, end })
      this.#commit({ ...edited, nextFile: this.#nextFile }, (commitError, version) => {
        if (version === null) return this.#discarded('compact', commitError, tables)
        this.compactions++
        this.bytesCompacted += sizeOf(tables)
        this.#failures.compact = 0
        this.#switch(version)
        this.#ended()
      })
    })
  }

  /**
   * Makes a manifest durable. The version is null when it could not be: its files stay. When that is not
   * known the process must end, and `done` never runs.
   */
  #commit(manifest: Manifest, done: (error: Error | null, version: Version | null) => void): void {
    const { tables, disk, folder } = this.#options
    const infos = manifest.runs.flatMap((run) => run.tables.map((table) => table.info))
    tables.open(infos, (error, opened) => {
      if (error !== null) return done(error, null)
      replaceManifestFile(disk, folder, encodeManifest(manifest), (result) => {
        if (result.kind === 'durable') return done(null, new Version(manifest, tables.byName))
        if (result.kind === 'unknown') return this.#options.onFatal(result.error)
        tables.forget(opened)
        done(result.error, null)
      })
    })
  }

  /** `version` is durable: reads see it from now on; files that only the old one held go. */
  #switch(version: Version): void {
    const { state } = this.#options
    const old = state.version
    state.version = version.retain()
    const { index, drops } = version.manifest
    state.drops = new DropSet([...drops, ...state.drops.drops.filter((drop) => drop.version > index)])
    old.release()
  }

  /** File numbers for up to `bytes` of output: never used again, whatever becomes of them. */
  #reserve(bytes: number): Reservation {
    const numbers = Math.ceil(bytes / this.#options.tableBytes) + 2
    const firstNumber = this.#nextFile
    this.#nextFile += numbers
    return { firstNumber, numbers }
  }

  #failed(kind: JobKind, error: Error, reserved: Reservation): void {
    const names: string[] = []
    for (let i = 0; i < reserved.numbers; i++) {
      names.push(tableName(this.#options.filePrefix, reserved.firstNumber + i))
    }
    this.#options.tables.removeFiles(names)
    if (errorCode(error) === 'CANCELLED') this.#ended()
    else this.#later(kind, error)
  }

  #discarded(kind: JobKind, error: Error | null, tables: readonly TableInfo[]): void {
    this.#options.tables.removeFiles(tables.map((table) => table.name))
    this.#later(kind, error ?? new Error('Manifest was not written'))
  }

  #later(kind: JobKind, error: Error): void {
    this.jobFailures++
    const max = kind === 'flush' ? FLUSH_RETRY_MS_MAX : COMPACT_RETRY_MS_MAX
    const delayMs = Math.min(max, RETRY_MS * 2 ** this.#failures[kind])
    this.#failures[kind]++
    this.#options.warn(`A ${kind} failed and will be tried again`, { error: error.message, delayMs })
    this.#retry[kind] = this.#options.clock.setTimer(delayMs, () => {
      this.#retry[kind] = null
      this.kick()
    })
    this.#ended()
  }

  #ended(): void {
    this.#busy = false
    const waiting = this.#pausing
    this.#pausing = []
    for (const done of waiting) done()
    this.kick()
  }
}

function sizeOf(tables: readonly TableInfo[]): number {
  return tables.reduce((sum, table) => sum + table.size, 0)
}
