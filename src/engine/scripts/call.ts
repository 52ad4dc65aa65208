/**
 * redis.call() and redis.pcall(): one command of a script. Scripts may call what the engine executes, except scripts,
 * and the few commands below that need nothing but the run. An error is raised, or with pcall given, as a table.
 */
import type { CommandSpec } from '../../protocol/commands.ts'
import { arrayReply, bulkReply, NULL_REPLY, OK_REPLY, PONG_REPLY, textReply } from '../../protocol/reply.ts'
import { databaseOf } from '../arguments.ts'
import { checkCommand, hasArity } from '../check-command.ts'
import type { Arguments } from '../lua/arguments.ts'
import { general } from '../lua/numbers.ts'
import { LuaTable } from '../lua/table.ts'
import type { LuaValue } from '../lua/values.ts'
import { errorTable } from './errors.ts'
import { valueOfReply } from './from-reply.ts'
import type { ScriptRun } from './script-run.ts'

/** What a call counts for besides its bytes: about its time, in steps of the language. */
const CALL_STEPS = 250
/** What each of its words counts for: most commands of many words do something for each. */
const WORD_STEPS = 25

const NO_COMMAND = 'ERR Please specify at least one argument for this redis lib call'
const NO_WORDS = 'ERR Lua redis lib command arguments must be strings or integers'
const UNKNOWN = 'ERR Unknown Redis command called from script'
const WRONG_COUNT = 'ERR Wrong number of args calling Redis command from script'
const NOT_ALLOWED = 'ERR This Redis command is not allowed from script'
const READ_ONLY = 'ERR Write commands are not allowed from read-only scripts.'

/** Commands of connections and nodes: known, and refused. */
const REFUSED = new Set(
  (
    'acl auth asking bgrewriteaof bgsave client cluster command config debug discard dump eval eval_ro evalsha ' +
    'evalsha_ro exec failover fcall fcall_ro function hello info keys kvorum lastsave latency memory migrate module ' +
    'monitor multi psubscribe psync punsubscribe quit randomkey readonly readwrite replconf replicaof reset role ' +
    'save scan script shutdown slaveof slowlog ssubscribe subscribe sunsubscribe sync unsubscribe unwatch wait waitaof watch'
  ).split(' '),
)

type Own = (run: ScriptRun, args: readonly Buffer[]) => Buffer

/** Answered here; arity counts the name. */
const OWN: Readonly<Record<string, { readonly arity: number; readonly answer: Own }>> = {
  echo: { arity: 2, answer: (_run, args) => bulkReply(args[0] as Buffer) },
  ping: { arity: -1, answer: (_run, args) => (args[0] === undefined ? PONG_REPLY : bulkReply(args[0])) },
  select: {
    arity: 2,
    answer: (run, args) => {
      const chosen = databaseOf(args[0] as Buffer)
      if (Buffer.isBuffer(chosen)) return chosen
      run.database = chosen
      return OK_REPLY
    },
  },
  time: { arity: 1, answer: ({ context }) => timeReply(context.nowMs) },
}

export function callCommand(run: ScriptRun, args: Arguments, raises: boolean): LuaValue {
  const { machine } = run
  machine.spend(CALL_STEPS + args.count * WORD_STEPS)
  const words = args.values.map(wordOf)
  const reply = isComplete(words) ? execute(run, words) : words.length === 0 ? NO_COMMAND : NO_WORDS
  const value = typeof reply === 'string' ? errorTable(reply) : valueOfReply(machine, reply, run.protocol)
  if (raises && value instanceof LuaTable && isError(reply)) throw machine.errorOf(value)
  return value
}

function isError(reply: Buffer | string): boolean {
  return typeof reply === 'string' || reply[0] === 0x2d
}

/** The reply, or the text of an error that is the script's, not the command's. */
function execute(run: ScriptRun, words: readonly Buffer[]): Buffer | string {
  run.machine.work(words.reduce((sum, word) => sum + word.length, 0))
  const name = nameOf(words[0])
  const own = Object.hasOwn(OWN, name) ? OWN[name] : undefined
  if (own !== undefined) {
    const { arity, answer } = own
    const isRight = arity < 0 ? words.length >= -arity && words.length <= 2 : words.length === arity
    return isRight ? answer(run, words.slice(1)) : WRONG_COUNT
  }
  const { context } = run
  const whole = context.findCommand(name)
  const spec = whole ?? context.findCommand(`${name}|${nameOf(words[1])}`)
  if (spec === null) return REFUSED.has(name) ? NOT_ALLOWED : UNKNOWN
  const args = words.slice(whole === null ? 2 : 1)
  if (!hasArity(spec, args.length)) return WRONG_COUNT
  if (spec.flags.includes('noscript')) return NOT_ALLOWED
  if (spec.kind === 'write' && run.isReadOnly) return READ_ONLY
  return checkCommand({ spec, database: run.database, args }) ?? counted(run, spec, args)
}

/** Counts what the command did that neither its words nor its reply show. */
function counted(run: ScriptRun, spec: CommandSpec, args: readonly Buffer[]): Buffer {
  const { context, machine } = run
  const before = context.scannedBytes
  const reply = inner(run, spec, args)
  machine.work(context.scannedBytes - before)
  return reply
}

/** What the engine throws is kept for the end of the run: until then nothing was there to be found. */
function inner(run: ScriptRun, spec: CommandSpec, args: readonly Buffer[]): Buffer {
  const { context } = run
  run.startCommand()
  const own = { spec: context.spec, database: context.database }
  try {
    return context.runInner({ code: spec.code, database: run.database, args })
  } catch (error) {
    run.interruption ??= error
    return NULL_REPLY
  } finally {
    context.spec = own.spec
    context.database = own.database
  }
}

function wordOf(value: LuaValue): Buffer | null {
  if (typeof value === 'string') return Buffer.from(value, 'latin1')
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) return Buffer.from(String(value))
  if (typeof value === 'number') return Buffer.from(general(value, 17, false))
  return null
}

function isComplete(words: readonly (Buffer | null)[]): words is Buffer[] {
  return words.length > 0 && !words.includes(null)
}

function nameOf(word: Buffer | undefined): string {
  return word === undefined || word.length > 64 ? '' : word.toString('latin1').toLowerCase()
}

/** Seconds and microseconds: of the entry's stamp, so that all nodes agree. */
function timeReply(nowMs: number): Buffer {
  return arrayReply([Math.floor(nowMs / 1000), (nowMs % 1000) * 1000].map((part) => textReply(String(part))))
}
