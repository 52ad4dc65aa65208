/** Commands that the cluster proposes by itself. */
import { integerReply, OK_REPLY } from '../../protocol/reply.ts'
import type { CommandContext } from '../context.ts'
import { decodeDueKey } from '../expiry-index.ts'

/** R12: deletes those of the given keys that are due by the stamp and unchanged; their number. */
export function expireDue(context: CommandContext, args: readonly Buffer[]): Buffer {
  let count = 0
  for (const arg of args) if (context.expire(decodeDueKey(arg))) count++
  return integerReply(count)
}

/** Takes a place in the log and in its session, and nothing more. */
export function noop(): Buffer {
  return OK_REPLY
}

/**
 * R6: from here on commands that grow data are refused, or no longer. Not a change of the keyspace: no
 * revision.
 */
export function growth(context: CommandContext, args: readonly Buffer[]): Buffer {
  context.growthRefused = (args[0] as Buffer)[0] === 1
  return OK_REPLY
}

/** The argument of growth(). */
export function encodeGrowth(refused: boolean): Buffer {
  return Buffer.from([refused ? 1 : 0])
}
