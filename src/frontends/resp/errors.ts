/**
 * The error texts of the RESP door, as Redis 7 words them: clients and their users know them.
 */
import { errorReply } from '../../protocol/reply.ts'

/** How much of a client's own words an error repeats, in bytes, as Redis. */
const ECHO_BYTES = 128

export const NOAUTH = errorReply('NOAUTH Authentication required.')
export const NESTED_MULTI = errorReply('ERR MULTI calls can not be nested')
export const SYNTAX_ERROR = errorReply('ERR syntax error')
export const NOT_AN_INTEGER = errorReply('ERR value is not an integer or out of range')

export function wrongArity(name: string): Buffer {
  return errorReply(`ERR wrong number of arguments for '${name}' command`)
}

export function unknownCommand(name: Buffer, args: readonly Buffer[]): Buffer {
  let echo = ''
  for (const arg of args) {
    if (echo.length >= ECHO_BYTES) break
    echo += `'${arg.toString('latin1', 0, ECHO_BYTES - echo.length)}' `
  }
  const shown = name.toString('latin1', 0, ECHO_BYTES)
  return latin1Error(`ERR unknown command '${shown}', with args beginning with: ${echo}`)
}

export function unknownSubcommand(container: string, sub: Buffer): Buffer {
  const shown = sub.toString('latin1', 0, ECHO_BYTES)
  return latin1Error(`ERR unknown subcommand '${shown}'. Try ${container.toUpperCase()} HELP.`)
}

/** A subcommand that is there, with arguments that it does not take. */
export function wrongSubcommand(container: string, sub: string): Buffer {
  const help = `Try ${container.toUpperCase()} HELP.`
  return errorReply(`ERR unknown subcommand or wrong number of arguments for '${sub}'. ${help}`)
}

/** The client's bytes come back unchanged, except for line ends. */
function latin1Error(text: string): Buffer {
  return Buffer.from(`-${text.replace(/[\r\n]/g, ' ')}\r\n`, 'latin1')
}
