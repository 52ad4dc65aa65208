/**
 * PUBLISH and SPUBLISH: a message to the subscribers of every node, in the place of the log that the command got. No
 * state and no revision. The reply that all replicas agree on is 0; the door that the client is at puts the number of
 * its node's receivers there.
 */
import { integerReply } from '../../protocol/reply.ts'
import type { CommandContext } from '../context.ts'

const NO_RECEIVERS = integerReply(0)

/** PUBLISH channel message. */
export function publish(context: CommandContext, args: readonly Buffer[]): Buffer {
  const [channel, payload] = args as [Buffer, Buffer]
  context.effects.message(channel, payload, false)
  return NO_RECEIVERS
}

/** SPUBLISH channel message: the same among the channels of SSUBSCRIBE. */
export function spublish(context: CommandContext, args: readonly Buffer[]): Buffer {
  const [channel, payload] = args as [Buffer, Buffer]
  context.effects.message(channel, payload, true)
  return NO_RECEIVERS
}
