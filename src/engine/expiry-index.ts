/**
 * The expiry index: one row per key that expires, in order of time, so that due keys are found without a
 * search; and the arguments of the internal command that deletes them (R12).
 *
 *   row key     0 u32 | 0x01 | expiresAt u64 BE | physical database u32 BE | user key
 *   row value   u64 modRevision of the record (little-endian): rewritten with every change of the record
 *   argument    u64 expiresAt, u64 modRevision, u32 physical database, user key (little-endian)
 */
import {
  type ByteString,
  fromByteString,
  readU32,
  readU64,
  toByteString,
  writeU32,
  writeU64,
} from '../lib/bytes.ts'
import { bigEndian32, bigEndian64, type KeyRange, readBigEndian32 } from './keys.ts'
import type { DueKey } from './types.ts'

const SYSTEM_DATABASE = 0
const PREFIX = `${bigEndian32(SYSTEM_DATABASE)}\x01`
const KEY_AT = PREFIX.length + 12
const ARGUMENT_KEY_AT = 20

/** The physical key of a key's row. */
export function expiryRowKey(expiresAt: number, physicalDatabase: number, key: ByteString): ByteString {
  return PREFIX + bigEndian64(expiresAt) + bigEndian32(physicalDatabase) + key
}

/** The value of a key's row. */
export function encodeExpiryValue(modRevision: number): Buffer {
  const out = Buffer.allocUnsafe(8)
  writeU64(out, 0, modRevision)
  return out
}

/** The rows with expiresAt <= nowMs. */
export function expiryRangeUntil(nowMs: number): KeyRange {
  return { from: PREFIX, to: PREFIX + bigEndian64(Math.floor(nowMs) + 1) }
}

/** The key that a row of the index stands for; null when it is no such row. */
export function parseExpiryRow(row: ByteString, value: Buffer): DueKey | null {
  if (!row.startsWith(PREFIX) || row.length < KEY_AT || value.length !== 8) return null
  const at = PREFIX.length
  return {
    expiryRow: row,
    expiresAt: readBigEndian32(row, at) * 2 ** 32 + readBigEndian32(row, at + 4),
    physicalDatabase: readBigEndian32(row, at + 8),
    key: fromByteString(row.slice(KEY_AT)),
    modRevision: readU64(value, 0),
  }
}

/** An argument of the expire command. */
export function encodeDueKey(due: DueKey): Buffer {
  const out = Buffer.allocUnsafe(ARGUMENT_KEY_AT + due.key.length)
  writeU64(out, 0, due.expiresAt)
  writeU64(out, 8, due.modRevision)
  writeU32(out, 16, due.physicalDatabase)
  due.key.copy(out, ARGUMENT_KEY_AT)
  return out
}

/** Reads an argument of the expire command; the key is a view of it. */
export function decodeDueKey(bytes: Buffer): DueKey {
  const expiresAt = readU64(bytes, 0)
  const physicalDatabase = readU32(bytes, 16)
  const key = bytes.subarray(ARGUMENT_KEY_AT)
  const expiryRow = expiryRowKey(expiresAt, physicalDatabase, toByteString(key))
  return { expiryRow, physicalDatabase, key, expiresAt, modRevision: readU64(bytes, 8) }
}
