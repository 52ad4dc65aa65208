/**
 * OBJECT: what is known of a key's representation. Answers say what Redis would hold for the same value, as
 * far as that follows from the value; nothing here is shared, and reads leave no trace.
 */
import {
  arrayReply,
  bulkReply,
  errorReply,
  integerReply,
  NULL_REPLY,
  simpleReply,
} from '../../protocol/reply.ts'
import type { CommandContext } from '../context.ts'
import { parseInteger } from '../integers.ts'

/** Redis keeps longer strings apart from their key's object. */
const EMBEDDED_BYTES_MAX = 44
const INTEGER = bulkReply(Buffer.from('int'))
const EMBEDDED = bulkReply(Buffer.from('embstr'))
const RAW = bulkReply(Buffer.from('raw'))
const NOT_TRACKED = errorReply(
  'ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust.',
)
const HELP = [
  'OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'ENCODING <key>',
  '    The representation that Redis would choose for the value of the key.',
  'FREQ <key>',
  '    How often the key is used: not tracked, always an error.',
  'IDLETIME <key>',
  '    Seconds since the key was changed: reads do not count.',
  'REFCOUNT <key>',
  '    References to the value of the key: always 1.',
  'HELP',
  '    Print this help.',
]

/** OBJECT ENCODING key: int, embstr or raw. */
export function objectEncoding(context: CommandContext, args: readonly Buffer[]): Buffer {
  const record = context.read(args[0] as Buffer)
  if (record === null) return NULL_REPLY
  const { value } = record
  if (parseInteger(value) !== null) return INTEGER
  return value.length <= EMBEDDED_BYTES_MAX ? EMBEDDED : RAW
}

/** OBJECT REFCOUNT key. */
export function objectRefcount(context: CommandContext, args: readonly Buffer[]): Buffer {
  return context.read(args[0] as Buffer) === null ? NULL_REPLY : integerReply(1)
}

/** OBJECT IDLETIME key: seconds. */
export function objectIdletime(context: CommandContext, args: readonly Buffer[]): Buffer {
  const record = context.read(args[0] as Buffer)
  if (record === null) return NULL_REPLY
  return integerReply(Math.max(0, Math.floor((context.nowMs - record.updatedAt) / 1000)))
}

/** OBJECT FREQ key. */
export function objectFreq(context: CommandContext, args: readonly Buffer[]): Buffer {
  return context.read(args[0] as Buffer) === null ? NULL_REPLY : NOT_TRACKED
}

/** OBJECT HELP. */
export function objectHelp(): Buffer {
  return arrayReply(HELP.map(simpleReply))
}
