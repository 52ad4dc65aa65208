/**
 * Is the node alive, ready, the leader? Text for probes, JSON for people. Readable from everywhere without a
 * password; tells no keys and no values.
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { NodeStatus } from '../../cluster/execute.ts'
import type { Door } from '../door.ts'
import { REDIS_VERSION } from '../version.ts'

export function healthRoutes(app: FastifyInstance, door: Door): void {
  const config = { isOpen: true }
  // Alive means that this answers: it must not depend on a majority, or a partitioned node would be restarted
  // in a loop.
  app.get('/livez', { config }, (_request, reply) => sendText(reply, 200, 'ok\n'))
  app.get('/readyz', { config }, (_request, reply) => {
    const report = readiness(door)
    return sendText(reply, report.isReady ? 200 : 503, report.text)
  })
  app.get('/readyz/leader', { config }, (_request, reply) => {
    const isLeader = door.executor.status().role === 'leader' && readiness(door).isReady
    return sendText(reply, isLeader ? 200 : 503, isLeader ? 'leader\n' : 'not the leader\n')
  })
  app.get('/health', { config }, (_request, reply) => {
    const report = readiness(door)
    return reply.code(report.isReady ? 200 : 503).send(health(door, report.isReady))
  })
  app.get('/version', { config }, (_request, reply) => reply.send(version(door)))
}

/** One line per check: '[+]leader ok' or '[-]' and why not. */
export function readiness(door: Door): { isReady: boolean; text: string } {
  const status = door.executor.status()
  const lines = [
    door.isLeaving ? '[-]node leaves' : '[+]node ok',
    status.leader === '' ? '[-]leader unknown' : '[+]leader ok',
    status.quorum ? '[+]quorum ok' : '[-]quorum not reachable',
    status.space === 'ok' ? '[+]disk ok' : `[-]disk ${status.space}`,
    ...status.reasons.map((reason) => `[-]${reason}`),
  ]
  const isReady = status.ready && !door.isLeaving
  return { isReady, text: `${lines.join('\n')}\n${isReady ? 'ready' : 'not ready'}\n` }
}

function health(door: Door, isReady: boolean): Record<string, unknown> {
  const status = door.executor.status()
  return {
    status: isReady ? 'ok' : door.isLeaving ? 'leaving' : 'unavailable',
    role: status.role,
    node_id: status.name,
    leader: status.leader,
    is_leader: status.role === 'leader',
    term: status.term,
    ready: isReady,
    reasons: status.reasons,
    commit_index: status.commitIndex,
    applied_index: status.appliedIndex,
    members: status.peers.map((peer) => memberHealth(status, peer)),
    // Three sizes by the names that an earlier API used for them.
    memtable_size: status.counters.memtableBytes ?? 0,
    wal_size: status.counters.logBytes ?? 0,
    sstable_count: status.counters.tables ?? 0,
  }
}

function memberHealth(status: NodeStatus, peer: NodeStatus['peers'][number]): Record<string, unknown> {
  return {
    node_id: peer.member.name,
    voter: peer.voter,
    reachable: peer.reachable || peer.member.peerId === status.peerId,
  }
}

function version(door: Door): Record<string, unknown> {
  return {
    name: 'kvorum',
    version: door.executor.status().version,
    redis_version: REDIS_VERSION,
    node: process.version,
  }
}

function sendText(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).type('text/plain; charset=utf-8').send(text)
}
