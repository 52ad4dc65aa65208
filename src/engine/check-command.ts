/**
 * What is wrong with a command before it runs: its number of arguments and their sizes (R20). Doors ask this
 * first.
 */
import type { Command, CommandSpec } from '../protocol/commands.ts'
import { limits } from '../protocol/limits.ts'
import { errorCodeReply } from '../protocol/reply.ts'
import { wrongArity } from './arguments.ts'

/**
 * An error reply, or null when the command may be executed. Works for every row with a CommandSpec, local
 * ones too.
 */
export function checkCommand({ spec, args }: Command): Buffer | null {
  if (!hasArity(spec, args.length)) return wrongArity(spec)
  let total = 0
  for (const arg of args) {
    if (arg.length > limits.valueBytes) return tooLarge('argument', arg.length, limits.valueBytes)
    total += arg.length
  }
  if (total > limits.requestBytes) return tooLarge('request', total, limits.requestBytes)
  if (args.length > limits.requestArguments) return tooMany(args.length)
  return total > limits.keyBytes ? checkKeys(spec, args) : null
}

/** Whether the command may have `count` arguments besides its name. */
export function hasArity({ name, arity }: CommandSpec, count: number): boolean {
  const words = count + nameWords(name)
  return arity < 0 ? words >= -arity : words === arity
}

/** Words in front of the arguments, which arity and key positions count: a subcommand has two. */
export function nameWords(name: string): number {
  return name.includes('|') ? 2 : 1
}

function checkKeys({ name, keys: [first, last, step] }: CommandSpec, args: readonly Buffer[]): Buffer | null {
  if (first === 0) return null
  const words = nameWords(name)
  const end = last < 0 ? args.length + last : last - words
  for (let i = first - words; i <= end && i < args.length; i += step) {
    const size = (args[i] as Buffer).length
    if (size > limits.keyBytes) return tooLarge('key', size, limits.keyBytes)
  }
  return null
}

function tooLarge(what: string, size: number, limit: number): Buffer {
  return errorCodeReply('TOO_LARGE', `${what} is ${size} bytes, limit is ${limit}`)
}

function tooMany(count: number): Buffer {
  return errorCodeReply('TOO_LARGE', `${count} arguments, limit is ${limits.requestArguments}`)
}
