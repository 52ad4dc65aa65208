/**
 * The origin: this node's ordered stream of writes to the leader (R13, R14, R15), whoever that is (this node too).
 * A write gets its sequence in the node's replicated session when it is first forwarded and keeps it through every
 * resend; it is resolved when this node applies the entry that carries it. Held writes have no sequence yet.
 *
 * Invariants: floor <= nextSequence; every unresolved forwarded write is in the window at sequence % size; after a
 * refusal or a lost frame nothing is forwarded before everything unresolved was sent again, in order; so what is
 * numbered and was in no frame that left is surely not applied.
 */
import { assert } from '../../lib/assert.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import { limits } from '../../protocol/limits.ts'
import type { PeerId } from '../../protocol/members.ts'
import { errorCodeReply } from '../../protocol/reply.ts'
import { encodeRun } from '../../protocol/runs.ts'
import { encodeForwardHeader } from '../frames.ts'
import { answerWrite, type ClientSession, type PendingRead, type PendingWrite } from './pending.ts'

const WINDOW = limits.sessionWindow
/** A run is small enough that the leader can cut entries between runs (R1). */
const RUN_COMMANDS = 256
const RUN_BYTES = 256 * 1024
const FRAME_BYTES = 1024 * 1024
/** Without progress for this long, everything unresolved is sent again; doubled up to the maximum. */
const RESEND_MS = 500
const RESEND_MS_MAX = 2_000

export interface OriginOptions {
  /** Sends one forward frame to the leader; false when it surely did not leave. */
  readonly send: (leader: PeerId, chunks: readonly Buffer[]) => boolean
  /** R15: a majority was reachable within the last second. */
  readonly hasQuorum: () => boolean
  /** Reads whose only remaining condition was a write that is resolved now (R3): serve them. */
  readonly unblocked: (reads: readonly PendingRead[]) => void
}

export class Origin {
  readonly #options: OriginOptions
  readonly #window: (PendingWrite | null)[] = new Array(WINDOW).fill(null)
  #held: PendingWrite[] = []
  #heldHead = 0
  #heldBytes = 0
  #windowBytes = 0
  #session = 0
  #nextSequence = 1
  /** Every sequence below was in a frame that may have left; none from here on was (frames go in order). */
  #sentBelow = 1
  #floor = 1
  #leader: PeerId = 0
  #stream = 0
  #nextFrame = 0
  #streamOpen = false
  /** Refused since the last tick: sent again at once, it would be refused again, as fast as the wire allows. */
  #refused = false
  #progressMs = 0
  #resendMs = RESEND_MS
  #closing = false
  /** Counters for status: writes resolved, streams restarted. */
  resolved = 0
  restarts = 0

  constructor(options: OriginOptions) {
    this.#options = options
  }

  /** The replicated session of this process, 0 until its opening entry is applied. */
  get session(): number {
    return this.#session
  }

  get pendingBytes(): number {
    return this.#heldBytes + this.#windowBytes
  }

  get heldCount(): number {
    return this.#held.length - this.#heldHead
  }

  get unresolvedCount(): number {
    return this.#nextSequence - this.#floor
  }

