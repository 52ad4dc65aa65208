/**
 * The store: an ordered map of bytes to bytes for one shard, log-structured (types.ts says what it promises).
 * It joins the parts: State is what reads see, Maintenance moves memtables into tables and merges tables,
 * Pins and LiveScan read what is not in memory, Transfer takes in snapshots. The Raft log is the write-ahead
 * log: after a crash the store is at its last durable manifest and the replica replays.
 */
import { assert } from '../../lib/assert.ts'
import type { ByteString } from '../../lib/bytes.ts'
import { limits } from '../../protocol/limits.ts'
import type { Callback } from '../disk.ts'
import type { BlockCache } from './block-cache.ts'
import { DropSet } from './drops.ts'
import { ClosedError, CorruptError } from './errors.ts'
import { hashKey } from './hash.ts'
import { LiveScan } from './live-scan.ts'
import { Maintenance } from './maintenance.ts'
import { decodeManifest, encodeManifest, type Manifest } from './manifest.ts'
import { Memtable } from './memtable.ts'
import { type OpenedFiles, type OpenFilesOptions, openFiles } from './open.ts'
import { StatePins } from './pinned-state.ts'
import { Pins } from './pins.ts'
import { seekPlace } from './seek.ts'
import { State } from './state.ts'
import type { TableSet } from './table-set.ts'
import { Transfer } from './transfer.ts'
import {
  MISS,
  type Pin,
  type PinnedState,
  type Place,
  type Row,
  type SnapshotFile,
  type Store,
  type StoreOptions,
  type StoreSnapshot,
  type StoreStatus,
} from './types.ts'
import { loadMissing, type Version } from './version.ts'

/**
 * A compaction's output is two tables: as large as a flush. Tables in proportion to memtables keep what a merge takes
 * before it gives its inputs back within the reserve of a nearly full disk (R6).
 */
const TABLES_PER_MEMTABLE = 2
const TABLE_BYTES_MIN = 1024 * 1024
/** Sealed memtables that may wait for their flush. */
const SEALED_MAX = 2
/** A dropped range counts as this much memtable: their number stays small because seals come sooner. */
const DROP_CHARGE = 256 * 1024
/** Keys that one turn of a range examines. */
const SCAN_SLICE = 2_000
/** Keys that a synchronous range examines before it gives up with MISS. */
const RANGE_MAX = 20_000

/** Opens or creates the store in `folder`. */
export function openStore(options: StoreOptions, done: Callback<Store>): void {
  const memtableBytes = options.memtableBytes ?? limits.memtableBytes
  const full = {
    ...options,
    memtableBytes,
    memtableLogBytes: options.memtableLogBytes ?? limits.memtableLogBytes,
    blockCacheBytes: options.blockCacheBytes ?? limits.blockCacheBytes,
    tableBytes: options.tableBytes ?? Math.max(TABLE_BYTES_MIN, memtableBytes / TABLES_PER_MEMTABLE),
    pinnedBytes: options.pinnedBytes ?? limits.snapshotMemoryBytes,
    warn: (message: string, fields: Record<string, unknown>): void => options.log?.('warn', message, fields),
  }
  openFiles(full, (error, files) => {
    if (error === null) done(null, new LogStructuredStore(full, files))
    else done(error, null as unknown as Store)
  })
}

interface FullOptions extends OpenFilesOptions {
  readonly memtableBytes: number
  readonly memtableLogBytes: number
  readonly tableBytes: number
  readonly pinnedBytes: number
}

class LogStructuredStore implements Store {
  readonly #options: FullOptions
  readonly #tables: TableSet
  readonly #cache: BlockCache
  readonly #state: State
  readonly #pins: Pins
  readonly #statePins: StatePins
  readonly #maintenance: Maintenance
  readonly #transfer: Transfer
  readonly #scans = new Set<LiveScan>()
  #onManifest: (index: number) => void = () => {}
  /** The last ended entry. */
  #index: number
  #term: number
  /** Something was put since. */
  #inEntry = false
  #closed = false

