/**
 * The node's write-ahead log for all its groups: recovery first (recovery.ts), then one writer (writer.ts)
 * over a pool of segments (segment-pool.ts), shared by the groups (group.ts). Formats and decisions:
 * docs/internals/log.md.
 */
import { assert, must } from '../../lib/assert.ts'
import type { Histogram } from '../../lib/histogram.ts'
import { limits } from '../../protocol/limits.ts'
import type { Index } from '../../raft/types.ts'
import type { Callback } from '../disk.ts'
import { type Step, steps } from '../steps.ts'
import type { Batch } from './batch.ts'
import { CacheMeter } from './entry-cache.ts'
import { LogError } from './errors.ts'
import type { GroupHost } from './group.ts'
import { GroupLog } from './group.ts'
import { GroupState } from './group-state.ts'
import { type Recovered, Recovery } from './recovery.ts'
import type { Segment } from './segment.ts'
import { SegmentPool } from './segment-pool.ts'
import type { Log, LogGroup, LogOptions, LogStatus, RecoveredGroup } from './types.ts'
import { LogWriter } from './writer.ts'

const REMEDY = 'start the node with the version that wrote its data folder, or a later one'

/**
 * Opens the log in its folder, which is made when missing. Errors: CORRUPT, UNSUPPORTED (LogError), system
 * errors.
 */
export function openLog(options: LogOptions, done: Callback<Log>): void {
  new Recovery(options.disk, options.folder).run((error, recovered) => {
    if (error !== null) {
      done(error, undefined as never)
      return
    }
    const level = recovered.engineLevel
    if (level > (options.engineLevelMax ?? Number.POSITIVE_INFINITY)) {
      const known = options.engineLevelMax
      const what = `engine level ${level} is newer than this program, which knows up to ${known}: ${REMEDY}`
      const refusal = new LogError('UNSUPPORTED', options.folder, 0, what)
      closeFiles([...recovered.used, ...recovered.unused], () => done(refusal, undefined as never))
      return
    }
    done(null, new WriteAheadLog(options, recovered))
  })
}

class WriteAheadLog implements Log, GroupHost {
  readonly cacheMeter = new CacheMeter()
  readonly #options: LogOptions
  readonly #pool: SegmentPool
  readonly #writer: LogWriter
  readonly #groups = new Map<number, GroupLog>()
  readonly #recovered = new Map<number, RecoveredGroup>()
  readonly #cacheBytesMax: number
  #engineLevel: number
  #hasFailed = false

