/**
 * Writes batches: one in flight, the next gathers meanwhile, each ends with its commit frame. Rotates
 * segments; a new segment begins by repeating the state of all groups, so that older ones are needed for
 * entries only. After any error nothing is written or acknowledged any more (R6).
 */
import { must } from '../../lib/assert.ts'
import type { Clock } from '../../lib/clock.ts'
import { crc32 } from '../../lib/crc32.ts'
import { Histogram } from '../../lib/histogram.ts'
import { limits } from '../../protocol/limits.ts'
import { Batch } from './batch.ts'
import { COMMIT_SIZE, SEGMENT_HEADER_SIZE, writeCommit } from './format.ts'
import { type FrameBuffer, SlabPool } from './frame-buffer.ts'
import type { GroupState, Kept } from './group-state.ts'
import { RecordWriter } from './records.ts'
import type { Recovered } from './recovery.ts'
import type { Segment } from './segment.ts'
import type { SegmentPool } from './segment-pool.ts'

/** Left free in a segment by the largest batch, for the records that open the segment. */
const OPENING_BYTES = 512

export interface LogWriterOptions {
  readonly pool: SegmentPool
  readonly clock: Clock
  readonly segmentBytes: number
  readonly batchBytes: number
  readonly recovered: Recovered
  readonly onDurable: (batch: Batch) => void
  readonly onFatal: (error: Error) => void
}

export class LogWriter {
  readonly #options: LogWriterOptions
  readonly #slabs = new SlabPool()
  readonly #batchBytesMax: number
  /** Segments with valid batches, oldest first. */
  readonly #used: Segment[]
  /** The one written to; null when the next batch opens a new one. */
  #current: Segment | null
  /** What was written about each group: the state that a new segment repeats. */
  readonly #kept = new Map<GroupState, Kept>()
  #keptEngineLevel: number
  #sequence: number
  #previousCrc: number
  readonly #queue: Batch[] = []
  #inFlight: Batch | null = null
  #opening: RecordWriter | null = null
  #isWaiting = false
  #hasFailed = false
  /** When the write in flight began. */
  #sinceMs = 0
  #inFlightBytes = 0
  /** Seconds per write and sync of a batch. */
  readonly syncDurations = new Histogram()
  #syncs = 0
  #bytesWritten = 0
  #onDrained: (() => void) | null = null

  constructor(options: LogWriterOptions) {
    const { recovered, segmentBytes } = options
    this.#options = options
    const smallest = Math.min(segmentBytes, limits.firstSegmentBytes)
    const room = smallest - SEGMENT_HEADER_SIZE - COMMIT_SIZE - OPENING_BYTES
    this.#batchBytesMax = Math.min(options.batchBytes, room)
    this.#used = recovered.used
    this.#current = recovered.continues ? must(recovered.used.at(-1), 'last segment') : null
    for (const group of recovered.groups.values()) this.#kept.set(group, group.kept())
    this.#keptEngineLevel = recovered.engineLevel
    this.#sequence = recovered.lastSequence
    this.#previousCrc = recovered.lastCrc
  }

  /** True while a batch is being written or waits for a segment. */
  get busy(): boolean {
    return this.#inFlight !== null || this.#isWaiting
  }

  get syncAgeMs(): number {
    return this.#inFlight === null ? 0 : this.#options.clock.monotonicMs() - this.#sinceMs
  }

  get syncBytes(): number {
    return this.#inFlightBytes
  }

