/** EVAL, EVALSHA, their read-only forms, and SCRIPT: programs that run here, in the entry's place, on every replica. */
import { must } from '../../lib/assert.ts'
import { limits } from '../../protocol/limits.ts'
import {
  arrayReply,
  errorCodeReply,
  errorReply,
  integerReply,
  OK_REPLY,
  textReply,
} from '../../protocol/reply.ts'
import { NOT_AN_INTEGER } from '../arguments.ts'
import type { CommandContext, Execute } from '../context.ts'
import { parseInteger } from '../integers.ts'
import { type CompiledScript, compiledScript, dropKeptScripts } from '../scripts/compiled.ts'
import { runScript } from '../scripts/script-run.ts'
import { flushScripts, storedScript, storeScript } from '../scripts/stored.ts'

const NEGATIVE_KEYS = errorReply("ERR Number of keys can't be negative")
const TOO_MANY_KEYS = errorReply("ERR Number of keys can't be greater than number of args")
/** R6: not by a flag, which Redis' command has not. */
const DISK_FULL = errorCodeReply('DISK_FULL')
const NO_SCRIPT = errorReply('NOSCRIPT No matching script. Please use EVAL.')
const NOT_BUSY = errorReply('NOTBUSY No scripts in execution right now.')
const FLUSH_OPTION = errorReply('ERR SCRIPT FLUSH only support SYNC|ASYNC option')
const DEBUG_OPTION = errorReply('ERR Use SCRIPT DEBUG YES/SYNC/NO')
const NO_DEBUGGER = errorReply('ERR SCRIPT DEBUG is not supported: a script runs on every node at once')

const HELP = [
  'SCRIPT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'EXISTS <sha1> [<sha1> ...]',
  '    Return information about the existence of the scripts in the script cache.',
  'FLUSH [ASYNC|SYNC]',
  '    Flush the Lua scripts cache of the cluster.',
  'KILL',
  '    Answers that no script is running: a script that runs too long ends by itself, without effect.',
  'LOAD <script>',
  '    Load a script into the scripts cache without executing it.',
  'HELP',
  '    Print this help.',
]

/** script numkeys key… arg…; keeps the script for EVALSHA, unless growth is refused. */
export const evalScript: Execute = (context, args) => {
  const source = must(args[0], 'a script')
  return run(context, args, false, () => {
    const script = compiledScript(source)
    if (script.program !== null && !context.growthRefused) storeScript(context, script.sha, source)
    return script
  })
}

/** The same as a read: it changes nothing, so it keeps nothing either. */
export const evalReadOnly: Execute = (context, args) => {
  return run(context, args, true, () => compiledScript(must(args[0], 'a script')))
}

export const evalsha: Execute = (context, args) => run(context, args, false, () => stored(context, args))

export const evalshaReadOnly: Execute = (context, args) =>
  run(context, args, true, () => stored(context, args))

export function scriptLoad(context: CommandContext, args: readonly Buffer[]): Buffer {
  const source = must(args[0], 'a script')
  if (source.length > limits.scriptBytes) return tooLarge(source)
  if (context.growthRefused) return DISK_FULL
  const { sha, program, failure } = compiledScript(source)
  if (program === null) return errorReply(`ERR ${failure}`)
  storeScript(context, sha, source)
  return textReply(sha)
}

/** sha1…; 1 or 0 for each. */
export function scriptExists(context: CommandContext, args: readonly Buffer[]): Buffer {
  return arrayReply(
    args.map((sha) => integerReply(storedScript(context, sha.toString('latin1')) === null ? 0 : 1)),
  )
}

export function scriptFlush(context: CommandContext, args: readonly Buffer[]): Buffer {
  const option = args[0]?.toString('latin1').toLowerCase() ?? 'sync'
  if (args.length > 1 || (option !== 'sync' && option !== 'async')) return FLUSH_OPTION
  flushScripts(context)
  dropKeptScripts()
  return OK_REPLY
}

/** Nothing runs while a command waits: a script has its end within itself. */
export function scriptKill(): Buffer {
  return NOT_BUSY
}

export function scriptDebug(_context: CommandContext, args: readonly Buffer[]): Buffer {
  const option = args[0]?.toString('latin1').toLowerCase()
  if (option === 'no') return OK_REPLY
  return option === 'yes' || option === 'sync' ? NO_DEBUGGER : DEBUG_OPTION
}

export function scriptHelp(): Buffer {
  return arrayReply(HELP.map((line) => Buffer.from(`+${line}\r\n`)))
}

function stored(context: CommandContext, args: readonly Buffer[]): CompiledScript | null {
  const source = storedScript(context, must(args[0], 'a digest').toString('latin1'))
  return source === null ? null : compiledScript(source)
}

function run(
  context: CommandContext,
  args: readonly Buffer[],
  isReadOnly: boolean,
  find: () => CompiledScript | null,
): Buffer {
  const count = parseInteger(must(args[1], 'a number of keys'))
  if (count === null) return NOT_AN_INTEGER
  if (count > args.length - 2) return TOO_MANY_KEYS
  if (count < 0) return NEGATIVE_KEYS
  const [source] = args as [Buffer]
  if (source.length > limits.scriptBytes) return tooLarge(source)
  const script = find()
  if (script === null) return NO_SCRIPT
  const { sha, program, failure } = script
  if (program === null) return errorReply(`ERR ${failure}`)
  const end = 2 + Number(count)
  return runScript(context, {
    sha,
    program,
    keys: args.slice(2, end),
    args: args.slice(end),
    isReadOnly: isReadOnly || script.isReadOnly,
  })
}

function tooLarge(source: Buffer): Buffer {
  return errorCodeReply('TOO_LARGE', `script is ${source.length} bytes, limit is ${limits.scriptBytes}`)
}
