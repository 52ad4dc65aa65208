/**
 * Is the node alive, ready, the leader? Text for probes, JSON for people. Readable from everywhere without a
 * password; tells no keys and no values.
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { NodeStatus } from '../../../cluster/execute.ts'
import type { Door } from '../../door.ts'
import { REDIS_VERSION } from '../../version.ts'
import { sendJson } from '../compat.ts'
import { roleOf } from '../vik/status.ts'
import { livenessReport, type Report, readinessReport } from './readiness.ts'

/** ?verbose has a value or none; ?exclude may come more than once. */
interface Query {
  readonly verbose?: string | string[]
  readonly exclude?: string | string[]
}

export function healthRoutes(app: FastifyInstance, door: Door): void {
  const config = { isOpen: true }
  app.get<{ Querystring: Query }>('/livez', { config }, (request, reply) =>
    sendReport(reply, livenessReport(), request.query),
  )
  app.get<{ Querystring: Query }>('/readyz', { config }, (request, reply) =>
    sendReport(reply, readinessReport(door, listOf(request.query.exclude)), request.query),
  )
  app.get('/readyz/leader', { config }, (_request, reply) => sendLeadership(reply, door))
  // Answers 200 as VikDB does, whatever it has to say: reads go on where writes cannot. Balancers ask /readyz.
  app.all('/health', { config }, (_request, reply) =>
    sendJson(reply, 200, `${JSON.stringify(health(door, readinessReport(door).isOk))}\n`),
  )
  app.get('/version', { config }, (_request, reply) => reply.send(version(door)))
}

/** The lines are for people: a check that passed says only so, unless asked for more. */
function sendReport(reply: FastifyReply, { isOk, text }: Report, { verbose }: Query): FastifyReply {
  return sendText(reply, isOk ? 200 : 503, isOk && verbose === undefined ? 'ok\n' : text)
}

/** 200 on the leader only, and only while it is ready: what a balancer sends writes to. */
function sendLeadership(reply: FastifyReply, door: Door): FastifyReply {
  const { role, leader, leaderHttpAddress } = door.executor.status()
  if (role !== 'leader') {
    const known = leader === '' ? 'no leader is known' : `${leader} leads, at ${leaderHttpAddress}`
    return sendText(reply, 503, `not the leader: ${known}\n`)
  }
  const report = readinessReport(door)
  return sendText(reply, report.isOk ? 200 : 503, report.isOk ? 'leader\n' : report.text)
}

function listOf(value: string | string[] | undefined): string[] {
  return value === undefined ? [] : [value].flat()
}

function health(door: Door, isReady: boolean): Record<string, unknown> {
  const status = door.executor.status()
  return {
    status: isReady ? 'healthy' : 'unhealthy',
    memtable_size: status.counters.memtable_bytes ?? 0,
    wal_size: status.counters.log_bytes ?? 0,
    sstable_count: status.counters.tables ?? 0,
    role: roleOf(status),
    node_id: status.name,
    leader: status.leader,
    is_leader: status.role === 'leader',
    term: status.term,
    is_leaving: door.isLeaving,
    reasons: status.reasons,
    commit_index: status.commitIndex,
    applied_index: status.appliedIndex,
    members: status.peers.map((peer) => memberHealth(status, peer)),
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
