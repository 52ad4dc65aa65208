/**
 * Segments before and after their use: keeps two zero-filled ones ready (R6's reserve), and recycles or
 * removes those that are not needed any more. One thing at a time, all off the write path. Invariants: a file
 * has a segment's final name only with a valid, synced header of its own number and a salt never used before;
 * retired segments go oldest first, each durably before the next, so that what remains is always one chain.
 */
import type { Clock, Timer } from '../../lib/clock.ts'
import { errorCode } from '../../lib/coded-error.ts'
import type { Random } from '../../lib/random.ts'
import type { Callback, Disk, DiskFile } from '../disk.ts'
import type { JobHandle, Jobs } from '../jobs.ts'
import { type Step, steps } from '../steps.ts'
import { encodeSegmentHeader, segmentName } from './format.ts'
import { ZERO_FILL, type ZeroFillSpec } from './jobs.ts'
import { Segment } from './segment.ts'

/** R6: segments kept ready ahead of the one in use. */
export const RESERVE_SEGMENTS = 2
/** Retired segments are recycled while fewer than this many are ready; the rest is removed. */
const READY_SEGMENTS_MAX = 4
const RETRY_MS = 1_000

/** What waits for a retry. A full disk stops preparing only: recycling is what gets the log out of it. */
type Pause = 'none' | 'preparing' | 'all'

export interface SegmentPoolOptions {
  readonly folder: string
  readonly disk: Disk
  readonly jobs: Jobs
  readonly clock: Clock
  readonly random: Random
  /** The size of segments, once they have grown to it. */
  readonly segmentBytes: number
  /**
   * The size of the next one: doubles with each that is taken, because a new node should not wait for zeros.
   */
  readonly nextBytes: number
  /** The number of the next segment made. */
  readonly nextNumber: number
  /** The engine level for new headers. */
  readonly engineLevel: () => number
  /** A segment became ready. */
  readonly onReady: () => void
  readonly onFatal: (error: Error) => void
}

export class SegmentPool {
  readonly #options: SegmentPoolOptions
  readonly #ready: Segment[] = []
  readonly #retired: Segment[] = []
  #nextNumber: number
  #nextBytes: number
  #isWorking = false
  #isClosed = false
  #spaceShort = false
  #pause: Pause = 'none'
  #timer: Timer | null = null
  #job: JobHandle | null = null
  #onIdle: (() => void) | null = null

  constructor(options: SegmentPoolOptions) {
    this.#options = options
    this.#nextNumber = options.nextNumber
    this.#nextBytes = options.nextBytes
  }

