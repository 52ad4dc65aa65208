/**
 * A start: finds the segments, reads them in order, keeps what R5 says counts and refuses the rest by file
 * and offset. The decision table is in docs/internals/log.md. Nothing is written but the removal of
 * unfinished files; what was accepted is synced before anybody can rely on it (a killed process leaves it in
 * the system's cache only).
 */
import { must } from '../../lib/assert.ts'
import type { Callback, Disk, DiskFile } from '../disk.ts'
import { steps } from '../steps.ts'
import { LogError } from './errors.ts'
import type { FoundCommit, SegmentHeader } from './format.ts'
import {
  COMMIT_SIZE,
  decodeSegmentHeader,
  LOG_FORMAT_VERSION,
  SEGMENT_HEADER_SIZE,
  segmentNumber,
} from './format.ts'
import type { GroupState } from './group-state.ts'
import { Replay } from './replay.ts'
import { findLaterCommit, isUntouched, nextBatch } from './scan.ts'
import { Segment } from './segment.ts'

export interface Recovered {
  readonly groups: Map<number, GroupState>
  readonly engineLevel: number
  /** Sequence and CRC of the last valid commit frame; 0, 0 for a new log. */
  readonly lastSequence: number
  readonly lastCrc: number
  /** Segments with valid batches, oldest first. */
  readonly used: Segment[]
  /** True when the last used segment was never written to behind its last batch: the log continues in it. */
  readonly continues: boolean
  /** Segments without a valid batch: prepared ones, and one whose first batch was torn. */
  readonly unused: Segment[]
  /** The highest segment number seen. */
  readonly highestNumber: number
}

/** Where the chain of valid batches ends. */
interface ChainEnd {
  path: string
  offset: number
}

export class Recovery {
  readonly #disk: Disk
  readonly #folder: string
  readonly #replay = new Replay()
  readonly #used: Segment[] = []
  readonly #unused: Segment[] = []
  #names: string[] = []
  #lastSequence = 0
  #lastCrc = 0
  #continues = false
  /** The last accepted batch with its commit frame. */
  #lastBatch: Buffer | null = null
  #end: ChainEnd | null = null

  constructor(disk: Disk, folder: string) {
    this.#disk = disk
    this.#folder = folder
  }

  run(done: Callback<Recovered>): void {
    steps(
      [
        (next) => this.#disk.makeFolder(this.#folder, next),
        (next) => this.#list(next),
        (next) => this.#removeUnfinished(next),
        // Names that a killed process left are durable before they are relied on.
        (next) => this.#disk.syncFolder(this.#folder, next),
        (next) => this.#readAll(0, next),
        (next) => this.#rewriteLast(next),
        (next) => this.#syncLast(next),
      ],
      (error) => {
        if (error === null) done(null, this.#result())
        else this.#closeAll(() => done(error, undefined as never))
      },
    )
  }

  #result(): Recovered {
    const last = this.#names.at(-1)
    return {
      groups: this.#replay.groups,
      engineLevel: this.#replay.engineLevel,
      lastSequence: this.#lastSequence,
      lastCrc: this.#lastCrc,
      used: this.#used,
      continues: this.#continues,
      unused: this.#unused,
      highestNumber: last === undefined ? 0 : segmentNumber(last),
    }
  }

