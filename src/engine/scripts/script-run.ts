/**
 * One run of a script: its globals, the commands that it calls, and how it ends. A record that is not in memory does
 * not end the run at once: the script goes on as if the command had replied nothing, so that one run finds most of what
 * it will read; then everything is dropped and the engine's own MISS goes up (R2). No script can catch that.
 */
import { limits } from '../../protocol/limits.ts'
import { CommandAborted } from '../abort.ts'
import type { CommandContext } from '../context.ts'
import { openBase } from '../lua/lib-base.ts'
import { bitLibrary } from '../lua/lib-bit.ts'
import { cjsonLibrary } from '../lua/lib-cjson.ts'
import { cmsgpackLibrary } from '../lua/lib-cmsgpack.ts'
import { mathLibrary } from '../lua/lib-math.ts'
import { stringLibrary, stringMetatable } from '../lua/lib-string.ts'
import { structLibrary } from '../lua/lib-struct.ts'
import { tableLibrary } from '../lua/lib-table.ts'
import { Machine } from '../lua/machine.ts'
import type { LuaTable } from '../lua/table.ts'
import { LuaError, LuaExhausted, type LuaFunction, type LuaValue } from '../lua/values.ts'
import { CHUNK } from './compiled.ts'
import { exhausted, uncaught } from './errors.ts'
import { guardGlobals } from './globals.ts'
import { redisLibrary } from './redis-library.ts'
import { ReplyWriter } from './to-reply.ts'

/** Commands that run after one has missed: what they want is fetched together, so it is bounded. */
const LOOKAHEAD = 64

export interface ScriptCall {
  readonly sha: string
  readonly program: LuaFunction
  readonly keys: readonly Buffer[]
  readonly args: readonly Buffer[]
  /** Commands that write are refused. */
  readonly isReadOnly: boolean
}

/** What library functions of a run know of it. */
export class ScriptRun {
  readonly context: CommandContext
  readonly isReadOnly: boolean
  readonly machine: Machine
  /** The protocol of replies that the script sees. */
  protocol: 2 | 3 = 2
  /** The database of the next command: SELECT changes it, for this run. */
  database: number
  /** What the engine threw: the run goes on to its end, and counts for nothing. */
  interruption: unknown = null

  /** Commands since the interruption. */
  #blind = 0

  constructor(context: CommandContext, isReadOnly: boolean) {
    this.context = context
    this.isReadOnly = isReadOnly
    this.database = context.database
    const steps = limits.scriptSteps - context.scriptSteps
    this.machine = new Machine(CHUNK, { steps, bytes: limits.scriptMemoryBytes })
  }

  /** Ends the run when its commands have read enough, or after an interruption looked ahead far enough. */
  startCommand(): void {
    if (this.interruption !== null && ++this.#blind > LOOKAHEAD) throw this.interruption
    if (this.context.readBytes > limits.scriptReadBytes) {
      throw new LuaExhausted(`the script's commands read more than ${limits.scriptReadBytes} bytes`)
    }
  }
}

/** Runs a script and gives its reply; an error that the script did not catch is one, too. */
export function runScript(
  context: CommandContext,
  { sha, program, keys, args, isReadOnly }: ScriptCall,
): Buffer {
  const run = new ScriptRun(context, isReadOnly)
  const { machine } = run
  try {
    openGlobals(run, keys, args)
    const [value] = program.call(machine, [])
    if (run.interruption !== null) throw run.interruption
    return new ReplyWriter(machine, run.protocol, sha).reply(value)
  } catch (error) {
    if (run.interruption !== null) throw run.interruption
    if (error instanceof LuaError) return uncaught(error, sha)
    if (error instanceof LuaExhausted) throw new CommandAborted(exhausted(error.message, sha))
    throw error
  } finally {
    context.scriptSteps = limits.scriptSteps - machine.steps
  }
}

function openGlobals(run: ScriptRun, keys: readonly Buffer[], args: readonly Buffer[]): void {
  const { machine } = run
  const { globals } = machine
  machine.stringMetatable = stringMetatable
  openBase(globals)
  globals.set('string', stringLibrary)
  globals.set('table', tableLibrary)
  globals.set('math', mathLibrary)
  globals.set('bit', bitLibrary)
  globals.set('cjson', cjsonLibrary())
  globals.set('cmsgpack', cmsgpackLibrary)
  globals.set('struct', structLibrary)
  globals.set('redis', redisLibrary(run))
  globals.set('KEYS', listOf(machine, keys))
  globals.set('ARGV', listOf(machine, args))
  guardGlobals(globals)
}

function listOf(machine: Machine, items: readonly Buffer[]): LuaTable {
  return machine.listOf(
    items.map((item): LuaValue => {
      machine.allocate(item.length)
      return item.toString('latin1')
    }),
  )
}