  get readyBytes(): number {
    let bytes = 0
    for (const segment of this.#ready) bytes += segment.size
    return bytes
  }

  /** True after a preparation failed for lack of space, until one succeeds. */
  get spaceShort(): boolean {
    return this.#spaceShort
  }

  get count(): number {
    return this.#ready.length + this.#retired.length
  }

  /** The next ready segment, or null: onReady tells when to ask again. */
  take(): Segment | null {
    const segment = this.#ready.shift() ?? null
    if (segment !== null) this.#nextBytes = Math.min(this.#nextBytes * 2, this.#options.segmentBytes)
    this.work()
    return segment
  }

  /** Gives back a segment that holds nothing needed; older ones first. */
  retire(segment: Segment): void {
    this.#retired.push(segment)
    this.work()
  }

  /** Starts what there is to do, unless something is being done or waits for its retry. */
  work(): void {
    if (this.#isWorking || this.#isClosed) return
    const retired = this.#retired[0]
    const mayDispose = this.#pause !== 'all' && retired !== undefined && retired.readers === 0
    if (mayDispose) this.#begin('all', (done) => this.#dispose(retired, done))
    else if (this.#pause === 'none' && this.#ready.length < RESERVE_SEGMENTS) {
      this.#begin('preparing', (done) => this.#prepare(done))
    }
  }

  /** Stops; `done` runs when nothing is in flight any more and all files are closed. */
  close(done: () => void): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#job?.cancel()
    this.#onIdle = () => {
      const files = [...this.#ready, ...this.#retired].map((segment) => segment.file)
      steps(
        files.map(
          (file): Step =>
            (next) =>
              file.close(() => next(null)),
        ),
        done,
      )
    }
    if (!this.#isWorking) this.#onIdle()
  }

  /** `pause`: what waits for the retry when the task fails. */
  #begin(pause: Pause, task: (done: (error: Error | null) => void) => void): void {
    this.#isWorking = true
    task((error) => {
      this.#isWorking = false
      if (this.#onIdle !== null) this.#onIdle()
      else if (error === null) this.work()
      else this.#retryLater(error, pause)
    })
  }

  #retryLater(error: Error, pause: Pause): void {
    const code = errorCode(error)
    if (code === 'ENOSPC' || code === 'EDQUOT') this.#spaceShort = true
    this.#pause = pause
    this.#timer?.cancel()
    this.#timer = this.#options.clock.setTimer(RETRY_MS, () => {
      this.#pause = 'none'
      this.work()
    })
    this.work()
  }

  /** Makes a new segment. Whatever fails, the unfinished file goes and it is tried again (R6). */
  #prepare(done: (error: Error | null) => void): void {
    const number = this.#nextNumber++
    const path = this.#unfinished(number)
    const bytes = this.#nextBytes
    const spec: ZeroFillSpec = { kind: ZERO_FILL, path, bytes }
    this.#job = this.#options.jobs.run(spec, (error) => {
      this.#job = null
      if (error === null) this.#finish(number, bytes, done)
      else this.#discard(path, error, done)
    })
  }

  #dispose(segment: Segment, done: (error: Error | null) => void): void {
    const isUseful = segment.size * 2 >= this.#nextBytes && segment.size <= this.#options.segmentBytes
    if (isUseful && this.#ready.length < READY_SEGMENTS_MAX) this.#recycle(segment, done)
    else this.#remove(segment, done)
  }

  #remove(segment: Segment, done: (error: Error | null) => void): void {
    const { disk } = this.#options
    disk.remove(segment.file.path, (error) => {
      if (error !== null) {
        done(error)
        return
      }
      this.#retired.shift()
      steps([(next) => segment.file.close(() => next(null)), (next) => this.#syncFolder(next)], done)
    })
  }

  /**
   * The old name must be durably gone before the header changes: a crash never shows a header of another
   * number.
   */
  #recycle(segment: Segment, done: (error: Error | null) => void): void {
    const number = this.#nextNumber++
    this.#options.disk.rename(segment.file.path, this.#unfinished(number), (error) => {
      if (error !== null) {
        done(error)
        return
      }
      this.#retired.shift()
      steps([(next) => segment.file.close(() => next(null)), (next) => this.#syncFolder(next)], (failure) => {
        if (failure === null) this.#finish(number, segment.size, done)
        else this.#discard(this.#unfinished(number), failure, done)
      })
    })
  }

  /** Gives the unfinished file `number` a header with a fresh salt, then its name; then it is ready. */
  #finish(number: number, bytes: number, done: (error: Error | null) => void): void {
    const { disk, folder, random } = this.#options
    const unfinished = this.#unfinished(number)
    const path = `${folder}/${segmentName(number)}`
    const salt = random.u32()
    const header = encodeSegmentHeader(this.#options.engineLevel(), number, salt)
    steps(
      [
        (next) => this.#writeHeader(unfinished, header, next),
        (next) => disk.rename(unfinished, path, next),
        (next) => this.#syncFolder(next),
        (next) =>
          disk.open(path, 'write', (error, file) => {
            if (error === null) this.#ready.push(new Segment(file, number, salt, bytes))
            next(error)
          }),
      ],
      (error) => {
        if (error !== null) {
          this.#discard(unfinished, error, done)
          return
        }
        this.#spaceShort = false
        this.#options.onReady()
        done(null)
      },
    )
  }

  #writeHeader(path: string, header: Buffer, done: Callback): void {
    this.#options.disk.open(path, 'write', (error, file) => {
      if (error !== null) done(error)
      else writeAndClose(file, header, done)
    })
  }

  #discard(path: string, error: Error, done: (error: Error | null) => void): void {
    // It may not exist (nothing was made) or fail to go: a start removes what is left.
    this.#options.disk.remove(path, () => done(error))
  }

  /** Whether names are durable is not known after a failed sync: the process must end (R6). */
  #syncFolder(next: Callback): void {
    this.#options.disk.syncFolder(this.#options.folder, (error) => {
      if (error !== null) {
        this.#isClosed = true
        this.#options.onFatal(error)
      }
      next(error)
    })
  }

  #unfinished(number: number): string {
    return `${this.#options.folder}/${segmentName(number)}.tmp`
  }
}

function writeAndClose(file: DiskFile, bytes: Buffer, done: Callback): void {
  steps([(next) => file.write(0, [bytes], next), (next) => file.sync(next)], (error) => {
    file.close((closing) => done(error ?? closing))
  })
}
