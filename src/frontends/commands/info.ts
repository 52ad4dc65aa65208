/**
 * INFO: the fields that clients, proxies and exporters read (each true of this node), in Redis' sections, and
 * a section of our own.
 */
import { createHash } from 'node:crypto'
import { availableParallelism, freemem, platform, release, totalmem } from 'node:os'
import type { NodeStatus } from '../../cluster/execute.ts'
import { keptScripts } from '../../engine/scripts/compiled.ts'
import { verbatimReply } from '../../protocol/reply.ts'
import { localCommand } from '../client.ts'
import type { Door } from '../door.ts'
import type { CommandEntry } from '../registry/commands.ts'
import { followersOf, hostOf, portOf, redisRole } from '../replication.ts'
import { REDIS_VERSION } from '../version.ts'

const PERCENTILES = [50, 99, 99.9]

type Fields = readonly (readonly [name: string, value: string | number])[]
type Section = (door: Door, status: NodeStatus) => Fields

export const info = localCommand({
  name: 'info',
  arity: -1,
  flags: ['loading', 'stale'],
  group: 'server',
  categories: ['@slow', '@dangerous'],
  summary: 'Facts about this node, in sections.',
  run: (_client, args, door) => {
    const status = door.executor.status()
    const texts = chosenSections(args).map((name) => sectionText(name, door, status))
    return verbatimReply('txt', texts.join('\r\n'))
  },
})

const sections: ReadonlyMap<string, Section> = new Map<string, Section>([
  ['server', server],
  ['clients', clients],
  ['memory', memory],
  ['persistence', persistence],
  ['stats', stats],
  ['replication', replication],
  ['cpu', cpu],
  ['modules', () => []],
  ['commandstats', commandStats],
  ['errorstats', errorStats],
  ['latencystats', latencyStats],
  ['cluster', () => [['cluster_enabled', 0]]],
  ['keyspace', keyspace],
  ['raft', raft],
])

const TITLES: Readonly<Record<string, string>> = { cpu: 'CPU' }

/** Only when asked for, or with `all`, as in Redis. */
const LONG_SECTIONS = new Set(['commandstats', 'latencystats'])

/** Unknown sections are left out, as in Redis. */
function chosenSections(args: readonly Buffer[]): string[] {
  const words = new Set(args.map((arg) => arg.toString('latin1').toLowerCase()))
  const isAll = words.has('all') || words.has('everything')
  const isDefault = words.size === 0 || words.has('default')
  return [...sections.keys()].filter(
    (name) => isAll || words.has(name) || (isDefault && !LONG_SECTIONS.has(name)),
  )
}

function sectionText(name: string, door: Door, status: NodeStatus): string {
  const title = TITLES[name] ?? name.charAt(0).toUpperCase() + name.slice(1)
  const fields = sections.get(name)?.(door, status) ?? []
  return `# ${title}\r\n${fields.map(([field, value]) => `${field}:${value}\r\n`).join('')}`
}

function server(door: Door, status: NodeStatus): Fields {
  const upSeconds = Math.floor((door.clock.monotonicMs() - door.startedAtMs) / 1000)
  const micros = Math.floor(door.clock.wallMs() * 1000)
  return [
    ['redis_version', REDIS_VERSION],
    ['redis_mode', 'standalone'],
    ['kvorum_version', status.version],
    ['kvorum_node', status.name],
    ['os', `${platform()} ${release()} ${process.arch}`],
    ['arch_bits', 64],
    ['multiplexing_api', 'libuv'],
    ['process_id', process.pid],
    ['run_id', runId(status.bootId)],
    ['tcp_port', door.redisPort],
    ['http_port', door.httpPort],
    ['server_time_usec', micros],
    ['uptime_in_seconds', upSeconds],
    ['uptime_in_days', Math.floor(upSeconds / 86_400)],
    ['hz', 10],
    ['configured_hz', 10],
    ['executable', process.execPath],
    ['config_file', door.config.configFile],
  ]
}

function clients(door: Door): Fields {
  let blocked = 0
  let outputMax = 0
  let watching = 0
  for (const client of door.clients.all.values()) outputMax = Math.max(outputMax, client.replyBytes)
  for (const client of door.clients.resp.values()) {
    if (client.unblocker !== null) blocked++
    if (client.watched.size > 0) watching++
  }
  return [
    ['connected_clients', door.clients.all.size],
    ['cluster_connections', 0],
    ['maxclients', door.tuning.maxClients],
    ['client_recent_max_input_buffer', 0],
    ['client_recent_max_output_buffer', outputMax],
    ['blocked_clients', blocked],
    ['tracking_clients', door.tracking.clientCount],
    ['pubsub_clients', door.pubsub.subscriptions.clients().size],
    ['watching_clients', watching],
  ]
}

