/**
 * The reply of the KV command (kv.ts): one bulk string whose bytes are, little-endian
 *
 *   u8 format (1), u8 flags (1 succeeded, 2 replayed), u32 failed compare (0xffffffff = none), u64 revision,
 *   u64 timeMs, u32 count, then per result u8 flags (1 found, 2 has an item, 4 has a previous item) and those items
 *   item: u64 createRevision, modRevision, version, createdAt, updatedAt, expiresAt;
 *   u8 flags (1 content type, 2 value), u8 content type's length, content type, u32 length, value
 */
import { assert } from '../lib/assert.ts'
import { ByteReader } from '../lib/byte-reader.ts'
import { ByteWriter } from '../lib/byte-writer.ts'
import { type ErrorCode, errors } from './errors.ts'
import { bulkReply, isErrorReply } from './reply.ts'

/** What is known of a key; times are ms since 1970, of the log's clock. */
export interface KvItem {
  /** Null when it was not asked for. */
  readonly value: Buffer | null
  /** Null when it has none. */
  readonly contentType: string | null
  readonly createRevision: number
  /** The revision of its last change: its ETag. */
  readonly modRevision: number
  /** Changes since its creation; 1 = created. */
  readonly version: number
  readonly createdAt: number
  readonly updatedAt: number
  /** 0 = never. */
  readonly expiresAt: number
}

/** What one operation gave, in the order of the list that ran. */
export interface KvResult {
  /** Whether the key was there when the operation came to it. */
  readonly found: boolean
  /** get: the item. put, update: the item as it is now, without its value. Null when there is none. */
  readonly item: KvItem | null
  /** put, delete with `previous`: what was there before, value included. */
  readonly previous: KvItem | null
}

export interface KvReply {
  /** Every compare held, and `then` ran; else `otherwise` did. */
  readonly succeeded: boolean
  /** This is the first reply to an earlier request of the same idempotency key. */
  readonly replayed: boolean
  /** Position of the first compare that did not hold; -1 when all did. */
  readonly failedCompare: number
  /** The revision that this command made; when it changed nothing, that of the state it saw. */
  readonly revision: number
  /** The time the command ran at: what keys with an expiry have left is counted from here. */
  readonly timeMs: number
  readonly results: readonly KvResult[]
}

/** The command was refused and changed nothing (or its reply is gone: REPLY_NOT_KEPT, UNKNOWN_OUTCOME). */
export interface KvFailure {
  readonly error: ErrorCode
  /** The error line without its '-'. */
  readonly text: string
}

const FORMAT = 1
const SUCCEEDED = 1
const REPLAYED = 2
const NO_COMPARE = 0xffffffff
const FOUND = 1
const HAS_ITEM = 2
const HAS_PREVIOUS = 4
const HAS_CONTENT_TYPE = 1
const HAS_VALUE = 2
/** Where the flags lie behind the bulk string's head. */
const FLAGS_AT = 1

/** The RESP bytes of a reply. */
export function encodeKvReply(reply: KvReply): Buffer {
  const writer = new ByteWriter()
  writer.u8(FORMAT)
  writer.u8((reply.succeeded ? SUCCEEDED : 0) | (reply.replayed ? REPLAYED : 0))
  writer.u32(reply.failedCompare < 0 ? NO_COMPARE : reply.failedCompare)
  writer.u64(reply.revision)
  writer.u64(reply.timeMs)
  writer.u32(reply.results.length)
  for (const { found, item, previous } of reply.results) {
    writer.u8((found ? FOUND : 0) | (item === null ? 0 : HAS_ITEM) | (previous === null ? 0 : HAS_PREVIOUS))
    if (item !== null) encodeItem(writer, item)
    if (previous !== null) encodeItem(writer, previous)
  }
  return bulkReply(writer.finish())
}

/** The same reply, marked as replayed. */
export function markReplayed(reply: Buffer): Buffer {
  const marked = Buffer.from(reply)
  const at = marked.indexOf(0x0a) + 1 + FLAGS_AT
  marked[at] = (marked[at] as number) | REPLAYED
  return marked
}

function encodeItem(writer: ByteWriter, item: KvItem): void {
  writer.u64(item.createRevision)
  writer.u64(item.modRevision)
  writer.u64(item.version)
  writer.u64(item.createdAt)
  writer.u64(item.updatedAt)
  writer.u64(item.expiresAt)
  const contentType = Buffer.from(item.contentType ?? '')
  writer.u8((item.contentType === null ? 0 : HAS_CONTENT_TYPE) | (item.value === null ? 0 : HAS_VALUE))
  writer.u8(contentType.length)
  writer.raw(contentType)
  writer.bytes(item.value ?? Buffer.alloc(0))
}

/** Reads a reply of the KV command, an error too; values are views of `reply`. */
export function decodeKvReply(reply: Buffer): KvReply | KvFailure {
  if (isErrorReply(reply)) {
    const text = reply.toString('utf8', 1, reply.length - 2)
    return { error: errorCodeOf(text) ?? 'BAD_REQUEST', text }
  }
  const reader = new ByteReader(reply.subarray(reply.indexOf(0x0a) + 1, reply.length - 2))
  assert(reader.u8() === FORMAT, 'KV reply has an unknown format')
  const flags = reader.u8()
  const failed = reader.u32()
  const decoded = {
    succeeded: (flags & SUCCEEDED) !== 0,
    replayed: (flags & REPLAYED) !== 0,
    failedCompare: failed === NO_COMPARE ? -1 : failed,
    revision: reader.u64(),
    timeMs: reader.u64(),
    results: Array.from({ length: reader.u32() }, () => decodeResult(reader)),
  }
  return decoded
}

/** True for a refusal. */
export function isKvFailure(reply: KvReply | KvFailure): reply is KvFailure {
  return 'error' in reply
}

function decodeResult(reader: ByteReader): KvResult {
  const flags = reader.u8()
  const item = (flags & HAS_ITEM) === 0 ? null : decodeItem(reader)
  const previous = (flags & HAS_PREVIOUS) === 0 ? null : decodeItem(reader)
  return { found: (flags & FOUND) !== 0, item, previous }
}

function decodeItem(reader: ByteReader): KvItem {
  const numbers = {
    createRevision: reader.u64(),
    modRevision: reader.u64(),
    version: reader.u64(),
    createdAt: reader.u64(),
    updatedAt: reader.u64(),
    expiresAt: reader.u64(),
  }
  const flags = reader.u8()
  const text = reader.raw(reader.u8()).toString()
  const value = reader.bytes()
  return {
    ...numbers,
    contentType: (flags & HAS_CONTENT_TYPE) === 0 ? null : text,
    value: (flags & HAS_VALUE) === 0 ? null : value,
  }
}

/** The row of the error table that an error line (without '-') was made from; the longest that it begins with. */
export function errorCodeOf(text: string): ErrorCode | null {
  let best: ErrorCode | null = null
  for (const [code, { resp }] of Object.entries(errors)) {
    if (!text.startsWith(resp)) continue
    if (best === null || resp.length > errors[best].resp.length) best = code as ErrorCode
  }
  return best
}
