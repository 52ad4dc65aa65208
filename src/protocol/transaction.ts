/**
 * A MULTI/EXEC transaction as one command: what was watched, then the commands, each in its encoded form with
 * its own database (SELECT inside MULTI changes it). Arguments of the command:
 *
 *   0   watched keys, each: u8 database (bit 7: the key was absent), u64 modRevision (of an absent key the state's
 *       revision), u32 length, key
 *   1…  one encoded command each (protocol/commands.ts)
 */
import { assert } from '../lib/assert.ts'
import { readU32, readU64, writeU32, writeU64 } from '../lib/bytes.ts'
import { type Command, type DecodedCommand, decodeCommand, encodeCommand } from './commands.ts'

const WATCHED_HEADER_SIZE = 13

const ABSENT = 0x80

/** A key as it was when it was watched. */
export interface WatchedKey {
  readonly database: number
  /** Above 0: what it had. Else it was absent, when the state's revision was the negated value. */
  readonly modRevision: number
  readonly key: Buffer
}

/** The arguments of a transaction's command. */
export function encodeTransaction(watched: readonly WatchedKey[], commands: readonly Command[]): Buffer[] {
  const args = [encodeWatched(watched)]
  for (const { spec, database, args: inner } of commands) args.push(encodeCommand(spec.code, database, inner))
  return args
}

function encodeWatched(watched: readonly WatchedKey[]): Buffer {
  let size = 0
  for (const { key } of watched) size += WATCHED_HEADER_SIZE + key.length
  const out = Buffer.allocUnsafe(size)
  let at = 0
  for (const { database, modRevision, key } of watched) {
    out[at] = modRevision > 0 ? database : database | ABSENT
    writeU64(out, at + 1, Math.abs(modRevision))
    writeU32(out, at + 9, key.length)
    at += WATCHED_HEADER_SIZE + key.copy(out, at + WATCHED_HEADER_SIZE)
  }
  return out
}

/** The watched keys of an encoded transaction; keys are views of its bytes. */
export function decodeWatched(args: readonly Buffer[]): WatchedKey[] {
  const bytes = args[0] ?? Buffer.alloc(0)
  const watched: WatchedKey[] = []
  for (let at = 0; at < bytes.length; ) {
    const start = at + WATCHED_HEADER_SIZE
    assert(start <= bytes.length, () => `Watched key at ${at} is cut off at ${bytes.length}`)
    const end = start + readU32(bytes, at + 9)
    assert(end <= bytes.length, () => `Watched key at ${at} ends at ${end}, beyond ${bytes.length}`)
    const key = bytes.subarray(start, end)
    const head = bytes[at] as number
    const value = readU64(bytes, at + 1)
    const modRevision = (head & ABSENT) === 0 || value === 0 ? value : -value
    watched.push({ database: head & ~ABSENT, modRevision, key })
    at = end
  }
  return watched
}

/** The commands of an encoded transaction, in order; their arguments are views of its bytes. */
export function decodeInner(args: readonly Buffer[]): DecodedCommand[] {
  const commands: DecodedCommand[] = []
  for (let i = 1; i < args.length; i++) commands.push(decodeCommand(args[i] as Buffer, 0))
  return commands
}
