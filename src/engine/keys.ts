/**
 * Physical keys: where the engine's rows lie in the store. They order as bytes and are ByteStrings.
 *
 *   record   database u32 BE (1…) | 0x01 | user key
 *   system   0 u32               | kind | …          rows that no flush drops (expiry-index.ts)
 *
 * The last part of a key is never escaped: nothing follows it. Kinds 0x02-0xff of a database are free for
 * rows of typed values, whose keys go on behind the user key and so must escape and end it.
 */
import { assert } from '../lib/assert.ts'
import { type ByteString, fromByteString } from '../lib/bytes.ts'

const RECORD_KIND = '\x01'
/** Bytes in front of the user key in a record's physical key. */
export const RECORD_PREFIX_SIZE = 5
/** Physical database ids are 1 to this, inclusive. */
export const PHYSICAL_DATABASE_MAX = 2 ** 32 - 2

/** A half-open range of physical keys: from <= key < to. */
export interface KeyRange {
  readonly from: ByteString
  readonly to: ByteString
}

/** What the records of a physical database begin with; a record's key is this and the user key. */
export function recordPrefix(physicalDatabase: number): ByteString {
  return bigEndian32(physicalDatabase) + RECORD_KIND
}

/** Every row of a physical database. */
export function databaseRange(physicalDatabase: number): KeyRange {
  return { from: bigEndian32(physicalDatabase), to: bigEndian32(physicalDatabase + 1) }
}

/** The records of a physical database whose user keys are >= `fromKey`. */
export function recordRange(physicalDatabase: number, fromKey: ByteString): KeyRange {
  return { from: recordPrefix(physicalDatabase) + fromKey, to: `${bigEndian32(physicalDatabase)}\x02` }
}

/** The user key of a record's physical key. */
export function userKeyOf(physicalKey: ByteString): Buffer {
  assert(physicalKey[4] === RECORD_KIND, 'Cannot take the user key of a row that is not a record')
  return fromByteString(physicalKey.slice(RECORD_PREFIX_SIZE))
}

/** A u32, big-endian: orders as a number. */
export function bigEndian32(value: number): ByteString {
  return String.fromCharCode(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff)
}

/** An integer up to 2^53 - 1, big-endian. */
export function bigEndian64(value: number): ByteString {
  return bigEndian32(Math.floor(value / 2 ** 32)) + bigEndian32(value % 2 ** 32)
}

/** The u32 at `at`. */
export function readBigEndian32(text: ByteString, at: number): number {
  return (
    text.charCodeAt(at) * 2 ** 24 +
    ((text.charCodeAt(at + 1) << 16) | (text.charCodeAt(at + 2) << 8) | text.charCodeAt(at + 3))
  )
}
