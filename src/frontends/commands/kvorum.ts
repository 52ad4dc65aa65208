/**
 * KVORUM: the state of the cluster and changes to it, over the same connection as data (`kvorum status`,
 * `kvorum node`, `kvorum leader`). Any node takes them; a change is done by the leader, and answered when it
 * is done.
 */
import type { AdminRequest, NodeStatus } from '../../cluster/execute.ts'
import { arrayReply, errorReply, mapReply, OK_REPLY, textReply } from '../../protocol/reply.ts'
import { type Client, localCommand } from '../client.ts'
import type { Door } from '../door.ts'

const row = { group: 'server', flags: ['admin', 'noscript', 'loading', 'stale'], since: '1.0.0' }
const categories = ['@admin', '@slow', '@dangerous']

const NODE_HELP = errorReply(
  'ERR wanted KVORUM NODE LIST | ADD name host:port | REMOVE name | REPLACE old name host:port',
)
const LEADER_HELP = errorReply('ERR wanted KVORUM LEADER TRANSFER [name]')

const status = localCommand({
  ...row,
  categories,
  name: 'kvorum|status',
  arity: 2,
  summary: 'Everything this node says of itself and its cluster, as JSON.',
  run: (_client, _args, door) => textReply(JSON.stringify(door.executor.status())),
})

const node = localCommand({
  ...row,
  categories,
  name: 'kvorum|node',
  arity: -3,
  inTransaction: 'refuse',
  summary: 'Lists the members, or adds, removes or replaces one.',
  run: (client, args, door) => {
    const [verb = '', ...words] = args.map((arg) => arg.toString())
    if (verb.toUpperCase() === 'LIST' && words.length === 0) return memberList(door.executor.status())
    const request = nodeRequest(verb.toUpperCase(), words)
    return request === null ? NODE_HELP : administer(client, door, request)
  },
})

const leader = localCommand({
  ...row,
  categories,
  name: 'kvorum|leader',
  arity: -3,
  inTransaction: 'refuse',
  summary: 'Hands leadership to a node, or to the one that is furthest.',
  run: (client, args, door) => {
    const [verb = '', to, ...rest] = args.map((arg) => arg.toString())
    if (verb.toUpperCase() !== 'TRANSFER' || rest.length > 0) return LEADER_HELP
    return administer(client, door, { kind: 'transferLeader', to: to ?? null })
  },
})

export const kvorum = localCommand({
  ...row,
  name: 'kvorum',
  arity: -2,
  categories: ['@slow'],
  summary: 'A container for commands about the cluster.',
  subcommands: [status, node, leader],
})

/** What the words ask for, or null when they ask for nothing that there is. */
function nodeRequest(verb: string, words: readonly string[]): AdminRequest | null {
  const [first = '', second = '', third = ''] = words
  if (words.some((word) => word === '')) return null
  if (verb === 'ADD' && words.length === 2) return { kind: 'addNode', name: first, peerAddress: second }
  if (verb === 'REMOVE' && words.length === 1) return { kind: 'removeNode', name: first }
  if (verb !== 'REPLACE' || words.length !== 3) return null
  return { kind: 'replaceNode', old: first, name: second, peerAddress: third }
}

/** The reply comes when the leader is done; commands behind it on this connection see the change. */
function administer(client: Client, door: Door, request: AdminRequest): null {
  const answer = client.promise()
  client.block()
  door.log('info', 'A client asks for a change of the cluster', { client: client.peer, ...request })
  door.executor.admin(request, (error) => {
    answer.answer(error === null ? OK_REPLY : errorReply(`ERR ${error}`))
    client.unblock()
  })
  return null
}

function memberList(now: NodeStatus): Buffer {
  return arrayReply(
    now.peers.map((peer) =>
      mapReply(
        [
          ['name', peer.member.name],
          ['role', peer.member.name === now.leader ? 'leader' : peer.voter ? 'follower' : 'learner'],
          ['state', peer.reachable ? 'up' : 'down'],
          ['peer_address', peer.member.peerAddress],
          ['redis_address', peer.redisAddress],
        ].flatMap(([name = '', value = '']) => [textReply(name), textReply(value)]),
      ),
    ),
  )
}
