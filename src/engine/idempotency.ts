/**
 * Idempotency keys (R13): which requests were executed lately, and their first replies. Replicated state: one row per
 * key in the store, so that a million of them cost no memory and no time at a flush, and one row per sequence to find
 * the oldest. Bounded in number, bytes and age; each new key takes away at most EVICTIONS old ones, so that the work
 * of a command is bounded too.
 *
 *   key row        0 u32 | 0x02 | idempotency key   ->  u64 stamp, u64 sequence, u32 length, fingerprint, reply
 *   sequence row   0 u32 | 0x03 | sequence u64 BE   ->  u64 stamp, u32 cost, idempotency key
 */

import type { ByteReader } from '../lib/byte-reader.ts'
import { ByteWriter } from '../lib/byte-writer.ts'
import { type ByteString, readU32, readU64, toByteString } from '../lib/bytes.ts'
import type { KvIdempotency } from '../protocol/kv.ts'
import { limits } from '../protocol/limits.ts'
import type { CommandContext } from './context.ts'
import { bigEndian32, bigEndian64 } from './keys.ts'

const SYSTEM_DATABASE = 0
const KEY_PREFIX = `${bigEndian32(SYSTEM_DATABASE)}\x02`
const SEQUENCE_PREFIX = `${bigEndian32(SYSTEM_DATABASE)}\x03`
/** Two, so that the table shrinks when its limits are lowered or its keys have grown old. */
const EVICTIONS = 2
/** What a key counts for besides its own bytes, its fingerprint's and its reply's. */
const ROW_COST = 64
/** What the next key may cost. */
const ROOM_WANTED = ROW_COST + 3 * limits.idempotencyKeyBytes + limits.keptReplyBytes

/** What the table says of a request: nothing, its first reply, or that its key belongs to another request. */
export type Remembered =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'executed'; readonly reply: Buffer }
  | { readonly kind: 'conflict' }

const FRESH: Remembered = { kind: 'fresh' }
const CONFLICT: Remembered = { kind: 'conflict' }

/** The counters of the table; the rows are in the store. Changes since commit() can be rolled back (R2). */
export class IdempotencyTable {
  /** Sequences in [first, next) may have rows. */
  #first = 0
  #next = 0
  #bytes = 0
  #committedFirst = 0
  #committedNext = 0
  #committedBytes = 0

  /** What the table knows of the request, at the time of the command. */
  recall(context: CommandContext, { key, fingerprint }: KvIdempotency): Remembered {
    const row = context.row(keyRow(key))
    if (row === null || isOld(context, readU64(row, 0))) return FRESH
    const end = 20 + readU32(row, 16)
    if (!row.subarray(20, end).equals(fingerprint)) return CONFLICT
    return { kind: 'executed', reply: row.subarray(end) }
  }

  /**
   * Remembers the reply of a request that recall() found fresh; `shortReply` stands for one that is too large to be
   * kept, or that the table has no room for although it gave up what one command may.
   */
  remember(
    context: CommandContext,
    { key, fingerprint }: KvIdempotency,
    reply: Buffer,
    shortReply: Buffer,
  ): void {
    this.#forgetKey(context, key)
    for (let i = 0; i < EVICTIONS && this.#isOverdue(context); i++) this.#forgetFirst(context)
    const costWithout = ROW_COST + 2 * key.length + fingerprint.length
    const fits = this.#bytes + costWithout + reply.length <= limits.idempotencyBytes
    const kept = fits && reply.length <= limits.keptReplyBytes ? reply : shortReply
    const cost = costWithout + kept.length
    const sequence = this.#next++
    context.setRow(keyRow(key), encodeKeyRow(context.nowMs, sequence, fingerprint, kept))
    context.setRow(sequenceRow(sequence), encodeSequenceRow(context.nowMs, cost, key))
    this.#bytes += cost
  }

  /** Rows that remember() may read: for prefetching. */
  declared({ key }: KvIdempotency): ByteString[] {
    return [keyRow(key), sequenceRow(this.#first), sequenceRow(this.#first + 1)]
  }

  commit(): void {
    this.#committedFirst = this.#first
    this.#committedNext = this.#next
    this.#committedBytes = this.#bytes
  }

  rollBack(): void {
    this.#first = this.#committedFirst
    this.#next = this.#committedNext
    this.#bytes = this.#committedBytes
  }

  save(writer: ByteWriter): void {
    writer.u64(this.#first)
    writer.u64(this.#next)
    writer.u64(this.#bytes)
  }

  /** Null: the state is of a version that had no such table. */
  load(reader: ByteReader | null): void {
    this.#first = reader?.u64() ?? 0
    this.#next = reader?.u64() ?? 0
    this.#bytes = reader?.u64() ?? 0
    this.commit()
  }

  /** Too many, too large, or the oldest too old. */
  #isOverdue(context: CommandContext): boolean {
    if (this.#first === this.#next) return false
    if (this.#next - this.#first >= limits.idempotencyKeys) return true
    if (this.#bytes + ROOM_WANTED > limits.idempotencyBytes) return true
    const row = context.row(sequenceRow(this.#first))
    return row === null || isOld(context, readU64(row, 0))
  }

  #forgetFirst(context: CommandContext): void {
    const sequence = this.#first++
    const row = context.row(sequenceRow(sequence))
    // Its key was used again after it had grown old.
    if (row === null) return
    this.#bytes -= readU32(row, 8)
    context.setRow(sequenceRow(sequence), null)
    context.setRow(KEY_PREFIX + toByteString(row.subarray(12)), null)
  }

  /** An old row of the same key: the new one takes its place. */
  #forgetKey(context: CommandContext, key: Buffer): void {
    const row = context.row(keyRow(key))
    if (row === null) return
    const old = sequenceRow(readU64(row, 8))
    const found = context.row(old)
    if (found !== null) this.#bytes -= readU32(found, 8)
    context.setRow(old, null)
  }
}

function isOld(context: CommandContext, stampMs: number): boolean {
  return stampMs + limits.idempotencyMs <= context.nowMs
}

function keyRow(key: Buffer): ByteString {
  return KEY_PREFIX + toByteString(key)
}

function sequenceRow(sequence: number): ByteString {
  return SEQUENCE_PREFIX + bigEndian64(sequence)
}

function encodeKeyRow(stampMs: number, sequence: number, fingerprint: Buffer, reply: Buffer): Buffer {
  const writer = new ByteWriter()
  writer.u64(stampMs)
  writer.u64(sequence)
  writer.bytes(fingerprint)
  writer.raw(reply)
  return writer.finish()
}

function encodeSequenceRow(stampMs: number, cost: number, key: Buffer): Buffer {
  const writer = new ByteWriter()
  writer.u64(stampMs)
  writer.u32(cost)
  writer.raw(key)
  return writer.finish()
}
