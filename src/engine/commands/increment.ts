/** INCR, INCRBY, DECR, DECRBY: a string as a signed 64-bit counter; its expiry stays. */
import { errorReply, integerReply } from '../../protocol/reply.ts'
import { NOT_AN_INTEGER, OVERFLOW, WRONG_TYPE } from '../arguments.ts'
import type { CommandContext } from '../context.ts'
import { addIntegers, type Integer, negateInteger, parseInteger } from '../integers.ts'
import { RecordType } from '../records.ts'
import { replaceString } from '../strings.ts'

const DECREMENT_OVERFLOW = errorReply('ERR decrement would overflow')

/** INCR key. */
export function incr(context: CommandContext, args: readonly Buffer[]): Buffer {
  return add(context, args[0] as Buffer, 1)
}

/** DECR key. */
export function decr(context: CommandContext, args: readonly Buffer[]): Buffer {
  return add(context, args[0] as Buffer, -1)
}

/** INCRBY key increment. */
export function incrby(context: CommandContext, args: readonly Buffer[]): Buffer {
  const amount = parseInteger(args[1] as Buffer)
  return amount === null ? NOT_AN_INTEGER : add(context, args[0] as Buffer, amount)
}

/** DECRBY key decrement. */
export function decrby(context: CommandContext, args: readonly Buffer[]): Buffer {
  const amount = parseInteger(args[1] as Buffer)
  if (amount === null) return NOT_AN_INTEGER
  const negated = negateInteger(amount)
  return negated === null ? DECREMENT_OVERFLOW : add(context, args[0] as Buffer, negated)
}

function add(context: CommandContext, key: Buffer, amount: Integer): Buffer {
  const record = context.read(key)
  if (record !== null && record.type !== RecordType.string) return WRONG_TYPE
  const before = record === null ? 0 : parseInteger(record.value)
  if (before === null) return NOT_AN_INTEGER
  const sum = addIntegers(before, amount)
  if (sum === null) return OVERFLOW
  const value = Buffer.from(String(sum), 'latin1')
  replaceString(context, key, record, value)
  context.notify('$', 'incrby', key)
  return integerReply(sum)
}
