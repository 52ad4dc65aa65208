/**
 * One session's part of the dedupe table (R13): the replies of the last limits.sessionWindow sequences, so
 * that a command that arrives twice is executed once. What is kept depends on the replies' bytes alone: every
 * replica keeps the same.
 */
import type { ByteReader } from '../lib/byte-reader.ts'
import type { ByteWriter } from '../lib/byte-writer.ts'
import { limits } from '../protocol/limits.ts'
import {
  EMPTY_ARRAY_REPLY,
  errorCodeReply,
  integerReply,
  isSmallIntegerReply,
  NULL_ARRAY_REPLY,
  NULL_REPLY,
  OK_REPLY,
} from '../protocol/reply.ts'

/** Stands in the window for a reply that was too large, or one too many, to be kept. */
const NOT_KEPT_REPLY = errorCodeReply('REPLY_NOT_KEPT')

/** Replies that are saved as one byte: their position here + 1. The order is part of the format. */
const CONSTANTS = [
  NOT_KEPT_REPLY,
  OK_REPLY,
  NULL_REPLY,
  NULL_ARRAY_REPLY,
  EMPTY_ARRAY_REPLY,
  integerReply(0),
  integerReply(1),
] as const
const SAVED_EMPTY = 0
const SAVED_BYTES = 255

/** 'fresh': never executed and may be. 'below': under the floor. 'above': beyond the window. */
export type SequenceState = 'fresh' | 'below' | 'above'

/** One process of one peer, as the dedupe table knows it. */
export class Session {
  /** The log index of the entry that opened it. */
  readonly id: number
  readonly peerId: number
  readonly bootId: string
  /** Slot sequence % window. Invariant: only slots of sequences in [floor, end) are not null. */
  readonly #replies: (Buffer | null)[] = new Array(limits.sessionWindow).fill(null)
  #floor = 0
  /** One past the highest executed sequence; at least the floor. */
  #end = 0
  #keptBytes = 0

  constructor(id: number, peerId: number, bootId: string) {
    this.id = id
    this.peerId = peerId
    this.bootId = bootId
  }

  /** Bytes of kept replies that are not constants; at most limits.keptRepliesBytes. */
  get keptBytes(): number {
    return this.#keptBytes
  }

  /** The reply of an executed sequence, or null when it was not executed or lies outside the window. */
  replyOf(sequence: number): Buffer | null {
    if (sequence < this.#floor || sequence >= this.#end) return null
    return this.#replies[sequence % limits.sessionWindow] as Buffer | null
  }

  /** What a sequence without a reply is. */
  stateOf(sequence: number): SequenceState {
    if (sequence < this.#floor) return 'below'
    return sequence < this.#floor + limits.sessionWindow ? 'fresh' : 'above'
  }

  /** Remembers that `sequence`, which was fresh, is executed. */
  record(sequence: number, reply: Buffer): void {
    const cost = costOf(reply)
    const keep = cost <= limits.keptReplyBytes && this.#keptBytes + cost <= limits.keptRepliesBytes
    if (keep) this.#keptBytes += cost
    this.#replies[sequence % limits.sessionWindow] = keep ? reply : NOT_KEPT_REPLY
    if (sequence >= this.#end) this.#end = sequence + 1
  }

  /** Sequences below `floor` will never be asked for again; a floor that is not higher changes nothing. */
  advanceFloor(floor: number): void {
    const stop = Math.min(floor, this.#end)
    for (let sequence = this.#floor; sequence < stop; sequence++) this.#forget(sequence)
    if (floor > this.#floor) this.#floor = floor
    if (this.#end < this.#floor) this.#end = this.#floor
  }

  save(writer: ByteWriter): void {
    writer.u64(this.id)
    writer.u64(this.peerId)
    writer.text(this.bootId)
    writer.u64(this.#floor)
    writer.u32(this.#end - this.#floor)
    for (let sequence = this.#floor; sequence < this.#end; sequence++)
      saveReply(writer, this.replyOf(sequence))
  }

  static load(reader: ByteReader): Session {
    const session = new Session(reader.u64(), reader.u64(), reader.text())
    session.advanceFloor(reader.u64())
    const count = reader.u32()
    for (let i = 0; i < count; i++) {
      const reply = loadReply(reader)
      if (reply !== null) session.record(session.#floor + i, reply)
    }
    return session
  }

  #forget(sequence: number): void {
    const slot = sequence % limits.sessionWindow
    const reply = this.#replies[slot] as Buffer | null
    if (reply === null) return
    this.#keptBytes -= costOf(reply)
    this.#replies[slot] = null
  }
}

/** Bytes a kept reply counts for; constants are shared and count for nothing. */
function costOf(reply: Buffer): number {
  return constantOf(reply) >= 0 || isSmallIntegerReply(reply) ? 0 : reply.length
}

function constantOf(reply: Buffer): number {
  for (let i = 0; i < CONSTANTS.length; i++) {
    const constant = CONSTANTS[i] as Buffer
    if (reply === constant || (reply.length === constant.length && reply.equals(constant))) return i
  }
  return -1
}

function saveReply(writer: ByteWriter, reply: Buffer | null): void {
  const constant = reply === null ? -1 : constantOf(reply)
  if (reply === null) {
    writer.u8(SAVED_EMPTY)
  } else if (constant >= 0) {
    writer.u8(constant + 1)
  } else {
    writer.u8(SAVED_BYTES)
    writer.bytes(reply)
  }
}

/** A copy: it does not keep the whole state alive. */
function loadReply(reader: ByteReader): Buffer | null {
  const tag = reader.u8()
  if (tag === SAVED_EMPTY) return null
  return tag === SAVED_BYTES ? Buffer.from(reader.bytes()) : (CONSTANTS[tag - 1] as Buffer)
}
