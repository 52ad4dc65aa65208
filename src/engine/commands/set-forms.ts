/** SETNX, SETEX, PSETEX, GETSET: the older forms of SET. */
import { bulkReply, integerReply, NULL_REPLY, OK_REPLY } from '../../protocol/reply.ts'
import type { CommandContext } from '../context.ts'
import { RecordType } from '../records.ts'
import { readString } from '../strings.ts'
import { type ExpiryWord, expiryOf } from './expiry-option.ts'

/** SETNX key value: 1 when the key was absent and is set. */
export function setnx(context: CommandContext, args: readonly Buffer[]): Buffer {
  const [key, value] = args as [Buffer, Buffer]
  if (context.read(key) !== null) return integerReply(0)
  context.put(key, RecordType.string, value, 0)
  context.notify('$', 'set', key)
  return integerReply(1)
}

/** SETEX key seconds value. */
export function setex(context: CommandContext, args: readonly Buffer[]): Buffer {
  return setWithExpiry(context, args, 'EX')
}

/** PSETEX key milliseconds value. */
export function psetex(context: CommandContext, args: readonly Buffer[]): Buffer {
  return setWithExpiry(context, args, 'PX')
}

/** GETSET key value: the string before; its expiry goes. */
export function getset(context: CommandContext, args: readonly Buffer[]): Buffer {
  const [key, value] = args as [Buffer, Buffer]
  const record = readString(context, key)
  if (Buffer.isBuffer(record)) return record
  const before = record === null ? NULL_REPLY : bulkReply(record.value)
  context.put(key, RecordType.string, value, 0)
  context.notify('$', 'set', key)
  return before
}

function setWithExpiry(context: CommandContext, args: readonly Buffer[], word: ExpiryWord): Buffer {
  const [key, amount, value] = args as [Buffer, Buffer, Buffer]
  const expiresAt = expiryOf(context, word, amount)
  if (typeof expiresAt !== 'number') return expiresAt
  context.put(key, RecordType.string, value, expiresAt)
  context.notify('$', 'set', key)
  context.notify('g', 'expire', key)
  return OK_REPLY
}
