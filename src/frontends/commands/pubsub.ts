/** PUBLISH and SPUBLISH as clients see them, and PUBSUB: who is subscribed on this node. */
import { commandTable } from '../../engine/command-table.ts'
import { globMatches } from '../../engine/glob.ts'
import { must } from '../../lib/assert.ts'
import { toByteString } from '../../lib/bytes.ts'
import { arrayReply, bulkReply, integerReply, isErrorReply, simpleReply } from '../../protocol/reply.ts'
import { type LocalCommand, localCommand, type RemotePart } from '../client.ts'
import type { Audiences } from '../pubsub/subscriptions.ts'
import { wrongSubcommand } from '../resp/errors.ts'

const HELP = [
  'PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:',
  'CHANNELS [<pattern>]',
  "    Return the currently active channels matching a <pattern> (default: '*').",
  'NUMPAT',
  '    Return number of subscriptions to patterns.',
  'NUMSUB [<channel> ...]',
  '    Return the number of subscribers for the specified channels, excluding',
  '    pattern subscriptions(default: no channels).',
  'SHARDCHANNELS [<pattern>]',
  "    Return the currently active shard level channels matching a <pattern> (default: '*').",
  'SHARDNUMSUB [<shardchannel> ...]',
  '    Return the number of subscribers for the specified shard level channel(s)',
  'HELP',
  '    Prints this help.',
]
const EVERYTHING = Buffer.from('*')

/**
 * The executor's reply is the same on every node; the client is told how many subscribers of this node got the message.
 * The answer comes right behind the delivery (cluster/applier.ts), so the number is that of this message.
 */
const finish: RemotePart['finish'] = (reply, door) =>
  isErrorReply(reply) ? reply : integerReply(door.pubsub.takeReceivers())

function publishing(name: 'publish' | 'spublish'): LocalCommand {
  const spec = must(commandTable.get(name), name)
  return {
    ...localCommand({ name, arity: spec.arity, summary: spec.summary, remote: { spec, finish } }),
    spec,
    run: (client, args, door) => {
      const answer = client.promise()
      client.ask({ spec, database: client.database, args }, (reply) => answer.answer(finish(reply, door)))
      return null
    },
  }
}

export const publish = publishing('publish')
export const spublish = publishing('spublish')

const row = {
  group: 'pubsub',
  flags: ['pubsub', 'loading', 'stale'],
  categories: ['@pubsub', '@slow'],
}

function listing(name: string, kind: 'channel' | 'shard', since: string, summary: string): LocalCommand {
  return localCommand({
    ...row,
    name: `pubsub|${name}`,
    arity: -2,
    since,
    summary,
    run: (_client, args, door) => {
      if (args.length > 1) return wrongSubcommand('pubsub', name)
      return channelsLike(door.pubsub.subscriptions[kind], args[0] ?? EVERYTHING)
    },
  })
}

function counting(name: string, kind: 'channel' | 'shard', since: string, summary: string): LocalCommand {
  return localCommand({
    ...row,
    name: `pubsub|${name}`,
    arity: -2,
    since,
    summary,
    run: (_client, args, door) => {
      const audiences = door.pubsub.subscriptions[kind]
      const count = (channel: Buffer): number => audiences.get(toByteString(channel))?.clients.size ?? 0
      return arrayReply(args.flatMap((channel) => [bulkReply(channel), integerReply(count(channel))]))
    },
  })
}

export const pubsub = localCommand({
  name: 'pubsub',
  arity: -2,
  since: '2.8.0',
  group: 'pubsub',
  flags: [],
  categories: ['@slow'],
  summary: 'A container for commands about subscriptions.',
  subcommands: [
    listing('channels', 'channel', '2.8.0', 'The channels that clients of this node subscribed to.'),
    counting('numsub', 'channel', '2.8.0', 'How many clients of this node subscribed to each channel.'),
    localCommand({
      ...row,
      name: 'pubsub|numpat',
      arity: 2,
      since: '2.8.0',
      summary: 'How many patterns clients of this node subscribed to.',
      run: (_client, _args, door) => integerReply(door.pubsub.subscriptions.pattern.size),
    }),
    listing('shardchannels', 'shard', '7.0.0', 'The shard channels that clients of this node subscribed to.'),
    counting(
      'shardnumsub',
      'shard',
      '7.0.0',
      'How many clients of this node subscribed to each shard channel.',
    ),
    localCommand({
      ...row,
      name: 'pubsub|help',
      arity: 2,
      since: '6.2.0',
      flags: ['loading', 'stale'],
      categories: ['@slow'],
      summary: 'Explains the subcommands of PUBSUB.',
      run: () => arrayReply(HELP.map(simpleReply)),
    }),
  ],
})

function channelsLike(audiences: Audiences, pattern: Buffer): Buffer {
  const names = [...audiences.values()].map(({ name }) => name)
  return arrayReply(names.filter((name) => globMatches(pattern, name)).map(bulkReply))
}
