/**
 * The series that dashboards and alerts made for redis_exporter read, by its names: every value is true of this node.
 * A cluster is one replicated server, so the leader is the master and its followers are its replicas.
 */
import { platform, release, totalmem } from 'node:os'
import { runId } from '../../commands/info.ts'
import { followersOf, redisRole } from '../../replication.ts'
import { REDIS_VERSION } from '../../version.ts'
import { calledCommands } from './door-families.ts'
import {
  counted,
  counter,
  counters,
  databases,
  type Family,
  flag,
  gauge,
  gauges,
  type Sample,
  type Scrape,
} from './family.ts'

const INSTANCE = [
  'role',
  'redis_version',
  'redis_mode',
  'os',
  'maxmemory_policy',
  'tcp_port',
  'run_id',
  'process_id',
]

const server: readonly Family[] = [
  gauge('redis_up', '1: the node answers.', () => 1),
  gauges('redis_instance_info', 'What INFO says of the server.', INSTANCE, instanceInfo),
  gauge(
    'redis_uptime_in_seconds',
    'Time since the doors opened.',
    ({ door }) => (door.clock.monotonicMs() - door.startedAtMs) / 1000,
  ),
  gauge(
    'redis_connected_clients',
    'Connected clients, whatever they speak.',
    ({ door }) => door.clients.all.size,
  ),
  gauge('redis_blocked_clients', 'Clients that wait in a blocking command.', blockedClients),
  gauge('redis_config_maxclients', 'The setting max-clients.', ({ door }) => door.tuning.maxClients),
  counter(
    'redis_connections_received_total',
    'Connections accepted.',
    ({ door }) => door.stats.connectionsReceived,
  ),
  counter(
    'redis_rejected_connections_total',
    'Connections refused.',
    ({ door }) => door.stats.connectionsRejected,
  ),
  gauge('redis_slowlog_length', 'Entries in the slow log.', ({ door }) => door.slow.log.entries.length),
]

const memory: readonly Family[] = [
  gauge('redis_memory_used_bytes', 'Heap and buffers in use.', () => usedMemory()),
  gauge('redis_memory_used_rss_bytes', 'Resident memory of the process.', () => process.memoryUsage.rss()),
  gauge('redis_memory_max_bytes', 'The limit of memory; 0: data lives on disk, none is set.', () => 0),
  gauge('redis_memory_fragmentation_ratio', 'Resident memory by memory in use.', () => {
    return process.memoryUsage.rss() / usedMemory()
  }),
  gauge('redis_total_system_memory_bytes', 'Memory of the machine.', () => totalmem()),
]

const traffic: readonly Family[] = [
  counter('redis_commands_processed_total', 'Commands of Redis clients.', ({ door }) => door.stats.commands),
  counters('redis_commands_total', 'Executed commands by name.', ['cmd'], callsByCommand),
  counters('redis_command_calls_total', 'Executed commands by name.', ['cmd'], callsByCommand),
  counters(
    'redis_commands_duration_seconds_total',
    'Time from reading a command to knowing its reply, by name.',
    ['cmd'],
    (scrape) => calledCommands(scrape).map(({ spec, stats }) => [[spec.name], stats.seconds]),
  ),
  counter(
    'redis_net_input_bytes_total',
    'Bytes received from Redis clients.',
    ({ door }) => door.stats.bytesIn,
  ),
  counter('redis_net_output_bytes_total', 'Bytes sent to Redis clients.', ({ door }) => door.stats.bytesOut),
]

const keyspace: readonly Family[] = [
  counter('redis_keyspace_hits_total', 'Lookups of reads that found their key.', counted('keyspace_hits')),
  counter('redis_keyspace_misses_total', 'Lookups of reads that found no key.', counted('keyspace_misses')),
  gauges('redis_db_keys', 'Keys by database.', ['db'], ({ status }) =>
    databases(status).map(({ database, keys }) => [[`db${database}`], keys]),
  ),
  gauges('redis_db_keys_expiring', 'Keys that have a time to live, by database.', ['db'], ({ status }) =>
    databases(status).map(({ database, expires }) => [[`db${database}`], expires]),
  ),
  counter('redis_expired_keys_total', 'Keys deleted because their time had come.', counted('expired_keys')),
  counter('redis_evicted_keys_total', 'Keys evicted; none ever is.', () => 0),
]

const replication: readonly Family[] = [
  gauge('redis_connected_slaves', 'Followers that the leader reaches; 0 elsewhere.', ({ status }) =>
    redisRole(status) === 'master' ? followersOf(status).length : 0,
  ),
  gauge(
    'redis_master_last_io_seconds_ago',
    'Time since the leader was last heard; only on followers.',
    sinceLeaderHeard,
  ),
  gauge(
    'redis_rdb_last_save_timestamp_seconds',
    'Every acknowledged write is on disk: always now.',
    ({ door }) => Math.floor(door.clock.wallMs() / 1000),
  ),
  gauge('redis_cluster_state', '1 while a leader and a majority are known.', ({ status }) =>
    flag(status.quorum && status.leader !== ''),
  ),
  gauge('redis_cluster_slots_fail', 'Always 0: there are no slots.', () => 0),
  gauge('redis_cluster_slots_pfail', 'Always 0: there are no slots.', () => 0),
]

export const redisFamilies: readonly Family[] = [
  ...server,
  ...memory,
  ...traffic,
  ...keyspace,
  ...replication,
]

function instanceInfo({ door, status }: Scrape): Sample[] {
  const role = redisRole(status)
  const os = `${platform()} ${release()} ${process.arch}`
  const labels = [role, REDIS_VERSION, 'standalone', os, 'noeviction', String(door.redisPort)]
  return [[[...labels, runId(status.bootId), String(process.pid)], 1]]
}

function callsByCommand(scrape: Scrape): Sample[] {
  return calledCommands(scrape).map(({ spec, stats }) => [[spec.name], stats.calls])
}

function blockedClients({ door }: Scrape): number {
  let blocked = 0
  for (const client of door.clients.resp.values()) if (client.unblocker !== null) blocked++
  return blocked
}

function usedMemory(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function sinceLeaderHeard({ status }: Scrape): number {
  const leader = status.peers.find((peer) => peer.member.name === status.leader)
  const isOther = leader !== undefined && leader.member.peerId !== status.peerId
  return isOther && Number.isFinite(leader.lastHeardMs) ? leader.lastHeardMs / 1000 : Number.NaN
}
