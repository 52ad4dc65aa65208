/**
 * How doors turn MULTI … EXEC and WATCH into single commands: a transaction of reads alone is a read, which
 * costs no log entry.
 */
import type { Command } from '../protocol/commands.ts'
import { encodeTransaction, type WatchedKey } from '../protocol/transaction.ts'
import { internalCommands } from './command-table.ts'

/** True when none of `commands` can change anything: the transaction may be executed as a read. */
export function isReadOnly(commands: readonly Command[]): boolean {
  return commands.every((command) => command.spec.kind === 'read')
}

/**
 * One command for the whole transaction; its reply is EXEC's: an array, or a null array when a watched key
 * changed. Every command must be a read or a write that checkCommand() passed; local ones are the door's own
 * business.
 */
export function transactionCommand(watched: readonly WatchedKey[], commands: readonly Command[]): Command {
  const spec = isReadOnly(commands) ? internalCommands.execRead : internalCommands.exec
  return { spec, database: 0, args: encodeTransaction(watched, commands) }
}

/**
 * A read whose reply is an array of what the transaction compares (R14): the keys' modRevisions; of a key that
 * is absent or due, the negated revision of the state that says so.
 */
export function watchCommand(database: number, keys: readonly Buffer[]): Command {
  return { spec: internalCommands.watch, database, args: keys }
}