  #list(next: Callback): void {
    this.#disk.list(this.#folder, (error, names) => {
      if (error === null) this.#names = names.toSorted()
      next(error)
    })
  }

  #removeUnfinished(next: Callback): void {
    const unfinished = this.#names.filter((name) => name.endsWith('.tmp'))
    this.#names = this.#names.filter((name) => segmentNumber(name) > 0)
    const removals = unfinished.map(
      (name) => (step: Callback) => this.#disk.remove(`${this.#folder}/${name}`, step),
    )
    steps(removals, next)
  }

  #readAll(at: number, next: Callback): void {
    const name = this.#names[at]
    if (name === undefined) {
      next(this.#attempt(() => this.#replay.finish()))
      return
    }
    this.#readOne(name, (error) => (error === null ? this.#readAll(at + 1, next) : next(error)))
  }

  #readOne(name: string, next: Callback): void {
    const path = `${this.#folder}/${name}`
    let file: DiskFile | null = null
    let size = 0
    steps(
      [
        (step) =>
          this.#disk.open(path, 'write', (error, opened) => {
            file = opened
            step(error)
          }),
        (step) =>
          must(file, 'file').size((error, bytes) => {
            size = bytes
            step(error)
          }),
        (step) =>
          must(file, 'file').read(0, size, (error, bytes) => {
            step(error ?? this.#attempt(() => this.#take(must(file, 'file'), segmentNumber(name), bytes)))
          }),
      ],
      (error) => {
        if (error === null || file === null) next(error)
        else file.close(() => next(error))
      },
    )
  }

  /** Damage is thrown below and becomes the error of the start. */
  #attempt(action: () => void): Error | null {
    try {
      action()
      return null
    } catch (error) {
      if (error instanceof LogError) return error
      throw error
    }
  }

  #take(file: DiskFile, number: number, bytes: Buffer): void {
    const header = readHeader(file.path, number, bytes)
    const segment = new Segment(file, number, header.salt, bytes.length)
    this.#replay.enter(file.path, number, header.engineLevel)
    const end = this.#batches(file.path, bytes, header)
    this.#judgeTail(file.path, bytes, header, end)
    if (end === SEGMENT_HEADER_SIZE) {
      this.#unused.push(segment)
      return
    }
    segment.offset = end
    this.#used.push(segment)
    this.#continues = isUntouched(bytes, end)
    this.#end = { path: file.path, offset: end }
  }

  /** Replays the valid batches; the value is where they end. */
  #batches(path: string, bytes: Buffer, header: SegmentHeader): number {
    let start = SEGMENT_HEADER_SIZE
    for (;;) {
      const commit = nextBatch(bytes, start, header)
      if (commit === null) return start
      this.#checkChain(path, start, commit)
      this.#replay.batch(bytes, start, commit.offset)
      this.#lastSequence = commit.sequence
      this.#lastCrc = commit.crc
      const end = commit.offset + COMMIT_SIZE
      this.#lastBatch = bytes.subarray(start, end)
      start = end
    }
  }

  /** A batch must follow the last valid one; only the oldest segment of all may begin anywhere. */
  #checkChain(path: string, start: number, commit: FoundCommit): void {
    const isOldest = this.#used.length + this.#unused.length === 0 && start === SEGMENT_HEADER_SIZE
    if (isOldest && (commit.sequence > 1 || commit.previousCrc === 0)) return
    if (commit.sequence === this.#lastSequence + 1 && commit.previousCrc === this.#lastCrc) return
    const end = this.#end ?? { path, offset: start }
    throw new LogError(
      'CORRUPT',
      end.path,
      end.offset,
      `batch ${this.#lastSequence + 1} is missing or damaged: ` +
        `batch ${commit.sequence} follows at offset ${start} of ${path}`,
    )
  }

  /** Behind the valid batches only a torn write may lie (R5). */
  #judgeTail(path: string, bytes: Buffer, header: SegmentHeader, end: number): void {
    const later = findLaterCommit(bytes, end, header, this.#lastSequence + 1)
    if (later === null) return
    throw new LogError(
      'CORRUPT',
      path,
      end,
      `batch ${this.#lastSequence + 1} is damaged: batch ${later.sequence} was written behind it, ` +
        `with its commit frame at offset ${later.offset}`,
    )
  }

  /**
   * Only the last batch may have been in flight. It is written again and not merely synced: after a failed sync the
   * system shows bytes that it will never write, and a later sync succeeds all the same.
   */
  #rewriteLast(next: Callback): void {
    const last = this.#used.at(-1)
    if (last === undefined || this.#lastBatch === null) next(null)
    else last.file.write(last.offset - this.#lastBatch.length, [this.#lastBatch], next)
  }

  #syncLast(next: Callback): void {
    const last = this.#used.at(-1)
    if (last === undefined) next(null)
    else last.file.sync(next)
  }

  #closeAll(done: () => void): void {
    const closings = [...this.#used, ...this.#unused].map(
      (segment) => (step: Callback) => segment.file.close(() => step(null)),
    )
    steps(closings, done)
  }
}

function readHeader(path: string, number: number, bytes: Buffer): SegmentHeader {
  const header = decodeSegmentHeader(bytes)
  if (header === null) throw new LogError('CORRUPT', path, 0, 'the segment header is damaged')
  if (header.formatVersion > LOG_FORMAT_VERSION) {
    const { formatVersion } = header
    const known = LOG_FORMAT_VERSION
    const what = `format version ${formatVersion} is newer than this program, which reads up to ${known}`
    throw new LogError('UNSUPPORTED', path, 0, what)
  }
  if (header.number !== number) {
    throw new LogError('CORRUPT', path, 0, `the header is that of segment ${header.number}`)
  }
  return header
}
