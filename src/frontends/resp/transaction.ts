/**
 * MULTI at the connection: the commands queued so far. Nothing of it is known to the cluster before EXEC,
 * which is one command there.
 */
import { limits } from '../../protocol/limits.ts'
import type { CommandEntry } from '../commands.ts'

export interface QueuedCommand {
  readonly entry: CommandEntry
  readonly args: readonly Buffer[]
}

export class Transaction {
  readonly commands: QueuedCommand[] = []
  #bytes = 0
  /** A command was refused while queueing: EXEC discards all of them. */
  isBroken = false

  /** False when the transaction would become too large; it is broken then. */
  queue(entry: CommandEntry, args: readonly Buffer[], bytes: number): boolean {
    this.#bytes += bytes
    if (this.#bytes > limits.multiBytes || this.commands.length >= limits.multiCommands) {
      this.isBroken = true
      return false
    }
    // Copied: a transaction may stay open for long, and views would keep whole chunks of the stream.
    this.commands.push({ entry, args: args.map((arg) => Buffer.from(arg)) })
    return true
  }
}