  constructor(options: FullOptions, files: OpenedFiles) {
    this.#options = options
    this.#tables = files.tables
    this.#cache = files.cache
    this.#state = new State(files.version)
    this.#pins = new Pins(this.#state, options.clock)
    this.#statePins = new StatePins(this.#state, options.clock, options.pinnedBytes)
    this.#index = this.manifestIndex
    this.#term = this.manifestTerm
    this.#maintenance = new Maintenance({
      ...options,
      state: this.#state,
      pins: this.#pins,
      tables: this.#tables,
      onManifest: (index) => this.#onManifest(index),
    })
    this.#transfer = new Transfer({ ...options, tables: this.#tables })
    this.#maintenance.kick()
  }

  get #manifest(): Manifest {
    return this.#state.version.manifest
  }

  get manifestIndex(): number {
    return this.#manifest.index
  }

  get manifestTerm(): number {
    return this.#manifest.term
  }

  get manifestMeta(): Buffer {
    return this.#manifest.meta
  }

  get(key: ByteString): Buffer | null {
    return this.#state.get(key, this.#pins)
  }

  range(from: ByteString, to: ByteString | null, limit: number): Row[] {
    const scan = new LiveScan(this.#state, from, to, limit)
    if (scan.step(RANGE_MAX).kind !== 'done') throw MISS
    return scan.rows
  }

  put(key: ByteString, value: Buffer | null): void {
    this.#inEntry = true
    const { active } = this.#state
    const place = active.put(key, hashKey(key), this.#index + 1, value)
    if (this.#scans.size === 0) return
    const stored = active.value(place)
    for (const scan of this.#scans) scan.onPut(key, stored)
  }

  dropRange(from: ByteString, to: ByteString): void {
    assert(from < to, 'A dropped range must not be empty')
    this.#inEntry = true
    this.#state.drops = this.#state.drops.with({ from, to, version: this.#index + 1 })
    this.#state.active.charge(DROP_CHARGE)
    this.#pins.drop(from, to)
    for (const scan of this.#scans) scan.onDrop(from, to)
  }

  endEntry(index: number, term: number): void {
    assert(index > this.#index, () => `Cannot end entry ${index}: the last one was ${this.#index}`)
    this.#index = index
    this.#term = term
    this.#inEntry = false
  }

  fetch(keys: readonly ByteString[], done: Callback<Pin>): void {
    this.#pins.fetch(keys, done)
  }

  fetchRange(from: ByteString, to: ByteString | null, limit: number, done: Callback<Row[]>): void {
    const scan = new LiveScan(this.#state, from, to, limit)
    this.#scans.add(scan)
    const finish = (error: Error | null): void => {
      this.#scans.delete(scan)
      done(error, error === null ? scan.rows : [])
    }
    const slice = (): void => {
      if (this.#closed) return finish(new ClosedError())
      const step = scan.step(SCAN_SLICE)
      if (step.kind === 'done') finish(null)
      else if (step.kind === 'again') this.#options.clock.defer(slice)
      else loadMissing(scan, step.blocks, (error) => (error === null ? slice() : finish(error)))
    }
    this.#options.clock.defer(slice)
  }

  seek(from: ByteString, to: ByteString, fraction: number): Place | null {
    return seekPlace(this.#state, from, to, fraction)
  }

  pin(): PinnedState {
    assert(!this.#inEntry, 'Cannot pin inside an entry')
    return this.#statePins.pin(this.#index)
  }

  shouldSeal(logBytes: number): boolean {
    const { active, sealed } = this.#state
    if (active.bytes >= this.#options.memtableBytes) return true
    return (
      logBytes >= this.#options.memtableLogBytes && sealed.length === 0 && this.#index > this.manifestIndex
    )
  }

  get stalled(): boolean {
    return this.#state.sealed.length >= SEALED_MAX
  }

  seal(meta: Buffer): void {
    assert(!this.#inEntry, 'Cannot seal inside an entry')
    assert(!this.stalled, () => `Cannot seal: ${SEALED_MAX} sealed memtables wait for their flush`)
    const { active, sealed, drops } = this.#state
    this.#state.sealed = [
      ...sealed,
      {
        memtable: active,
        index: this.#index,
        term: this.#term,
        meta: Buffer.from(meta),
        drops,
        standIn: new ArrayBuffer(active.bytes),
      },
    ]
    this.#state.active = new Memtable()
    this.#statePins.trim()
    this.#maintenance.kick()
  }

  reclaim(on: boolean): void {
    if (on) this.#statePins.clear()
    this.#maintenance.reclaim(on)
  }

  onManifest(handler: (index: number) => void): void {
    this.#onManifest = handler
  }

  snapshot(): StoreSnapshot {
    const version = this.#state.version.retain()
    let held = true
    return {
      index: version.manifest.index,
      term: version.manifest.term,
      manifest: encodeManifest(version.manifest),
      files: version.tables.map(({ info }) => ({ name: info.name, size: info.size })),
      release: () => {
        assert(held, 'Snapshot is released twice')
        held = false
        if (!this.#closed) version.release()
      },
    }
  }

  readFile(name: string, offset: number, length: number, done: Callback<Buffer>): void {
    const table = this.#tables.byName.get(name)
    if (table === undefined) {
      const error = new Error(`Cannot read ${name}: no snapshot holds it`)
      this.#options.clock.defer(() => done(error, Buffer.alloc(0)))
      return
    }
    table.read(offset, length, done)
  }

  filesPresent(manifest: Buffer, done: Callback<readonly SnapshotFile[]>): void {
    this.#transfer.filesPresent(manifest, done)
  }

  receive(name: string, offset: number, bytes: Buffer, done: Callback): void {
    this.#transfer.receive(name, offset, bytes, done)
  }

  receiveComplete(manifest: Buffer, done: Callback): void {
    this.#transfer.receiveComplete(manifest, done)
  }

  discardReceived(): void {
    this.#transfer.discard()
  }

  install(bytes: Buffer, done: Callback): void {
    this.#maintenance.pause(() => {
      let manifest: Manifest
      try {
        manifest = decodeManifest(bytes, 'received manifest')
      } catch (error) {
        if (!(error instanceof CorruptError)) throw error
        this.#maintenance.resume()
        return done(error)
      }
      this.#maintenance.install(manifest, (error, version) => {
        if (version !== null) this.#replace(version)
        this.#maintenance.resume()
        done(error)
      })
    })
  }

  status(): StoreStatus {
    const { active, sealed, version } = this.#state
    const { tables } = version
    return {
      memtableBytes: sealed.reduce((sum, { memtable }) => sum + memtable.bytes, active.bytes),
      sealedMemtables: sealed.length,
      tables: tables.length,
      tableBytes: tables.reduce((sum, table) => sum + table.info.size, 0),
      tableEntries: tables.reduce((sum, table) => sum + table.info.entries, 0),
      sortedRuns: version.runs.length,
      cacheBytes: this.#cache.bytes,
      cacheHits: this.#cache.hits,
      cacheMisses: this.#cache.misses,
      indexBytes: tables.reduce((sum, table) => sum + table.residentBytes, 0),
      flushes: this.#maintenance.flushes,
      compactions: this.#maintenance.compactions,
      bytesFlushed: this.#maintenance.bytesFlushed,
      bytesCompacted: this.#maintenance.bytesCompacted,
      jobFailures: this.#maintenance.jobFailures,
      pins: this.#statePins.size,
      pinnedBytes: this.#statePins.bytes,
      receivedFiles: this.#transfer.count,
    }
  }

  close(done: () => void): void {
    this.#closed = true
    this.#statePins.clear()
    this.#pins.close()
    this.#maintenance.pause(() => {
      this.#maintenance.close()
      this.#transfer.close(() => this.#tables.close(done))
    })
  }

  /** The installed version is the whole state now. */
  #replace(version: Version): void {
    const state = this.#state
    const old = state.version
    this.#statePins.clear()
    state.version = version.retain()
    state.active = new Memtable()
    state.sealed = []
    state.drops = new DropSet(version.manifest.drops)
    this.#index = version.manifest.index
    this.#term = version.manifest.term
    this.#inEntry = false
    this.#pins.clear()
    for (const scan of this.#scans) scan.restart()
    old.release()
    this.#transfer.installed()
  }
}
