/**
 * What a command is to every layer: its specification (one row of a table) and its encoded form inside forwarded
 * runs and log entries. Codes are part of the log format: a code is never given to another command.
 *
 * Encoded command:
 *   offset size
 *        0    4  size in bytes of all that follows
 *        4    2  code
 *        6    1  database (logical, 0-15)
 *        7    1  reserved, zero
 *        8    4  number of arguments, without the command's name
 *       12    -  for each argument: u32 length, bytes
 */
import { assert } from '../lib/assert.ts'
import { readU16, readU32, writeU16, writeU32 } from '../lib/bytes.ts'

/** `read` and `write` go through the replica; `local` is answered by the node or connection that got it. */
export type CommandKind = 'read' | 'write' | 'local'

export interface CommandSpec {
  /** Lower case; a subcommand is 'container|sub'. */
  readonly name: string
  /** 1-65535, unique, permanent; 0 for local commands, which are never encoded. */
  readonly code: number
  /** As Redis: with the name; negative = at least. */
  readonly arity: number
  readonly kind: CommandKind
  /**
   * Redis' flag names as COMMAND INFO shows them, e.g. 'readonly', 'fast', 'denyoom'. 'denyoom' = refused when disks
   * are low.
   */
  readonly flags: readonly string[]
  /** As Redis: position of the first and last key (negative: from the end) and the step; 0 0 0 = none. */
  readonly keys: readonly [first: number, last: number, step: number]
  /** ACL categories, with '@', and the documentation group, e.g. 'string'. */
  readonly categories: readonly string[]
  readonly group: string
  readonly since: string
  readonly summary: string
  /** The engine level (R7) from which on it is executed; 1 when absent, as for local commands. */
  readonly level?: number
}

/** A command as the doors hand it to execute(). `args` excludes the name. */
export interface Command {
  readonly spec: CommandSpec
  readonly database: number
  readonly args: readonly Buffer[]
}

/** Bytes of all arguments together. */
export function argumentBytes({ args }: Command): number {
  let bytes = 0
  for (const arg of args) bytes += arg.length
  return bytes
}

export interface DecodedCommand {
  readonly code: number
  readonly database: number
  readonly args: readonly Buffer[]
}

const COMMAND_HEADER_SIZE = 12

function encodedCommandSize(args: readonly Buffer[]): number {
  let size = COMMAND_HEADER_SIZE
  for (const arg of args) size += 4 + arg.length
  return size
}

/** Writes the command at `offset`; returns the offset behind it. The caller made room by encodedCommandSize. */
function encodeCommandInto(
  out: Buffer,
  offset: number,
  code: number,
  database: number,
  args: readonly Buffer[],
): number {
  let at = offset + COMMAND_HEADER_SIZE
  for (const arg of args) {
    writeU32(out, at, arg.length)
    arg.copy(out, at + 4)
    at += 4 + arg.length
  }
  writeU32(out, offset, at - offset - 4)
  writeU16(out, offset + 4, code)
  out[offset + 6] = database
  out[offset + 7] = 0
  writeU32(out, offset + 8, args.length)
  return at
}

export function encodeCommand(code: number, database: number, args: readonly Buffer[]): Buffer {
  const out = Buffer.allocUnsafe(encodedCommandSize(args))
  encodeCommandInto(out, 0, code, database, args)
  return out
}

/** The offset behind the encoded command at `offset`. */
export function skipCommand(bytes: Buffer, offset: number): number {
  return offset + 4 + readU32(bytes, offset)
}

/** Reads the command at `offset`; arguments are views of `bytes`. Asserts that it lies inside `bytes`. */
export function decodeCommand(bytes: Buffer, offset: number): DecodedCommand {
  const end = skipCommand(bytes, offset)
  assert(end <= bytes.length, () => `Command at ${offset} ends at ${end}, beyond ${bytes.length}`)
  const count = readU32(bytes, offset + 8)
  const args: Buffer[] = new Array(count)
  let at = offset + COMMAND_HEADER_SIZE
  for (let i = 0; i < count; i++) {
    const length = readU32(bytes, at)
    at += 4
    args[i] = bytes.subarray(at, at + length)
    at += length
  }
  assert(at === end, () => `Command at ${offset} has ${end - at} stray bytes`)
  return { code: readU16(bytes, offset + 4), database: bytes[offset + 6] as number, args }
}
