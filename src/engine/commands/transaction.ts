/**
 * EXEC and WATCH as the engine sees them: a transaction is one command that brings along what it compares.
 */
import { limits } from '../../protocol/limits.ts'
import { arrayReply, errorCodeReply, integerReply, NULL_ARRAY_REPLY } from '../../protocol/reply.ts'
import { decodeInner, decodeWatched } from '../../protocol/transaction.ts'
import { CommandAborted } from '../abort.ts'
import type { CommandContext } from '../context.ts'

const TOO_LARGE = errorCodeReply(
  'TOO_LARGE',
  `the replies of a transaction exceed ${limits.multipleReplyBytes} bytes; it was not executed`,
)

/**
 * Replies of all commands in order, or a null array when a watched key changed. An error in one stops no
 * other.
 */
export function exec(context: CommandContext, args: readonly Buffer[]): Buffer {
  for (const { database, modRevision, key } of decodeWatched(args)) {
    if (context.hasChangedSince(database, key, modRevision)) return NULL_ARRAY_REPLY
  }
  let bytes = 0
  const replies = decodeInner(args).map((command) => {
    const reply = context.runInner(command)
    bytes += reply.length
    if (bytes > limits.multipleReplyBytes) throw new CommandAborted(TOO_LARGE)
    return reply
  })
  return arrayReply(replies)
}

/** What EXEC compares of keys of one database: modRevisions, or of absent keys the negated revision. */
export function watch(context: CommandContext, args: readonly Buffer[]): Buffer {
  return arrayReply(args.map((key) => integerReply(context.watchTokenOf(context.database, key))))
}
