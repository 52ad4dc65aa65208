/**
 * One write-ahead log on a simulated disk, for tests: processes come and go, the disk stays. Drives the world
 * until what was asked for is done, so that tests read as sequences.
 */
import { assert, must } from '../../lib/assert.ts'
import { type Entry, EntryKind, encodeEntry } from '../../protocol/entry.ts'
import type { HardState } from '../../raft/types.ts'
import { logJobs } from '../../storage/log/jobs.ts'
import { openLog } from '../../storage/log/log.ts'
import type { Log, LogGroup, LogOptions } from '../../storage/log/types.ts'
import { SimClock, SimTime } from '../sim/clock.ts'
import { SimDisk, type SimDiskOptions } from '../sim/disk.ts'
import { SimJobs } from '../sim/jobs.ts'
import type { SimProcess } from '../sim/process.ts'
import { SimWorld } from '../sim/world.ts'

export const LOG_FOLDER = '/data/log'

export interface LogFixtureOptions {
  readonly seed?: number
  readonly disk?: SimDiskOptions
  readonly segmentBytes?: number
  readonly entryCacheBytes?: number
  readonly batchBytes?: number
  readonly engineLevelMax?: number
}

/** An entry of `group` whose payload is `text`. */
export function textEntry(term: number, index: number, text: string | Buffer, group = 1): Entry {
  const payload = typeof text === 'string' ? Buffer.from(text) : text
  return encodeEntry(group, term, index, EntryKind.commands, [payload])
}

export function hardState(term: number, commitIndex = 0, votedFor = 0): HardState {
  return { term, votedFor, commitIndex }
}

export class LogFixture {
  readonly world: SimWorld
  readonly disk: SimDisk
  readonly options: LogFixtureOptions
  /** What onFatal got, in order. */
  readonly fatals: Error[] = []
  #process: SimProcess | null = null
  #log: Log | null = null

  constructor(options: LogFixtureOptions = {}) {
    this.options = options
    this.world = new SimWorld(options.seed ?? 1)
    this.disk = new SimDisk(this.world, 'disk', options.disk)
  }

  get log(): Log {
    return must(this.#log, 'open log')
  }

  /** Group 1. */
  get group(): LogGroup {
    return this.log.group(1)
  }

  /** Starts a process that opens the log; throws what openLog refuses with. */
  open(overrides: Partial<LogOptions> = {}): LogGroup {
    const error = this.tryOpen(overrides)
    if (error !== null) throw error
    return this.group
  }

  /** Null, or what openLog refused with. */
  tryOpen(overrides: Partial<LogOptions> = {}): Error | null {
    let answer: Error | null | undefined
    this.start((error) => {
      answer = error
    }, overrides)
    this.world.runUntil(() => answer !== undefined, 'log is open')
    return must(answer === undefined ? null : { error: answer }, 'answer').error
  }

  /** Starts a process that opens the log, without waiting for it. */
  start(done: (error: Error | null) => void, overrides: Partial<LogOptions> = {}): void {
    assert(this.#process === null || !this.#process.alive, 'The process before is gone')
    const process = this.world.spawn('log')
    this.#process = process
    this.#log = null
    const { segmentBytes = 16 * 1024, ...rest } = this.options
    const options: LogOptions = {
      ...rest,
      segmentBytes,
      folder: LOG_FOLDER,
      disk: this.disk.mount(process),
      jobs: new SimJobs(process, this.disk, logJobs),
      clock: new SimClock(process, new SimTime(this.world)),
      random: this.world.random.fork('log'),
      onFatal: (error) => this.fatals.push(error),
      ...overrides,
    }
    openLog(options, (error, log) => {
      if (error === null) this.#log = log
      done(error)
    })
  }

  /** Appends and waits until it is durable. */
  append(entries: readonly Entry[], state: HardState | null = null, group: LogGroup = this.group): void {
    this.sync((done) => group.append(entries, state, done))
  }

  /** Appends one entry per text behind the last one. */
  appendTexts(term: number, ...texts: readonly string[]): void {
    const next = this.group.lastIndex() + 1
    this.append(texts.map((text, i) => textEntry(term, next + i, text)))
  }

  /** Runs `action`, flushes, and waits for its `done`. */
  sync(action: (done: () => void) => void): void {
    let isDone = false
    action(() => {
      isDone = true
    })
    this.log.flush()
    this.world.runUntil(() => isDone, 'durable')
  }

  /** Writes what is gathered and waits for it. */
  settle(): void {
    this.append([])
    this.world.runFor(100)
  }

  /** The payload texts of entries [first, last], read in whatever way it takes. */
  texts(group: LogGroup = this.group): string[] {
    const out: string[] = []
    while (group.firstIndex() + out.length <= group.lastIndex()) {
      for (const entry of this.read(group.firstIndex() + out.length, group.lastIndex() + 1, 4096, group)) {
        out.push(entry.frame.subarray(32, 32 + entry.frame.readUInt32LE(0)).toString())
      }
    }
    return out
  }

  read(low: number, high: number, maxBytes = 1 << 20, group: LogGroup = this.group): readonly Entry[] {
    let answer: readonly Entry[] | null = null
    let failure: Error | null = null
    group.read(low, high, maxBytes, (error, entries) => {
      failure = error
      answer = entries
    })
    this.world.runUntil(() => answer !== null, 'entries are read')
    if (failure !== null) throw failure
    return must(answer as readonly Entry[] | null, 'entries')
  }

  close(): void {
    let isClosed = false
    this.log.close(() => {
      isClosed = true
    })
    this.world.runUntil(() => isClosed, 'log is closed')
    this.kill()
  }

  /** kill -9: what was written stays, durable or not. */
  kill(): void {
    this.#process?.kill()
  }

  /** Loss of power. */
  crash(...keep: Parameters<SimDisk['crash']>): void {
    this.disk.crash(...keep)
  }

  /** Paths of the segment files, in order. */
  segments(): string[] {
    return this.disk.folders
      .paths()
      .filter((path) => path.endsWith('.seg'))
      .toSorted()
  }
}
