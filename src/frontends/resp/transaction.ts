/**
 * MULTI at the connection: the commands queued so far. Nothing of it is known to the cluster before EXEC,
 * which is one command there.
 */
import { checkCommand } from '../../engine/check-command.ts'
import type { CommandSpec } from '../../protocol/commands.ts'
import { limits } from '../../protocol/limits.ts'
import { errorCodeReply, errorReply } from '../../protocol/reply.ts'
import type { CommandEntry } from '../registry/commands.ts'

/** As Redis, for what it does not allow either. */
const NOT_ALLOWED = errorReply('ERR Command not allowed inside a transaction')

/** They read pages of keys, or a place among them, each at a moment of its own. */
const NOT_ALONE = errorReply(
  'ERR KEYS, SCAN and RANDOMKEY are not part of one atomic step here: within MULTI each of them must be the only ' +
    'command on keys, without WATCH',
)

export interface QueuedCommand {
  readonly entry: CommandEntry
  readonly args: readonly Buffer[]
}

/** What a queued command is given by the executor; null when it is the node's own business. */
export function remoteSpec({ local, spec }: CommandEntry): CommandSpec | null {
  return local === null ? spec : (local.remote?.spec ?? null)
}

export class Transaction {
  readonly commands: QueuedCommand[] = []
  #bytes = 0
  /** WATCH, or a command that needs the cluster: EXEC is one step there. */
  #isStep: boolean
  /** One that is not part of such a step. */
  #isAlone = false
  /** A command was refused while queueing: EXEC discards all of them. */
  isBroken = false

  /** `hasWatched`: EXEC will compare watched keys. */
  constructor(hasWatched: boolean) {
    this.#isStep = hasWatched
  }

  /** Queues the command of `bytes`, or gives the error reply that says why not. */
  offer(entry: CommandEntry, args: readonly Buffer[], bytes: number): Buffer | null {
    const { local, spec } = entry
    if (local?.inTransaction === 'refuse') return local.refusal ?? notInside(spec)
    if (!this.#admits(entry)) return NOT_ALONE
    const refusal = local === null ? checkCommand({ spec, database: 0, args }) : null
    if (refusal !== null) return refusal
    this.#bytes += bytes
    if (this.#bytes > limits.multiBytes || this.commands.length >= limits.multiCommands) {
      return errorCodeReply('TOO_LARGE', 'the transaction')
    }
    // Copied: a transaction may stay open for long, and views would keep whole chunks of the stream.
    this.commands.push({ entry, args: args.map((arg) => Buffer.from(arg)) })
    return null
  }

  #admits(entry: CommandEntry): boolean {
    const isAlone = entry.local?.inTransaction === 'alone'
    if (!isAlone && remoteSpec(entry) === null) return true
    if (this.#isAlone || (isAlone && this.#isStep)) return false
    if (isAlone) this.#isAlone = true
    else this.#isStep = true
    return true
  }
}

function notInside({ name, flags }: CommandSpec): Buffer {
  if (flags.includes('no_multi')) return NOT_ALLOWED
  const words = name.toUpperCase().replace('|', ' ')
  return errorReply(
    `ERR ${words} is not allowed inside a transaction here: send it before MULTI or after EXEC`,
  )
}
