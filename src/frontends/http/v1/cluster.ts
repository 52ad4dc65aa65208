/** /v1/cluster: who is in the cluster, and changes to it. Any node takes them; the leader makes them. */
import type { AdminRequest, NodeStatus, PeerStatus } from '../../../cluster/execute.ts'
import { ProblemError } from '../problem.ts'
import type { ApiRoute, Content, Schema } from './api.ts'
import type { Call } from './call.ts'
import { Fields } from './fields.ts'
import { reference } from './openapi.ts'
import { jsonBody } from './txn.ts'

/** The largest body here: two names. */
const BODY_BYTES = 16 * 1024

const nodeName = {
  name: 'name',
  in: 'path',
  description: 'The name of a member.',
  schema: { type: 'string' },
} as const

function json(description: string, schema: Schema): Content {
  return { description, media: { 'application/json': schema } }
}

export const clusterRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path: '/v1/cluster',
    id: 'getCluster',
    tag: 'cluster',
    summary: 'The cluster as this node sees it',
    description: 'Answered by the node alone: also without a leader.',
    parameters: [],
    body: null,
    replies: { 200: json('The cluster and its members.', reference('Cluster')) },
    problems: [],
    bodyBytes: 0,
    handle: (call) => call.json(200, clusterJson(call.door.executor.status())),
  },
  {
    method: 'GET',
    path: '/v1/cluster/nodes',
    id: 'listNodes',
    tag: 'cluster',
    summary: 'The members',
    description: '',
    parameters: [],
    body: null,
    replies: { 200: json('The members.', { type: 'array', items: reference('Node') }) },
    problems: [],
    bodyBytes: 0,
    handle: (call) => call.json(200, nodesJson(call.door.executor.status())),
  },
  {
    method: 'POST',
    path: '/v1/cluster/nodes',
    id: 'addNode',
    tag: 'cluster',
    summary: 'Adds a node',
    description: 'It is started first, without data, and waits to be added. Answered when it is a voter.',
    parameters: [],
    body: { ...json('Its name and the address of its peer port.', reference('NewNode')) },
    replies: { 204: { description: 'It is a member.', media: {} } },
    problems: ['COMMAND_FAILED', 'UNSUPPORTED_TYPE'],
    bodyBytes: BODY_BYTES,
    handle: (call) => administer(call, { kind: 'addNode', ...nodeOf(call) }),
  },
  {
    method: 'DELETE',
    path: '/v1/cluster/nodes/{name}',
    id: 'removeNode',
    tag: 'cluster',
    summary: 'Removes a member',
    description: '',
    parameters: [nodeName],
    body: null,
    replies: { 204: { description: 'It is no member any more.', media: {} } },
    problems: ['COMMAND_FAILED'],
    bodyBytes: 0,
    handle: (call) => administer(call, { kind: 'removeNode', name: nameOf(call) }),
  },
  {
    method: 'POST',
    path: '/v1/cluster/nodes/{name}/replace',
    id: 'replaceNode',
    tag: 'cluster',
    summary: 'Lets a new or wiped node take over from a member',
    description: '',
    parameters: [nodeName],
    body: json('The node that takes over; it may have the same name.', reference('Replacement')),
    replies: { 204: { description: 'It has taken over.', media: {} } },
    problems: ['COMMAND_FAILED', 'UNSUPPORTED_TYPE'],
    bodyBytes: BODY_BYTES,
    handle: (call) => administer(call, { kind: 'replaceNode', old: nameOf(call), ...nodeOf(call) }),
  },
  {
    method: 'POST',
    path: '/v1/cluster/leader',
    id: 'transferLeader',
    tag: 'cluster',
    summary: 'Hands leadership to a member, or to the one that is furthest',
    description: '',
    parameters: [],
    body: json('`to`: the name of a member.', reference('Transfer')),
    replies: { 204: { description: 'It leads.', media: {} } },
    problems: ['COMMAND_FAILED', 'UNSUPPORTED_TYPE'],
    bodyBytes: BODY_BYTES,
    handle: (call) => {
      const to = new Fields('the body', jsonBody(call), ['to']).text('to')
      administer(call, { kind: 'transferLeader', to })
    },
  },
]

function nodeOf(call: Call): { name: string; peerAddress: string } {
  const fields = new Fields('the body', jsonBody(call), ['name', 'peer_address'])
  return { name: required(fields, 'name'), peerAddress: required(fields, 'peer_address') }
}

function required(fields: Fields, name: string): string {
  const text = fields.text(name) ?? ''
  if (text === '') throw new ProblemError('BAD_REQUEST', `the body wants ${name}`)
  return text
}

function nameOf(call: Call): string {
  return (call.request.params as { readonly name: string }).name
}

function administer(call: Call, request: AdminRequest): void {
  const { executor, log } = call.door
  if (executor.position().leader === '') return call.refuse('NO_LEADER')
  log('info', 'A client asks for a change of the cluster', { client: call.request.ip, ...request })
  executor.admin(request, (error) => {
    call.guard(() => {
      if (error === null) call.empty(204)
      else call.refuse('COMMAND_FAILED', error)
    })
  })
}

function clusterJson(status: NodeStatus): Record<string, unknown> {
  return {
    cluster_id: status.clusterId,
    node: status.name,
    leader: status.leader === '' ? null : status.leader,
    term: status.term,
    revision: status.revision,
    quorum: status.quorum,
    nodes: nodesJson(status),
  }
}

/** What is known to be on its disk: of others at the leader only. */
function matchIndexOf(status: NodeStatus, { member, matchIndex }: PeerStatus): number | null {
  if (member.peerId === status.peerId) return status.lastIndex
  return status.role === 'leader' ? matchIndex : null
}

function nodesJson(status: NodeStatus): Record<string, unknown>[] {
  return status.peers.map((peer) => ({
    name: peer.member.name,
    role: peer.member.name === status.leader ? 'leader' : peer.voter ? 'follower' : 'learner',
    reachable: peer.reachable,
    peer_address: peer.member.peerAddress,
    redis_address: peer.redisAddress,
    http_address: peer.httpAddress,
    match_index: matchIndexOf(status, peer),
  }))
}
