/**
 * EXEC and WATCH as the engine sees them: a transaction is one command that brings along what it compares.
 */
import { arrayReply, integerReply, NULL_ARRAY_REPLY } from '../../protocol/reply.ts'
import { decodeInner, decodeWatched } from '../../protocol/transaction.ts'
import type { CommandContext } from '../context.ts'

/**
 * Replies of all commands in order, or a null array when a watched key changed. An error in one stops no
 * other.
 */
export function exec(context: CommandContext, args: readonly Buffer[]): Buffer {
  for (const { database, modRevision, key } of decodeWatched(args)) {
    if (context.hasChangedSince(database, key, modRevision)) return NULL_ARRAY_REPLY
  }
  return arrayReply(decodeInner(args).map((command) => context.runInner(command)))
}

/** What EXEC compares of keys of one database: modRevisions, or of absent keys the negated revision. */
export function watch(context: CommandContext, args: readonly Buffer[]): Buffer {
  return arrayReply(args.map((key) => integerReply(context.watchTokenOf(context.database, key))))
}
