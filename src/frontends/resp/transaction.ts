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

export interface QueuedCommand {
  readonly entry: CommandEntry
  readonly args: readonly Buffer[]
}

export class Transaction {
  readonly commands: QueuedCommand[] = []
  #bytes = 0
  /** A command was refused while queueing: EXEC discards all of them. */
  isBroken = false

  /** Queues the command of `bytes`, or gives the error reply that says why not. */
  offer(entry: CommandEntry, args: readonly Buffer[], bytes: number): Buffer | null {
    const { local, spec } = entry
    if (local?.inTransaction === 'refuse') return local.refusal ?? notInside(spec)
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
}

function notInside({ name, flags }: CommandSpec): Buffer {
  if (flags.includes('no_multi')) return NOT_ALLOWED
  const words = name.toUpperCase().replace('|', ' ')
  return errorReply(
    `ERR ${words} is not allowed inside a transaction here: send it before MULTI or after EXEC`,
  )
}