  constructor(options: LogOptions, recovered: Recovered) {
    const { disk, jobs, clock, folder } = options
    const segmentBytes = options.segmentBytes ?? limits.segmentBytes
    const batchBytes = options.batchBytes ?? limits.logBatchBytes
    this.#options = options
    this.#cacheBytesMax = options.entryCacheBytes ?? limits.entryCacheBytes
    this.#engineLevel = recovered.engineLevel
    const onFatal = (error: Error): void => this.fatal(error)
    this.#pool = new SegmentPool({
      folder,
      disk,
      jobs,
      clock,
      segmentBytes,
      nextBytes: nextSegmentBytes(recovered, segmentBytes),
      onFatal,
      random: options.random.fork('log'),
      nextNumber: recovered.highestNumber + 1,
      engineLevel: () => this.#engineLevel,
      onReady: () => this.#writer.segmentReady(),
    })
    const onDurable = (batch: Batch): void => this.#durable(batch)
    this.#writer = new LogWriter({
      pool: this.#pool,
      clock,
      segmentBytes,
      batchBytes,
      recovered,
      onDurable,
      onFatal,
    })
    this.#adopt(recovered)
  }

  get folder(): string {
    return this.#options.folder
  }

  get engineLevel(): number {
    return this.#engineLevel
  }

  get busy(): boolean {
    return this.#writer.busy
  }

  get syncDurations(): Histogram {
    return this.#writer.syncDurations
  }

  group(id: number): LogGroup {
    return this.#group(id)
  }

  recovered(id: number): RecoveredGroup {
    const { hardState, install } = new GroupState(id)
    return this.#recovered.get(id) ?? { hardState, install }
  }

  flush(): void {
    this.#writer.start()
  }

  status(): LogStatus {
    const { syncAgeMs, syncBytes, pendingBytes, syncs, bytesWritten, used } = this.#writer
    let logBytes = 0
    let cacheBytes = 0
    for (const group of this.#groups.values()) {
      logBytes += group.state.entries.bytes
      cacheBytes += group.cacheBytes
    }
    const { readyBytes: preparedBytes, spaceShort } = this.#pool
    const segments = used.length + this.#pool.count
    return {
      syncAgeMs,
      syncBytes,
      pendingBytes,
      logBytes,
      segments,
      syncs,
      bytesWritten,
      preparedBytes,
      spaceShort,
      cacheBytes,
    }
  }

  bytesSince(group: number, index: Index): number {
    return this.#groups.get(group)?.state.entries.bytesSince(index) ?? 0
  }

  raiseEngineLevel(level: number): void {
    assert(level >= this.#engineLevel, () => `Engine level falls from ${this.#engineLevel} to ${level}`)
    if (level === this.#engineLevel) return
    this.#engineLevel = level
    const batch = this.#writer.gathering(0)
    batch.records.engineLevel(level)
    batch.engineLevel = level
  }

  close(done: () => void): void {
    this.#writer.drain(() => {
      this.#pool.close(() => closeFiles(this.#writer.used, done))
    })
  }

  gathering(bytes: number): Batch {
    return this.#writer.gathering(bytes)
  }

  /** Entries that are not placed yet will lie in the segment in use or a later one. */
  oldestNeeded(): number {
    let oldest = this.#writer.used.at(-1)?.number ?? 0
    for (const { state } of this.#groups.values()) {
      const { entries } = state
      const segment = entries.first <= entries.last ? entries.segment(entries.first) : -1
      if (segment >= 0 && segment < oldest) oldest = segment
    }
    return oldest
  }

  cacheGrew(): void {
    if (this.cacheMeter.bytes > this.#cacheBytesMax) this.#evict()
  }

  defer(fn: () => void): void {
    this.#options.clock.defer(fn)
  }

  segment(number: number): Segment {
    const segment = this.#writer.used.find((used) => used.number === number)
    return must(segment, `segment ${number}`)
  }

  readDone(segment: Segment): void {
    if (segment.readers === 0) this.#pool.work()
  }

  fatal(error: Error): void {
    if (this.#hasFailed) return
    this.#hasFailed = true
    this.#options.onFatal(error)
  }

  #adopt(recovered: Recovered): void {
    for (const state of recovered.groups.values()) {
      const { hardState, install } = state
      this.#recovered.set(state.id, { hardState, install })
      this.#groups.set(state.id, new GroupLog(state, this))
    }
    for (const segment of recovered.unused) this.#pool.retire(segment)
    this.#writer.retireBelow(this.oldestNeeded())
    this.#pool.work()
  }

  #group(id: number): GroupLog {
    let group = this.#groups.get(id)
    if (group === undefined) {
      group = new GroupLog(new GroupState(id), this)
      this.#groups.set(id, group)
    }
    return group
  }

  #durable(batch: Batch): void {
    for (const run of batch.runs) run.appender.appendDurable()
    assert(batch.retireBelow <= batch.segment, 'A batch never gives up the segment it lies in')
    this.#writer.retireBelow(batch.retireBelow)
    this.cacheGrew()
    for (const done of batch.dones) done()
  }

  /** Frees the oldest entries of the groups that hold most, as far as they are durable. */
  #evict(): void {
    const groups = [...this.#groups.values()].sort((a, b) => b.cacheBytes - a.cacheBytes)
    for (const group of groups) {
      while (this.cacheMeter.bytes > this.#cacheBytesMax) if (!group.evict()) break
    }
  }
}

/** Segments go on growing from the largest there is. */
function nextSegmentBytes({ used, unused }: Recovered, segmentBytes: number): number {
  let bytes: number = limits.firstSegmentBytes
  for (const { size } of [...used, ...unused]) bytes = Math.max(bytes, size)
  return Math.min(bytes, segmentBytes)
}

function closeFiles(segments: readonly Segment[], done: () => void): void {
  steps(
    segments.map(
      ({ file }): Step =>
        (next) =>
          file.close(() => next(null)),
    ),
    done,
  )
}