function memory(): Fields {
  const { rss, heapUsed, external } = process.memoryUsage()
  const used = heapUsed + external
  const peakBytes = process.resourceUsage().maxRSS * 1024
  return [
    ['used_memory', used],
    ['used_memory_human', human(used)],
    ['used_memory_rss', rss],
    ['used_memory_rss_human', human(rss)],
    ['used_memory_peak', peakBytes],
    ['used_memory_peak_human', human(peakBytes)],
    ['used_memory_dataset', used],
    ['total_system_memory', totalmem()],
    ['total_system_memory_human', human(totalmem())],
    ['free_system_memory', freemem()],
    ['maxmemory', 0],
    ['maxmemory_human', '0B'],
    ['maxmemory_policy', 'noeviction'],
    ['mem_fragmentation_ratio', (rss / used).toFixed(2)],
    ['number_of_cached_scripts', keptScripts()],
  ]
}

function persistence(door: Door, status: NodeStatus): Fields {
  return [
    ['loading', status.role === 'forming' ? 1 : 0],
    ['async_loading', 0],
    ['rdb_changes_since_last_save', 0],
    ['rdb_bgsave_in_progress', 0],
    ['rdb_last_save_time', Math.floor(door.clock.wallMs() / 1000)],
    ['rdb_last_bgsave_status', 'ok'],
    ['aof_enabled', 1],
    ['aof_rewrite_in_progress', 0],
    ['aof_last_bgrewrite_status', 'ok'],
    ['aof_last_write_status', 'ok'],
  ]
}

function stats(door: Door, status: NodeStatus): Fields {
  const counted = door.stats
  const counter = (name: string): number => status.counters[name] ?? 0
  return [
    ['total_connections_received', counted.connectionsReceived],
    ['total_commands_processed', counted.commands],
    ['instantaneous_ops_per_sec', counted.opsPerSecond],
    ['total_net_input_bytes', counted.bytesIn],
    ['total_net_output_bytes', counted.bytesOut],
    ['instantaneous_input_kbps', counted.inputKbps.toFixed(2)],
    ['instantaneous_output_kbps', counted.outputKbps.toFixed(2)],
    ['rejected_connections', counted.connectionsRejected],
    ['expired_keys', counter('expired_keys')],
    ['evicted_keys', 0],
    ['keyspace_hits', counter('keyspace_hits')],
    ['keyspace_misses', counter('keyspace_misses')],
    ['pubsub_channels', door.pubsub.subscriptions.channel.size],
    ['pubsub_patterns', door.pubsub.subscriptions.pattern.size],
    ['pubsubshard_channels', door.pubsub.subscriptions.shard.size],
    ['tracking_total_keys', door.tracking.keyCount],
    ['tracking_total_prefixes', door.tracking.prefixCount],
    ['latest_fork_usec', 0],
    ['total_error_replies', counted.errorReplies],
    ['total_http_requests', counted.httpRequests],
  ]
}

function replication(_door: Door, status: NodeStatus): Fields {
  const role = redisRole(status)
  const fields: (readonly [string, string | number])[] = [['role', role]]
  if (role === 'slave') fields.push(...followerFields(status))
  const followers = role === 'master' ? followersOf(status) : []
  fields.push(['connected_slaves', followers.length])
  followers.forEach((peer, i) => {
    const address = `ip=${hostOf(peer.redisAddress)},port=${portOf(peer.redisAddress)}`
    const lag = Math.floor(peer.lastHeardMs / 1000)
    fields.push([`slave${i}`, `${address},state=online,offset=${peer.matchIndex},lag=${lag}`])
  })
  const offset = role === 'master' ? status.commitIndex : status.appliedIndex
  fields.push(
    ['master_failover_state', 'no-failover'],
    ['master_replid', runId(status.clusterId)],
    ['master_replid2', '0'.repeat(40)],
    ['master_repl_offset', offset],
    ['second_repl_offset', -1],
    ['repl_backlog_active', 1],
    ['repl_backlog_first_byte_offset', status.firstIndex],
  )
  return fields
}

