/**
 * Strings as the commands on them share it: reading one or refusing another type, replacing one that keeps
 * its expiry, how long one may be, and how ranges given by clients fall on one.
 */
import { limits } from '../protocol/limits.ts'
import { errorReply } from '../protocol/reply.ts'
import { WRONG_TYPE } from './arguments.ts'
import type { CommandContext } from './context.ts'
import type { Integer } from './integers.ts'
import { type KeyRecord, RecordType } from './records.ts'

/** The longest string, in bytes: what a client may send as one value (R20). */
export const STRING_BYTES_MAX = limits.valueBytes
/** The result would be longer than STRING_BYTES_MAX. */
export const STRING_TOO_LONG = errorReply('ERR string exceeds maximum allowed size (proto-max-bulk-len)')

const EMPTY = Buffer.alloc(0)

/** The string at `key`, null when there is none, or the error reply for a key of another type. */
export function readString(context: CommandContext, key: Buffer): KeyRecord | null | Buffer {
  const record = context.read(key)
  return record === null || record.type === RecordType.string ? record : WRONG_TYPE
}

/** The bytes of a string; an absent one is empty. */
export function bytesOf(record: KeyRecord | null): Buffer {
  return record === null ? EMPTY : record.value
}

/** Replaces the string that readString() gave for `key`, or creates it; expiry and content type stay. */
export function replaceString(
  context: CommandContext,
  key: Buffer,
  before: KeyRecord | null,
  value: Buffer,
): void {
  if (before === null) context.put(key, RecordType.string, value, 0)
  else context.put(key, RecordType.string, value, before.expiresAt, before.contentType)
}

/** `bytes` copied and, where shorter, filled with zeros up to `size`. */
export function grown(bytes: Buffer, size: number): Buffer {
  const out = Buffer.alloc(Math.max(bytes.length, size))
  bytes.copy(out)
  return out
}

/** A half-open range inside a sequence; empty when `from >= to`. */
export interface Span {
  readonly from: number
  readonly to: number
}

/**
 * Where the inclusive range `start` to `end` falls on `length` items: negative positions count from the end,
 * and whatever is still outside is moved to the nearest end.
 */
export function spanOf(start: Integer, end: Integer, length: number): Span {
  return { from: positionOf(start, length), to: Math.min(positionOf(end, length), length - 1) + 1 }
}

/** A range whose ends are both negative and the wrong way round is empty even where both fall on item 0. */
export function isReversed(start: Integer, end: Integer): boolean {
  return start < 0 && end < 0 && start > end
}

function positionOf(position: Integer, length: number): number {
  const near = Number(position)
  return near < 0 ? Math.max(0, length + near) : near
}
