/** GET /cluster/status in VikDB's form, and the words that it and /health use for roles. */
import type { FastifyInstance } from 'fastify'
import type { NodeStatus } from '../../../cluster/execute.ts'
import type { Door } from '../../door.ts'
import { sendJson } from '../compat.ts'

export function clusterStatusRoutes(app: FastifyInstance, door: Door): void {
  app.all('/cluster/status', { config: { isOpen: true } }, (_request, reply) =>
    sendJson(reply, 200, `${JSON.stringify(clusterStatus(door.executor.status()))}\n`),
  )
}

/** 'single-node' for a cluster of one, else Raft's; a learner follows, and who looks for a leader is a candidate. */
export function roleOf(status: NodeStatus): 'single-node' | 'leader' | 'follower' | 'candidate' {
  if (isSingle(status)) return 'single-node'
  if (status.role === 'leader') return 'leader'
  return status.role === 'follower' || status.role === 'learner' ? 'follower' : 'candidate'
}

function isSingle({ role, confState }: NodeStatus): boolean {
  return role !== 'forming' && confState.voters.length === 1 && confState.learners.length === 0
}

function clusterStatus(status: NodeStatus): Record<string, unknown> {
  if (isSingle(status)) return { mode: 'single-node', replication: false }
  return {
    is_leader: status.role === 'leader',
    node_id: status.name,
    replication: true,
    role: roleOf(status),
    term: status.term,
  }
}
