/** APPEND, STRLEN, GETRANGE, SUBSTR and SETRANGE: parts of a string. */
import { bulkReply, errorReply, integerReply } from '../../protocol/reply.ts'
import { NOT_AN_INTEGER } from '../arguments.ts'
import type { CommandContext } from '../context.ts'
import { parseInteger } from '../integers.ts'
import {
  bytesOf,
  grown,
  isReversed,
  readString,
  replaceString,
  STRING_BYTES_MAX,
  STRING_TOO_LONG,
  spanOf,
} from '../strings.ts'

const NOTHING = bulkReply(Buffer.alloc(0))
const OFFSET_OUT_OF_RANGE = errorReply('ERR offset is out of range')

/** APPEND key value: the length afterwards. */
export function append(context: CommandContext, args: readonly Buffer[]): Buffer {
  const [key, value] = args as [Buffer, Buffer]
  const record = readString(context, key)
  if (Buffer.isBuffer(record)) return record
  const before = bytesOf(record)
  const size = before.length + value.length
  if (size > STRING_BYTES_MAX) return STRING_TOO_LONG
  replaceString(context, key, record, Buffer.concat([before, value], size))
  context.notify('$', 'append', key)
  return integerReply(size)
}

/** STRLEN key. */
export function strlen(context: CommandContext, args: readonly Buffer[]): Buffer {
  const record = readString(context, args[0] as Buffer)
  return Buffer.isBuffer(record) ? record : integerReply(bytesOf(record).length)
}

/** GETRANGE key start end, both inclusive; also SUBSTR. */
export function getrange(context: CommandContext, args: readonly Buffer[]): Buffer {
  const [key, from, to] = args as [Buffer, Buffer, Buffer]
  const start = parseInteger(from)
  const end = parseInteger(to)
  if (start === null || end === null) return NOT_AN_INTEGER
  const record = readString(context, key)
  if (Buffer.isBuffer(record)) return record
  if (record === null || isReversed(start, end)) return NOTHING
  const bytes = record.value
  const span = spanOf(start, end, bytes.length)
  return span.from < span.to ? bulkReply(bytes.subarray(span.from, span.to)) : NOTHING
}

/** SETRANGE key offset value: the length afterwards. An empty value changes and creates nothing. */
export function setrange(context: CommandContext, args: readonly Buffer[]): Buffer {
  const [key, position, value] = args as [Buffer, Buffer, Buffer]
  const offset = parseInteger(position)
  if (offset === null) return NOT_AN_INTEGER
  if (offset < 0) return OFFSET_OUT_OF_RANGE
  const record = readString(context, key)
  if (Buffer.isBuffer(record)) return record
  const before = bytesOf(record)
  if (value.length === 0) return integerReply(before.length)
  const start = Number(offset)
  if (start + value.length > STRING_BYTES_MAX) return STRING_TOO_LONG
  const after = grown(before, start + value.length)
  value.copy(after, start)
  replaceString(context, key, record, after)
  context.notify('$', 'setrange', key)
  return integerReply(after.length)
}