  get pendingBytes(): number {
    let bytes = 0
    for (const batch of this.#queue) bytes += batch.bytes
    return bytes
  }

  get syncs(): number {
    return this.#syncs
  }

  get bytesWritten(): number {
    return this.#bytesWritten
  }

  get used(): readonly Segment[] {
    return this.#used
  }

  /**
   * The gathering that takes `bytes` more: whatever is added to it before the next call is written together.
   */
  gathering(bytes: number): Batch {
    const last = this.#queue.at(-1)
    if (last !== undefined && (last.bytes === 0 || last.bytes + bytes <= this.#batchBytesMax)) return last
    const batch = new Batch(this.#slabs)
    this.#queue.push(batch)
    return batch
  }

  /** Starts the next write unless one is in flight. */
  start(): void {
    const batch = this.#queue[0]
    if (this.#inFlight !== null || this.#hasFailed || batch === undefined) return
    const segment = this.#segmentFor(batch)
    this.#isWaiting = segment === null
    if (segment === null) return
    this.#queue.shift()
    this.#write(batch, segment)
  }

  /** A segment became ready. */
  segmentReady(): void {
    if (this.#isWaiting) this.start()
  }

  /** Takes segments below `number` out of use, oldest first. */
  retireBelow(number: number): void {
    while (this.#used.length > 1 && must(this.#used[0], 'segment').number < number) {
      this.#options.pool.retire(must(this.#used.shift(), 'segment'))
    }
  }

  /**
   * Writes what is gathered; `done` runs when nothing is in flight (what waits for a segment is given up).
   */
  drain(done: () => void): void {
    this.#onDrained = done
    this.start()
    this.#checkDrained()
  }

  #checkDrained(): void {
    if (this.#onDrained === null || this.#inFlight !== null) return
    const done = this.#onDrained
    this.#onDrained = null
    this.#hasFailed = true
    done()
  }

  #segmentFor(batch: Batch): Segment | null {
    if (this.#current?.hasRoom(batch.bytes + COMMIT_SIZE)) return this.#current
    const next = this.#options.pool.take()
    if (next === null) return null
    this.#current = next
    this.#used.push(next)
    this.#opening = this.#writeOpening()
    return next
  }

  /** The state before this batch: the batch itself changes it in the order in which that happened. */
  #writeOpening(): RecordWriter {
    const opening = new RecordWriter(this.#slabs)
    opening.engineLevel(this.#keptEngineLevel)
    for (const [group, kept] of this.#kept) opening.kept(group.id, kept)
    return opening
  }

  #write(batch: Batch, segment: Segment): void {
    const openingBytes = this.#opening?.frames.bytes ?? 0
    const frames = batch.records.frames
    const chunks = [...(this.#opening?.frames.chunks() ?? []), ...frames.chunks()]
    batch.place(segment.number, segment.offset + openingBytes)
    chunks.push(this.#commit(frames, chunks, segment, openingBytes + batch.bytes))
    for (const [group, kept] of batch.kept) this.#kept.set(group, kept)
    if (batch.engineLevel > 0) this.#keptEngineLevel = batch.engineLevel
    this.#inFlight = batch
    this.#sinceMs = this.#options.clock.monotonicMs()
    this.#inFlightBytes = openingBytes + batch.bytes
    const { offset } = segment
    segment.offset += this.#inFlightBytes
    batch.segment = segment.number
    segment.file.writeSync(offset, chunks, this.#written)
  }

  /** The commit frame over `chunks`, `bytes` in all; it lies in `frames`. */
  #commit(frames: FrameBuffer, chunks: readonly Buffer[], segment: Segment, bytes: number): Buffer {
    let batchCrc = segment.salt
    for (const chunk of chunks) batchCrc = crc32(chunk, batchCrc)
    const at = frames.reserve(COMMIT_SIZE)
    const commit = {
      segment: segment.number,
      sequence: ++this.#sequence,
      offset: segment.offset + bytes,
      batchBytes: bytes,
      batchCrc,
      previousCrc: this.#previousCrc,
    }
    this.#previousCrc = writeCommit(frames.slab, at, commit, segment.salt)
    return frames.slab.subarray(at, at + COMMIT_SIZE)
  }

  readonly #written = (error: Error | null): void => {
    const batch = must(this.#inFlight, 'batch in flight')
    if (error !== null) {
      this.#hasFailed = true
      this.#options.onFatal(error)
      return
    }
    this.#syncs++
    this.syncDurations.record(this.syncAgeMs / 1000)
    this.#bytesWritten += this.#inFlightBytes
    batch.records.frames.release()
    this.#opening?.frames.release()
    this.#opening = null
    this.#inFlight = null
    this.#inFlightBytes = 0
    // The disk goes on before the callbacks run: they may take a while.
    this.start()
    this.#options.onDurable(batch)
    this.#checkDrained()
  }
}
