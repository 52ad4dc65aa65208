/**
 * Small helpers that command implementations share: option words and the errors whose texts Redis' clients
 * know.
 */
import { toByteString } from '../lib/bytes.ts'
import type { CommandSpec } from '../protocol/commands.ts'
import { errorCodeReply, errorReply } from '../protocol/reply.ts'

/** Options that are none, contradict each other, or lack their value. */
export const SYNTAX_ERROR = errorReply('ERR syntax error')
/** A number was wanted: an argument or a stored value is none, or does not fit 64 bits. */
export const NOT_AN_INTEGER = errorReply('ERR value is not an integer or out of range')
/** The result would not fit 64 bits. */
export const OVERFLOW = errorReply('ERR increment or decrement would overflow')
/** The key holds a value of another type. */
export const WRONG_TYPE = errorCodeReply('WRONG_TYPE')

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