  /** Takes a write: it is answered exactly once, at the latest at its deadline. */
  submit(write: PendingWrite): void {
    if (this.#closing) return this.#refuse(write, 'SHUTTING_DOWN')
    if (!this.#options.hasQuorum()) return this.#refuse(write, 'NO_QUORUM')
    if (this.pendingBytes + write.encoded.length > limits.originBytes)
      return this.#refuse(write, 'OVERLOADED')
    this.#held.push(write)
    this.#heldBytes += write.encoded.length
  }

  /** The leader of the group as this node knows it now; 0 = none. Any change restarts the stream. */
  setLeader(leader: PeerId): void {
    this.#leader = leader
    this.#refused = false
    this.#breakStream()
  }

  sessionOpened(session: number): void {
    if (this.#session === session) return
    if (this.#session !== 0) this.#sessionLost()
    this.#session = session
    this.#breakStream()
  }

  /** The leader refused `stream` from some frame on: nothing behind it was proposed. */
  refused(stream: number): void {
    if (stream !== this.#stream) return
    this.#refused = true
    this.#breakStream()
  }

  /** A connection to `peer` was made anew: frames on the old one may be lost. */
  connectionRestored(peer: PeerId): void {
    if (peer !== this.#leader) return
    this.#refused = false
    this.#breakStream()
  }

  /** Forwards what may be forwarded. Called once per turn. */
  flush(nowMs: number): void {
    if (this.#leader === 0 || this.#session === 0 || this.#refused) return
    if (!this.#streamOpen && !this.#openStream(nowMs)) return
    const first = this.#nextSequence
    this.#numberHeld(nowMs)
    if (this.#nextSequence > first) this.#sendRange(first, this.#nextSequence)
  }

  /** Reads to be served right before the write at `sequence` applies. */
  readsBefore(sequence: number): readonly PendingRead[] | null {
    return this.#at(sequence)?.readsBefore ?? null
  }

  /** The client session that gave the unresolved write at `sequence`; null when there is none. */
  authorOf(sequence: number): ClientSession | null {
    return this.#at(sequence)?.session ?? null
  }

  /** The command with `sequence` was just applied here, in the entry at `logIndex`. */
  resolve(sequence: number, reply: Buffer, logIndex: number, nowMs: number): void {
    const write = this.#at(sequence)
    if (write === null) return
    this.#removeAt(sequence, write)
    this.#progressMs = nowMs
    this.#resendMs = RESEND_MS
    this.resolved++
    if (write.session !== null) write.session.lastWrite = logIndex
    this.#finish(write, reply, null)
  }

  /** The lowest sequence that may still be asked for. */
  get floor(): number {
    return this.#floor
  }

  get nextSequence(): number {
    return this.#nextSequence
  }

  /** Deadlines, lost majority, gone clients, and resending when nothing moves. */
  tick(nowMs: number): void {
    this.#refused = false
    const quorum = this.#options.hasQuorum()
    this.#sweepHeld(nowMs, quorum)
    for (let sequence = this.#floor; sequence < this.#nextSequence; sequence++) {
      const write = this.#at(sequence)
      if (write === null) continue
      if (write.deadlineMs <= nowMs) this.#giveUp(sequence, write, 'NO_LEADER')
      else if (!quorum && sequence >= this.#sentBelow) this.#giveUp(sequence, write, 'NO_QUORUM')
    }
    if (this.#floor < this.#nextSequence && this.#streamOpen && nowMs - this.#progressMs > this.#resendMs) {
      this.#resendMs = Math.min(this.#resendMs * 2, RESEND_MS_MAX)
      this.#breakStream()
    }
  }

  /** R17: held writes are refused as not applied; forwarded ones still resolve. */
  close(): void {
    this.#closing = true
    for (const write of this.#takeHeld()) this.#refuse(write, 'SHUTTING_DOWN')
  }

  /** Answers whatever is left: certainly not applied when never forwarded, else unknown. */
  abandon(): void {
    this.close()
    for (let sequence = this.#floor; sequence < this.#nextSequence; sequence++) {
      const write = this.#at(sequence)
      if (write !== null) this.#giveUp(sequence, write, 'SHUTTING_DOWN')
    }
  }

  #at(sequence: number): PendingWrite | null {
    if (sequence < this.#floor || sequence >= this.#nextSequence) return null
    return this.#window[sequence % WINDOW] as PendingWrite | null
  }

  #removeAt(sequence: number, write: PendingWrite): void {
    assert(write.sequence === sequence, () => `Window holds sequence ${write.sequence}, expected ${sequence}`)
    this.#window[sequence % WINDOW] = null
    this.#windowBytes -= write.encoded.length
    while (this.#floor < this.#nextSequence && this.#window[this.#floor % WINDOW] === null) this.#floor++
  }

  /**
   * R13, R15: never sent (again); the floor moves past it. The outcome is unknown, unless no frame with it ever left:
   * then it is not applied, for the given reason.
   */
  #giveUp(sequence: number, write: PendingWrite, ifUnsent: ErrorCode): void {
    this.#removeAt(sequence, write)
    this.#refuse(write, sequence < this.#sentBelow ? 'UNKNOWN_OUTCOME' : ifUnsent)
  }

  #refuse(write: PendingWrite, error: ErrorCode): void {
    this.#finish(write, errorCodeReply(error), error)
  }

  #finish(write: PendingWrite, reply: Buffer, error: ErrorCode | null): void {
    answerWrite(write, reply, error)
    if (write.readsAfter === null) return
    const reads = write.readsAfter
    write.readsAfter = null
    this.#options.unblocked(reads)
  }

  #sessionLost(): void {
    for (let sequence = this.#floor; sequence < this.#nextSequence; sequence++) {
      const write = this.#at(sequence)
      if (write !== null) this.#giveUp(sequence, write, 'NO_LEADER')
    }
  }

  #breakStream(): void {
    this.#streamOpen = false
  }

  /** Starts a new stream by sending everything unresolved again, in order; false when it could not be sent. */
  #openStream(nowMs: number): boolean {
    this.#stream++
    this.#nextFrame = 0
    this.#streamOpen = true
    this.#progressMs = nowMs
    this.restarts++
    this.#sendRange(this.#floor, this.#nextSequence)
    return this.#streamOpen
  }

  #numberHeld(nowMs: number): void {
    if (this.#floor === this.#nextSequence) this.#progressMs = nowMs
    while (this.#heldHead < this.#held.length && this.#nextSequence - this.#floor < WINDOW) {
      const write = this.#held[this.#heldHead++] as PendingWrite
      this.#heldBytes -= write.encoded.length
      if (write.session?.closed === true) {
        this.#refuse(write, 'SHUTTING_DOWN')
        continue
      }
      write.sequence = this.#nextSequence++
      this.#window[write.sequence % WINDOW] = write
      this.#windowBytes += write.encoded.length
    }
    if (this.#heldHead === this.#held.length) {
      this.#held.length = 0
      this.#heldHead = 0
    }
  }

  /** Sends the unresolved writes of [from, to) as frames of runs. */
  #sendRange(from: number, to: number): void {
    let sequence = from
    while (sequence < to && this.#streamOpen) {
      const chunks: Buffer[] = [encodeForwardHeader({ stream: this.#stream, frame: this.#nextFrame })]
      let bytes = 0
      while (sequence < to && bytes < FRAME_BYTES) {
        const run = this.#runFrom(sequence, to)
        sequence = run.next
        if (run.bytes === null) continue
        chunks.push(run.bytes)
        bytes += run.bytes.length
      }
      if (chunks.length === 1) return
      this.#nextFrame++
      if (!this.#options.send(this.#leader, chunks)) return this.#breakStream()
      this.#sentBelow = Math.max(this.#sentBelow, sequence)
    }
  }

  /** One run of consecutive unresolved writes from `from` on; null bytes when there is none at `from`. */
  #runFrom(from: number, to: number): { bytes: Buffer | null; next: number } {
    const commands: Buffer[] = []
    let bytes = 0
    let sequence = from
    for (; sequence < to && commands.length < RUN_COMMANDS && bytes < RUN_BYTES; sequence++) {
      const write = this.#at(sequence)
      if (write === null) break
      commands.push(write.encoded)
      bytes += write.encoded.length
    }
    if (commands.length === 0) return { bytes: null, next: from + 1 }
    const header = { session: this.#session, firstSequence: from, floor: this.#floor }
    return { bytes: encodeRun(header, commands), next: sequence }
  }

  #sweepHeld(nowMs: number, quorum: boolean): void {
    if (this.#heldHead === this.#held.length) return
    const kept: PendingWrite[] = []
    for (const write of this.#takeHeld()) {
      if (write.session?.closed === true) this.#refuse(write, 'SHUTTING_DOWN')
      else if (!quorum) this.#refuse(write, 'NO_QUORUM')
      else if (write.deadlineMs <= nowMs) this.#refuse(write, 'NO_LEADER')
      else {
        kept.push(write)
        this.#heldBytes += write.encoded.length
      }
    }
    this.#held = kept.concat(this.#held)
  }

  #takeHeld(): PendingWrite[] {
    const held = this.#held.slice(this.#heldHead)
    this.#held = []
    this.#heldHead = 0
    this.#heldBytes = 0
    return held
  }
}
