/**
 * The scripts that EVALSHA knows: replicated rows, so that a client finds them on every node and after every failover.
 * Bounded in number and bytes: the one that was stored first goes first.
 *
 *   script row     0 u32 | 0x04 | SHA-1, 20 bytes   ->  u64 sequence, text
 *   sequence row   0 u32 | 0x05 | sequence u64 BE   ->  SHA-1
 *   table row      0 u32 | 0x06                     ->  u64 first, u64 next, u64 bytes
 *
 * Sequences in [first, next) have rows, all of them.
 */
import { type ByteString, readU64, toByteString, writeU64 } from '../../lib/bytes.ts'
import { limits } from '../../protocol/limits.ts'
import type { CommandContext } from '../context.ts'
import { bigEndian32, bigEndian64 } from '../keys.ts'

const SYSTEM_DATABASE = 0
const SCRIPT_PREFIX = `${bigEndian32(SYSTEM_DATABASE)}\x04`
const SEQUENCE_PREFIX = `${bigEndian32(SYSTEM_DATABASE)}\x05`
const TABLE_ROW = `${bigEndian32(SYSTEM_DATABASE)}\x06`
/** What a script counts for besides its text. */
const ROW_COST = 128
const SHA_DIGITS = /^[0-9a-f]{40}$/

interface Table {
  first: number
  next: number
  bytes: number
}

/** The text of a script by its digest in hexadecimal, in any case; null when it is not known. */
export function storedScript(context: CommandContext, sha: string): Buffer | null {
  const key = scriptRow(sha)
  const row = key === null ? null : context.row(key)
  return row === null ? null : row.subarray(8)
}

/** Makes the script known; no effect when it is. */
export function storeScript(context: CommandContext, sha: string, text: Buffer): void {
  const key = scriptRow(sha)
  if (key === null || context.row(key) !== null) return
  const table = readTable(context)
  while (isFull(table, text.length)) dropFirst(context, table)
  const sequence = table.next++
  table.bytes += ROW_COST + text.length
  const row = Buffer.allocUnsafe(8 + text.length)
  writeU64(row, 0, sequence)
  text.copy(row, 8)
  context.setRow(key, row)
  context.setRow(sequenceRow(sequence), Buffer.from(sha, 'hex'))
  writeTable(context, table)
}

/** Forgets all of them. */
export function flushScripts(context: CommandContext): void {
  const table = readTable(context)
  while (table.first < table.next) dropFirst(context, table)
  writeTable(context, table)
}

function isFull({ first, next, bytes }: Table, size: number): boolean {
  if (first === next) return false
  return next - first >= limits.scripts || bytes + ROW_COST + size > limits.scriptCacheBytes
}

function dropFirst(context: CommandContext, table: Table): void {
  const sequence = table.first++
  const sha = context.row(sequenceRow(sequence))
  context.setRow(sequenceRow(sequence), null)
  const key = sha === null ? null : scriptRow(sha.toString('hex'))
  const row = key === null ? null : context.row(key)
  if (key === null || row === null) return
  table.bytes -= ROW_COST + row.length - 8
  context.setRow(key, null)
}

function readTable(context: CommandContext): Table {
  const row = context.row(TABLE_ROW)
  if (row === null) return { first: 0, next: 0, bytes: 0 }
  return { first: readU64(row, 0), next: readU64(row, 8), bytes: readU64(row, 16) }
}

function writeTable(context: CommandContext, { first, next, bytes }: Table): void {
  const row = Buffer.allocUnsafe(24)
  writeU64(row, 0, first)
  writeU64(row, 8, next)
  writeU64(row, 16, bytes)
  context.setRow(TABLE_ROW, row)
}

function scriptRow(sha: string): ByteString | null {
  const digits = sha.toLowerCase()
  return SHA_DIGITS.test(digits) ? SCRIPT_PREFIX + toByteString(Buffer.from(digits, 'hex')) : null
}

function sequenceRow(sequence: number): ByteString {
  return SEQUENCE_PREFIX + bigEndian64(sequence)
}
