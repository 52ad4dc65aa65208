/**
 * Small helpers that command implementations share: option words and the errors whose texts Redis' clients
 * know.
 */
import { toByteString } from '../lib/bytes.ts'
import type { CommandSpec } from '../protocol/commands.ts'
import { errorCodeReply, errorReply } from '../protocol/reply.ts'
import { DATABASE_COUNT } from './databases.ts'
import { parseInteger } from './integers.ts'

/** Options that are none, contradict each other, or lack their value. */
export const SYNTAX_ERROR = errorReply('ERR syntax error')
/** A number was wanted: an argument or a stored value is none, or does not fit 64 bits. */
export const NOT_AN_INTEGER = errorReply('ERR value is not an integer or out of range')
/** The result would not fit 64 bits. */
export const OVERFLOW = errorReply('ERR increment or decrement would overflow')
/** The key holds a value of another type. */
export const WRONG_TYPE = errorCodeReply('WRONG_TYPE')

const DATABASE_OUT_OF_RANGE = errorReply('ERR DB index is out of range')
const INT32_MAX = 2 ** 31 - 1
const NOT_AN_INT32 = errorReply(
  `ERR value is out of range, value must between ${-INT32_MAX - 1} and ${INT32_MAX}`,
)

/** Option words are short: anything longer is none and is not worth decoding. */
const WORD_BYTES_MAX = 16

/** An option word in upper case, '' when it is too long to be one. */
export function optionWord(argument: Buffer): string {
  return argument.length > WORD_BYTES_MAX ? '' : toByteString(argument).toUpperCase()
}

/** The answer to a wrong number of arguments; a subcommand is named 'config|get', as in Redis. */
export function wrongArity(spec: CommandSpec): Buffer {
  return errorReply(`ERR wrong number of arguments for '${spec.name}' command`)
}

/** An expiry that is not positive where it must be, or beyond what can be kept (expiry-time.ts). */
export function invalidExpireTime(spec: CommandSpec): Buffer {
  return errorReply(`ERR invalid expire time in '${spec.name}' command`)
}

/** The logical database that `argument` names, or an error reply; `notInteger` when it is none of 32 bits. */
export function databaseOf(argument: Buffer, notInteger: Buffer | null = null): number | Buffer {
  const index = parseInteger(argument)
  if (index === null) return notInteger ?? NOT_AN_INTEGER
  if (index < -INT32_MAX - 1 || index > INT32_MAX) return notInteger ?? NOT_AN_INT32
  return index >= 0 && index < DATABASE_COUNT ? Number(index) : DATABASE_OUT_OF_RANGE
}
