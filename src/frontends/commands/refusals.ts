/**
 * Commands of Redis' replication, cluster and Sentinel: refused with what to do instead, not as unknown.
 * SENTINEL must fail on the data port: tools take a node that answers it for a Sentinel.
 */
import { errorReply } from '../../protocol/reply.ts'
import { type LocalCommand, localCommand } from '../client.ts'

const REPLICATION = ['replicaof', 'slaveof', 'sync', 'psync', 'replconf', 'failover', 'migrate'] as const
const CLUSTER = ['cluster', 'readonly', 'readwrite', 'asking'] as const

const NO_CLUSTER = errorReply('ERR This instance has cluster support disabled')
const NO_SENTINEL = errorReply(
  'ERR this is no Sentinel: every node takes every command and forwards it to the leader',
)

function refusal(name: string, reply: Buffer, summary: string): LocalCommand {
  return localCommand({
    name,
    arity: -1,
    group: 'cluster',
    flags: ['admin', 'noscript', 'stale'],
    categories: ['@admin', '@slow'],
    inTransaction: 'refuse',
    summary,
    run: () => reply,
  })
}

export const refusals: readonly LocalCommand[] = [
  ...REPLICATION.map((name) =>
    refusal(
      name,
      errorReply(`ERR ${name.toUpperCase()} is not used here: replication is Raft; see 'kvorum node --help'`),
      'Not used here: replication is Raft.',
    ),
  ),
  ...CLUSTER.map((name) => refusal(name, NO_CLUSTER, 'Not used here: one group holds all keys.')),
  refusal('sentinel', NO_SENTINEL, 'Not used here: failover needs no Sentinel.'),
]
