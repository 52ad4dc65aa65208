/** INCRBYFLOAT: a string as a decimal number; its expiry stays. */
import { bulkReply, errorReply } from '../../protocol/reply.ts'
import type { CommandContext } from '../context.ts'
import { addLongDoubles, formatLongDouble, INFINITE, parseLongDouble, ZERO } from '../long-double.ts'
import { readString, replaceString } from '../strings.ts'

const NOT_A_FLOAT = errorReply('ERR value is not a valid float')
const NOT_FINITE = errorReply('ERR increment would produce NaN or Infinity')

/** INCRBYFLOAT key increment: the number afterwards, as it is stored. */
export function incrbyfloat(context: CommandContext, args: readonly Buffer[]): Buffer {
  const [key, increment] = args as [Buffer, Buffer]
  const record = readString(context, key)
  if (Buffer.isBuffer(record)) return record
  const before = record === null ? ZERO : parseLongDouble(record.value)
  const amount = parseLongDouble(increment)
  if (before === null || amount === null) return NOT_A_FLOAT
  if (before === INFINITE || amount === INFINITE) return NOT_FINITE
  const sum = addLongDoubles(before, amount)
  if (sum === INFINITE) return NOT_FINITE
  const value = Buffer.from(formatLongDouble(sum), 'latin1')
  replaceString(context, key, record, value)
  context.notify('$', 'incrbyfloat', key)
  return bulkReply(value)
}
