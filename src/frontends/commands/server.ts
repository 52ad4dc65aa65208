/** ROLE, STATUS, SHUTDOWN, LASTSAVE and MODULE: what the node says of itself, truthfully. */
import type { NodeStatus } from '../../cluster/execute.ts'
import {
  arrayReply,
  EMPTY_ARRAY_REPLY,
  integerReply,
  mapReply,
  OK_REPLY,
  textReply,
} from '../../protocol/reply.ts'
import { localCommand } from '../client.ts'
import { followersOf, hostOf, portOf } from '../replication.ts'
import { SYNTAX_ERROR } from '../resp/errors.ts'
import { helpOf } from './help.ts'
import { refusedSubcommands } from './refusals.ts'

const row = {
  group: 'server',
  flags: ['noscript', 'loading', 'stale'],
  categories: ['@admin', '@fast', '@dangerous'],
}

export const role = localCommand({
  ...row,
  name: 'role',
  arity: 1,
  since: '2.8.12',
  flags: ['noscript', 'loading', 'stale', 'fast'],
  summary: 'Is this node the leader, and where are the others?',
  run: (_client, _args, door) => {
    const status = door.executor.status()
    return status.role === 'leader' ? leaderRole(status) : followerRole(status)
  },
})

function leaderRole(status: NodeStatus): Buffer {
  const followers = followersOf(status).map((peer) =>
    arrayReply([
      textReply(hostOf(peer.redisAddress)),
      textReply(String(portOf(peer.redisAddress))),
      textReply(String(peer.matchIndex)),
    ]),
  )
  return arrayReply([textReply('master'), integerReply(status.commitIndex), arrayReply(followers)])
}

function followerRole(status: NodeStatus): Buffer {
  const address = status.leaderRedisAddress
  return arrayReply([
    textReply('slave'),
    textReply(hostOf(address)),
    integerReply(portOf(address)),
    textReply(status.leader === '' ? 'connect' : 'connected'),
    integerReply(status.appliedIndex),
  ])
}

export const status = localCommand({
  ...row,
  name: 'status',
  arity: 1,
  summary: "This node's name and role, the term and the leader.",
  run: (_client, _args, door) => {
    const now = door.executor.status()
    return mapReply([
      textReply('node_id'),
      textReply(now.name),
      textReply('role'),
      textReply(now.role === 'leader' ? 'primary' : 'secondary'),
      textReply('election_term'),
      integerReply(now.term),
      textReply('leader'),
      textReply(now.leader),
    ])
  },
})

export const shutdown = localCommand({
  ...row,
  name: 'shutdown',
  arity: -1,
  flags: ['admin', 'noscript', 'loading', 'stale', 'no_multi', 'allow_busy'],
  categories: ['@admin', '@slow', '@dangerous'],
  inTransaction: 'refuse',
  summary:
    'Ends this node: leadership is handed over first, unless NOW is given. Nothing is lost either way.',
  run: (client, args, door) => {
    const words = args.map((arg) => arg.toString('latin1').toUpperCase())
    if (words.some((word) => !['NOSAVE', 'SAVE', 'NOW', 'FORCE'].includes(word))) return SYNTAX_ERROR
    door.log('info', 'SHUTDOWN by a client', { client: client.peer })
    door.executor.shutdown(words.includes('NOW'))
    client.closeAfterReply()
    return OK_REPLY
  },
})

export const lastsave = localCommand({
  ...row,
  name: 'lastsave',
  arity: 1,
  flags: ['loading', 'stale', 'fast'],
  summary: 'The time of the last durable write: now, since every acknowledged write is durable.',
  run: (_client, _args, door) => integerReply(Math.floor(door.clock.wallMs() / 1000)),
})

export const module = localCommand({
  ...row,
  name: 'module',
  arity: -2,
  since: '4.0.0',
  flags: [],
  categories: ['@slow'],
  summary: 'A container for module commands.',
  subcommands: [
    localCommand({
      ...row,
      name: 'module|list',
      arity: 2,
      since: '4.0.0',
      flags: ['admin', 'noscript'],
      categories: ['@admin', '@slow', '@dangerous'],
      summary: 'There are no modules.',
      run: () => EMPTY_ARRAY_REPLY,
    }),
    ...refusedSubcommands('module'),
    helpOf('module', '5.0.0'),
  ],
})
