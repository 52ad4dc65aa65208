/** The library `redis` of scripts. */
import { sha1Hex } from '../../lib/sha1.ts'
import { REDIS_VERSION } from '../../protocol/redis-version.ts'
import { type Arguments, native } from '../lua/arguments.ts'
import type { Machine } from '../lua/machine.ts'
import { LuaTable } from '../lua/table.ts'
import type { LuaValue, LuaValues } from '../lua/values.ts'
import { callCommand } from './call.ts'
import { errorTable, errorTableOf } from './errors.ts'
import type { ScriptRun } from './script-run.ts'

type RunFunction = (run: ScriptRun, args: Arguments, machine: Machine) => LuaValue | LuaValues

/** No command has a longer name. */
const NAME_MAX = 64
const LOG_LEVELS = ['LOG_DEBUG', 'LOG_VERBOSE', 'LOG_NOTICE', 'LOG_WARNING']
const WRONG_ARGUMENTS = 'wrong number or type of arguments'

/** Raises an error in the form that redis.call() raises. */
function fail(machine: Machine, text: string): never {
  throw machine.errorOf(errorTable(`ERR ${text}`))
}

function log(_run: ScriptRun, args: Arguments, machine: Machine): LuaValues {
  if (args.count < 2) fail(machine, 'redis.log() requires two arguments or more.')
  const level = args.at(1)
  if (typeof level !== 'number') return fail(machine, 'First argument must be a number (log level).')
  if (level < 0 || level >= LOG_LEVELS.length) fail(machine, 'Invalid debug level.')
  return []
}

function setProtocol(run: ScriptRun, args: Arguments, machine: Machine): LuaValues {
  if (args.count !== 1) fail(machine, 'redis.setresp() requires one argument.')
  const protocol = args.at(1)
  if (protocol !== 2 && protocol !== 3) return fail(machine, 'RESP version must be 2 or 3.')
  run.protocol = protocol
  return []
}

/** There is one user, who may do everything that exists. */
function checkAccess(run: ScriptRun, args: Arguments, machine: Machine): LuaValue {
  if (args.count === 0)
    fail(machine, 'Please specify at least one argument for this redis.acl_check_cmd() call')
  const [name, sub] = [args.string(1), args.optionalString(2, '')].map((word) => {
    return word.slice(0, NAME_MAX + 1).toLowerCase()
  }) as [string, string]
  const { context } = run
  if (context.findCommand(name) ?? context.findCommand(`${name}|${sub}`)) return true
  return fail(machine, 'Invalid command passed to redis.acl_check_cmd()')
}

const FUNCTIONS: Readonly<Record<string, RunFunction>> = {
  call: (run, args) => callCommand(run, args, true),
  pcall: (run, args) => callCommand(run, args, false),
  error_reply: (_run, args, machine) => {
    const text = args.at(1)
    if (typeof text === 'string') machine.allocate(text.length)
    return args.count === 1 && typeof text === 'string'
      ? errorTableOf(text)
      : errorTable(`ERR ${WRONG_ARGUMENTS}`)
  },
  status_reply: (_run, args) => {
    const text = args.at(1)
    if (args.count !== 1 || typeof text !== 'string') return errorTable(`ERR ${WRONG_ARGUMENTS}`)
    const table = new LuaTable()
    table.set('ok', text)
    return table
  },
  sha1hex: (_run, args, machine) => {
    if (args.count !== 1) return fail(machine, 'wrong number of arguments')
    const text = args.string(1)
    machine.spend(text.length)
    return sha1Hex(Buffer.from(text, 'latin1'))
  },
  log,
  setresp: setProtocol,
  acl_check_cmd: checkAccess,
  breakpoint: () => false,
  debug: () => [],
  replicate_commands: () => true,
  set_repl: () => [],
}

const CONSTANTS: Readonly<Record<string, LuaValue>> = {
  REPL_NONE: 0,
  REPL_AOF: 1,
  REPL_SLAVE: 2,
  REPL_REPLICA: 2,
  REPL_ALL: 3,
  REDIS_VERSION,
  REDIS_VERSION_NUM: REDIS_VERSION.split('.').reduce((sum, part) => sum * 256 + Number(part), 0),
}

/** Made anew for each run, because its functions work on it. */
export function redisLibrary(run: ScriptRun): LuaTable {
  const table = new LuaTable()
  for (const [name, body] of Object.entries(FUNCTIONS)) {
    table.set(
      name,
      native(name, (args, machine) => body(run, args, machine)),
    )
  }
  for (const [level, name] of LOG_LEVELS.entries()) table.set(name, level)
  for (const [name, value] of Object.entries(CONSTANTS)) table.set(name, value)
  table.isReadonly = true
  return table
}
