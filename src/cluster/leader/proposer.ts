/**
 * The leader's side of the origin streams (R1, R14): takes runs in order from every origin, refuses a stream from a gap
 * on, and cuts entries: at once when the log writer is idle, at 1 MiB or 1 000 commands, or after 1 ms.
 */
import { Histogram } from '../../lib/histogram.ts'
import { type Entry, EntryKind, encodeEntry } from '../../protocol/entry.ts'
import { limits } from '../../protocol/limits.ts'
import type { PeerId } from '../../protocol/members.ts'
import { encodeStamp, RUN_HEADER_SIZE, runCommands, runEnd } from '../../protocol/runs.ts'
import { decodeForwardHeader, FORWARD_HEADER_SIZE, type ForwardHeader, type RefuseReason } from '../frames.ts'

/** The part of the Raft core the proposer drives. */
export interface ProposalTarget {
  readonly term: number
  readonly lastIndex: number
  propose(entry: Entry): 'ok' | 'notLeader' | 'transferring' | 'full'
}

export interface ProposerOptions {
  readonly group: number
  readonly self: PeerId
  readonly target: ProposalTarget
  readonly logBusy: () => boolean
  readonly stampMs: () => number
  readonly isLeader: () => boolean
  readonly refuse: (origin: PeerId, header: ForwardHeader, reason: RefuseReason) => void
}

interface QueuedRun {
  readonly origin: PeerId
  readonly bytes: Buffer
  readonly commands: number
}

export class Proposer {
  readonly #options: ProposerOptions
  readonly #streams = new Map<PeerId, { stream: number; nextFrame: number }>()
  #queue: QueuedRun[] = []
  #head = 0
  #bytes = 0
  #commands = 0
  #waitingSinceMs = 0
  /** The lowest entry above the last takeRemote() that carries another node's commands, or 0. */
  #remoteIndex = 0
  /** Counters for status and tests (design 10: entries per operation). */
  entriesCut = 0
  commandsCut = 0
  /** Seconds that the oldest run of an entry waited here. */
  readonly queued = new Histogram()

  constructor(options: ProposerOptions) {
    this.#options = options
  }

  get queuedBytes(): number {
    return this.#bytes
  }

  /** A forward frame. Frames of one stream are taken in order without gaps, or the stream is refused from there on. */
  receive(origin: PeerId, payload: Buffer, nowMs: number): void {
    if (!isRunChain(payload)) return
    const header = decodeForwardHeader(payload)
    if (!this.#options.isLeader()) return this.#options.refuse(origin, header, 'notLeader')
    const known = this.#streams.get(origin)
    if (header.frame === 0) this.#restart(origin, header.stream)
    else if (known === undefined || known.stream !== header.stream || known.nextFrame !== header.frame) {
      this.#streams.delete(origin)
      return this.#options.refuse(origin, header, 'gap')
    } else known.nextFrame++
    this.#queueRuns(payload, origin, nowMs)
  }

  /** A new stream brings everything unresolved again: what waits of the one before need not be proposed twice. */
  #restart(origin: PeerId, stream: number): void {
    this.#streams.set(origin, { stream, nextFrame: 1 })
    const kept = this.#queue.slice(this.#head).filter((run) => run.origin !== origin)
    this.#queue = kept
    this.#head = 0
    this.#bytes = kept.reduce((sum, run) => sum + run.bytes.length, 0)
    this.#commands = kept.reduce((sum, run) => sum + run.commands, 0)
  }

  /** True when an entry up to `commitIndex` carries commands of another node that was not told of it yet. */
  takeRemote(commitIndex: number): boolean {
    if (this.#remoteIndex === 0 || this.#remoteIndex > commitIndex) return false
    this.#remoteIndex = this.#options.target.lastIndex > commitIndex ? commitIndex + 1 : 0
    return true
  }

  /** Leadership is gone: nothing queued was proposed; origins send it again. */
  clear(): void {
    this.#streams.clear()
    this.#remoteIndex = 0
    this.#queue = []
    this.#head = 0
    this.#bytes = 0
    this.#commands = 0
  }

  forgetOrigin(origin: PeerId): void {
    this.#streams.delete(origin)
  }

  /**
   * Cuts entries as R1 says. Returns the milliseconds after which it wants to be called again although nothing
   * happened, or 0.
   */
  cut(nowMs: number): number {
    while (this.#head < this.#queue.length) {
      const full = this.#bytes >= limits.entryBytes || this.#commands >= limits.entryCommands
      const waited = nowMs - this.#waitingSinceMs
      if (!full && this.#options.logBusy() && waited < limits.entryDelayMs)
        return limits.entryDelayMs - waited
      if (!this.#cutOne()) return 0
      this.queued.record(waited / 1000)
    }
    return 0
  }

  #queueRuns(payload: Buffer, origin: PeerId, nowMs: number): void {
    if (this.#head === this.#queue.length) this.#waitingSinceMs = nowMs
    let at = FORWARD_HEADER_SIZE
    while (at < payload.length) {
      const commands = runCommands(payload, at)
      const end = runEnd(payload, at)
      this.#queue.push({ origin, bytes: payload.subarray(at, end), commands })
      this.#bytes += end - at
      this.#commands += commands
      at = end
    }
  }

  #cutOne(): boolean {
    const chunks: Buffer[] = [encodeStamp(this.#options.stampMs())]
    let bytes = 0
    let commands = 0
    let remote = false
    let next = this.#head
    while (next < this.#queue.length) {
      const run = this.#queue[next] as QueuedRun
      const tooLarge =
        bytes + run.bytes.length > limits.entryBytes || commands + run.commands > limits.entryCommands
      if (commands > 0 && tooLarge) break
      chunks.push(run.bytes)
      bytes += run.bytes.length
      commands += run.commands
      remote ||= run.origin !== this.#options.self
      next++
    }
    const { target, group } = this.#options
    const entry = encodeEntry(group, target.term, target.lastIndex + 1, EntryKind.commands, chunks)
    if (target.propose(entry) !== 'ok') return false
    if (remote && this.#remoteIndex === 0) this.#remoteIndex = entry.index
    this.#head = next
    this.#bytes -= bytes
    this.#commands -= commands
    this.entriesCut++
    this.commandsCut += commands
    if (this.#head === this.#queue.length) {
      this.#queue = []
      this.#head = 0
    }
    return true
  }
}

/**
 * The payload is a forward header and whole runs. What is not never becomes an entry, which every replica must read.
 */
function isRunChain(payload: Buffer): boolean {
  let at = FORWARD_HEADER_SIZE
  while (at + RUN_HEADER_SIZE <= payload.length) at = runEnd(payload, at)
  return at === payload.length
}
