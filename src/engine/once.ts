/** How doors make a command that takes effect once (protocol/once.ts). */
import type { Command } from '../protocol/commands.ts'
import type { KvIdempotency } from '../protocol/kv.ts'
import { encodeOnce } from '../protocol/once.ts'
import { internalCommands } from './command-table.ts'

/** `command` must be a read or write of the executor that checkCommand() passed; decodeOnceReply() reads the reply. */
export function onceCommand(idempotency: KvIdempotency, command: Command): Command {
  return { spec: internalCommands.once, database: command.database, args: encodeOnce(idempotency, command) }
}