function followerFields(status: NodeStatus): Fields {
  const leader = status.peers.find((peer) => peer.member.name === status.leader)
  const heardMs =
    leader === undefined || leader.lastHeardMs === Number.POSITIVE_INFINITY ? -1 : leader.lastHeardMs
  return [
    ['master_host', hostOf(status.leaderRedisAddress)],
    ['master_port', portOf(status.leaderRedisAddress)],
    ['master_link_status', status.leader === '' ? 'down' : 'up'],
    ['master_last_io_seconds_ago', heardMs < 0 ? -1 : Math.floor(heardMs / 1000)],
    ['master_sync_in_progress', 0],
    ['slave_read_repl_offset', status.lastIndex],
    ['slave_repl_offset', status.appliedIndex],
    ['slave_priority', 100],
    // Writes sent to a follower are forwarded to the leader.
    ['slave_read_only', 0],
    ['replica_announced', 1],
  ]
}

/** calls: executed; usec: from the turn that read a command to the turn that knew its reply. */
function commandStats(door: Door): Fields {
  return usedCommands(door).map(({ spec, stats }) => {
    const micros = Math.round(stats.seconds * 1e6)
    const perCall = stats.calls === 0 ? '0.00' : (micros / stats.calls).toFixed(2)
    const ends = `rejected_calls=${stats.rejected},failed_calls=${stats.failed}`
    return [
      `cmdstat_${spec.name}`,
      `calls=${stats.calls},usec=${micros},usec_per_call=${perCall},${ends}`,
    ] as const
  })
}

/** Percentiles are upper bounds of powers of two. */
function latencyStats(door: Door): Fields {
  return usedCommands(door).flatMap(({ spec, stats }) => {
    const { micros } = stats
    if (micros === null) return []
    const values = PERCENTILES.map((percentile) => `p${percentile}=${percentileOf(micros, percentile)}.000`)
    return [[`latency_percentiles_usec_${spec.name}`, values.join(',')] as const]
  })
}

function percentileOf(micros: Float64Array, percentile: number): number {
  const wanted = (micros.reduce((sum, count) => sum + count, 0) * percentile) / 100
  let seen = 0
  const bucket = micros.findIndex((count) => {
    seen += count
    return seen >= wanted
  })
  return 2 ** Math.max(0, bucket)
}

function errorStats(door: Door): Fields {
  return [...door.stats.errors.counts].map(
    ([code, count]) => [`errorstat_${code}`, `count=${count}`] as const,
  )
}

/** Commands and subcommands that somebody called. */
function usedCommands(door: Door): CommandEntry[] {
  return [...door.commands.byName.values()]
    .flatMap((entry) => [entry, ...(entry.subcommands?.values() ?? [])])
    .filter(({ stats }) => stats.calls > 0 || stats.rejected > 0)
}

function cpu(): Fields {
  const { user, system } = process.cpuUsage()
  return [
    ['used_cpu_sys', (system / 1e6).toFixed(6)],
    ['used_cpu_user', (user / 1e6).toFixed(6)],
    ['available_cpus', availableParallelism()],
  ]
}

function keyspace(_door: Door, status: NodeStatus): Fields {
  return status.keyspace
    .filter(({ keys }) => keys > 0)
    .map(
      ({ database, keys, expires }) =>
        [`db${database}`, `keys=${keys},expires=${expires},avg_ttl=0`] as const,
    )
}

function raft(_door: Door, status: NodeStatus): Fields {
  const { confState } = status
  return [
    ['raft_node', status.name],
    ['raft_peer_id', status.peerId],
    ['raft_cluster_id', status.clusterId],
    ['raft_role', status.role],
    ['raft_term', status.term],
    ['raft_leader', status.leader],
    ['raft_has_quorum', status.quorum ? 1 : 0],
    ['raft_ready', status.ready ? 1 : 0],
    ['raft_first_index', status.firstIndex],
    ['raft_last_index', status.lastIndex],
    ['raft_commit_index', status.commitIndex],
    ['raft_applied_index', status.appliedIndex],
    ['raft_voters', confState.voters.length],
    ['raft_learners', confState.learners.length],
    ['raft_disk_space', status.space],
    ['kvorum_revision', status.revision],
  ]
}

/** 40 hex digits, as tools expect, that differ when `text` does. */
export function runId(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}

function human(bytes: number): string {
  const units = ['B', 'K', 'M', 'G', 'T']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return unit === 0 ? `${bytes}B` : `${value.toFixed(2)}${units[unit]}`
}
