/**
 * SUBSCRIBE, PSUBSCRIBE, SSUBSCRIBE and their ends. A subscription takes effect at an index that the leader has
 * confirmed, as a read does: nothing that was published before is delivered, and everything that is published after the
 * reply is. Without a majority it is refused, as a read is.
 */
import { transactionCommand } from '../../engine/transaction.ts'
import { limits } from '../../protocol/limits.ts'
import { errorReply, isErrorReply } from '../../protocol/reply.ts'
import { type Client, type LocalCommand, localCommand } from '../client.ts'
import type { Door } from '../door.ts'
import type { SubscriptionKind } from '../pubsub/subscriptions.ts'

const row = {
  group: 'pubsub',
  flags: ['pubsub', 'noscript', 'loading', 'stale'],
  categories: ['@pubsub', '@slow'],
}
/** Shard channels have a place as keys have, for clients that look for one. */
const SHARD_CHANNELS = [1, -1, 1] as const

const TOO_MANY = errorReply(
  `ERR too many subscriptions: a connection has at most ${limits.subscriptions}, all of a node share ${limits.subscriptionBytes} bytes`,
)

/** A read of nothing: its answer says that this node has applied all that was committed when it was asked. */
const BARRIER = transactionCommand([], [])

function subscribing(name: string, kind: SubscriptionKind, since: string, summary: string): LocalCommand {
  const atRead = (client: Client, names: readonly Buffer[], door: Door): Buffer => {
    const { pubsub } = door
    if (pubsub.subscriptions.isTooMuch(client, names)) return TOO_MANY
    return pubsub.subscribe(client, kind, names)
  }
  return localCommand({
    ...row,
    name,
    arity: -2,
    ...(kind === 'shard' ? { keys: SHARD_CHANNELS } : {}),
    since,
    summary,
    runAtRead: atRead,
    run: (client, args, door) => {
      const answer = client.promise()
      client.block()
      client.ask(BARRIER, (reply) => {
        const isOver = isErrorReply(reply) || client.session.closed
        answer.answer(isOver ? reply : atRead(client, args, door))
        client.unblock()
      })
      return null
    },
  })
}

function unsubscribing(name: string, kind: SubscriptionKind, since: string, summary: string): LocalCommand {
  return localCommand({
    ...row,
    name,
    arity: -1,
    ...(kind === 'shard' ? { keys: SHARD_CHANNELS } : {}),
    since,
    summary,
    run: (client, args, door) => door.pubsub.unsubscribe(client, kind, args),
  })
}

/** All six, for the command table. */
export const subscriptionCommands: readonly LocalCommand[] = [
  subscribing('subscribe', 'channel', '2.0.0', 'Subscribes to channels.'),
  subscribing('psubscribe', 'pattern', '2.0.0', 'Subscribes to the channels that match patterns.'),
  subscribing('ssubscribe', 'shard', '7.0.0', 'Subscribes to shard channels.'),
  unsubscribing('unsubscribe', 'channel', '2.0.0', 'Ends subscriptions to channels, or all of them.'),
  unsubscribing('punsubscribe', 'pattern', '2.0.0', 'Ends subscriptions to patterns, or all of them.'),
  unsubscribing('sunsubscribe', 'shard', '7.0.0', 'Ends subscriptions to shard channels, or all of them.'),
]
