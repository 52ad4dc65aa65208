/** A command that takes effect once (protocol/once.ts): its first reply is remembered, and repeats get it. */
import { decodeOnce, encodeOnceReply } from '../../protocol/once.ts'
import { errorCodeReply, isErrorReply } from '../../protocol/reply.ts'
import type { CommandContext } from '../context.ts'

const REUSED = errorCodeReply('IDEMPOTENCY_REUSED')
/** What a repeat gets in the place of a reply that was too large to be kept. */
const NOT_KEPT = errorCodeReply('REPLY_NOT_KEPT')

/** An error that changed nothing is not remembered: a repeat may fare better. */
export function once(context: CommandContext, args: readonly Buffer[]): Buffer {
  const { idempotency, command } = decodeOnce(args)
  const known = context.idempotency.recall(context, idempotency)
  if (known.kind === 'conflict') return REUSED
  if (known.kind === 'executed')
    return known.reply.equals(NOT_KEPT) ? NOT_KEPT : encodeOnceReply(true, known.reply)
  const { staged } = context
  const reply = context.runInner(command)
  if (isErrorReply(reply) && context.staged === staged) return reply
  context.idempotency.remember(context, idempotency, reply, NOT_KEPT)
  return encodeOnceReply(false, reply)
}
