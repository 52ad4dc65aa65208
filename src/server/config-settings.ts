/**
 * The one table of settings: what a node can be told. A row's flag gives its other names too: --redis-port is
 * KVORUM_REDIS_PORT and, in the file, redis_port. docs/reference/configuration.md is generated from here.
 */
import { limits } from '../protocol/limits.ts'
import type { ValueKind } from './config-values.ts'
import * as values from './config-values.ts'

export interface Setting<T> {
  /** The flag without its dashes, e.g. 'redis-port'. */
  readonly flag: string
  readonly kind: ValueKind<T>
  readonly fallback: T
  /** One sentence, for --help and the reference. */
  readonly help: string
  /** Never printed or logged; also read from the file that KVORUM_..._FILE names. */
  readonly secret: boolean
  /** Tuning, mostly for tests: left out of --help. */
  readonly hidden: boolean
}

function visible<T>(flag: string, kind: ValueKind<T>, fallback: T, help: string): Setting<T> {
  return { flag, kind, fallback, help, secret: false, hidden: false }
}

function secret(flag: string, help: string): Setting<string> {
  return { flag, kind: values.secret, fallback: '', help, secret: true, hidden: false }
}

function hidden<T>(flag: string, kind: ValueKind<T>, fallback: T, help: string): Setting<T> {
  return { flag, kind, fallback, help, secret: false, hidden: true }
}

const KiB = 1024
const TiB = 1024 ** 4

export const settings = {
  nodeId: visible('node-id', values.nodeName, 'node1', 'Name of this node, unique in its cluster.'),
  host: visible('host', values.hostName, '127.0.0.1', 'Address that all ports are bound to.'),
  redisPort: visible('redis-port', values.port, 6379, 'Port for Redis clients (RESP and inline commands).'),
  httpPort: visible('http-port', values.port, 8080, 'Port for HTTP.'),
  peerPort: visible('peer-port', values.port, 9090, 'Port for the other nodes.'),
  data: visible('data', values.folder, './kvorum-data', 'Folder that holds the data; made when missing.'),
  cluster: visible(
    'cluster',
    values.members,
    [],
    'All members with the addresses of their peer ports, this node included; empty = a cluster of one.',
  ),
  advertiseRedis: visible(
    'advertise-redis',
    values.address,
    '',
    'Where clients reach the Redis port, when not at host and port.',
  ),
  advertiseHttp: visible(
    'advertise-http',
    values.address,
    '',
    'Where clients reach the HTTP port, when not at host and port.',
  ),
  allowedHosts: visible(
    'allowed-hosts',
    values.hostList,
    [],
    'Further names that the Host header of an HTTP request may carry.',
  ),
  password: secret('password', 'Password that clients must give (AUTH, HTTP Bearer or Basic).'),
  clusterSecret: secret('cluster-secret', 'Secret that nodes prove to each other; the same on every node.'),
  insecure: visible(
    'insecure',
    values.flag,
    false,
    'Listen beyond loopback without a password or a cluster secret.',
  ),
  maxClients: visible(
    'max-clients',
    values.count(1, 1_000_000),
    limits.clientConnections,
    'Client connections at a time, over all ports.',
  ),
  logLevel: visible(
    'log-level',
    values.choice(['debug', 'info', 'warn', 'error']),
    'info',
    'The least severe log lines to write.',
  ),
  logFormat: visible(
    'log-format',
    values.choice(['auto', 'pretty', 'json']),
    'auto',
    'Form of log lines; auto = pretty on a terminal, else json.',
  ),
  memtableBytes: hidden(
    'memtable-bytes',
    values.bytes(64 * KiB, TiB),
    limits.memtableBytes,
    'Size at which a memtable is sealed and flushed.',
  ),
  memtableLogBytes: hidden(
    'memtable-log-bytes',
    values.bytes(64 * KiB, TiB),
    limits.memtableLogBytes,
    'Size of the log behind a memtable at which it is sealed.',
  ),
  segmentBytes: hidden(
    'segment-bytes',
    values.bytes(64 * KiB, TiB),
    limits.segmentBytes,
    'Size of one log segment.',
  ),
  trailingLogBytes: hidden(
    'trailing-log-bytes',
    values.bytes(0, TiB),
    limits.trailingLogBytes,
    'Log kept behind the last flush for followers; one further behind gets a snapshot.',
  ),
  entryCacheBytes: hidden(
    'entry-cache-bytes',
    values.bytes(64 * KiB, TiB),
    limits.entryCacheBytes,
    'Memory for recent log entries.',
  ),
  blockCacheBytes: hidden(
    'block-cache-bytes',
    values.bytes(64 * KiB, TiB),
    limits.blockCacheBytes,
    'Memory for blocks of the tables.',
  ),
  lowSpaceBytes: hidden(
    'low-space-bytes',
    values.bytes(0, TiB),
    0,
    'Free space at which the disk counts as low; 0 = as the limits require.',
  ),
  electionTimeoutMs: hidden(
    'election-timeout-ms',
    values.milliseconds(50, 60_000),
    500,
    'Silence of the leader after which a follower asks for votes (at random up to twice this).',
  ),
  heartbeatMs: hidden(
    'heartbeat-ms',
    values.milliseconds(5, 10_000),
    50,
    "The leader's heartbeat interval; well below the election timeout.",
  ),
} as const

export type SettingName = keyof typeof settings

/** What a node is told: one field per row of the table. Values are checked; ports may be 0 (any free one). */
export type NodeConfig = {
  readonly [Name in SettingName]: (typeof settings)[Name] extends Setting<infer T> ? T : never
}

/** KVORUM_REDIS_PORT for 'redis-port'. */
export function envName(flag: string): string {
  return `KVORUM_${flag.toUpperCase().replaceAll('-', '_')}`
}

/** redis_port for 'redis-port'. */
export function fileKey(flag: string): string {
  return flag.replaceAll('-', '_')
}

/** Every row with the name of its field, in the order of the table. */
export function settingRows(): readonly (readonly [SettingName, Setting<unknown>])[] {
  return Object.entries(settings) as unknown as readonly (readonly [SettingName, Setting<unknown>])[]
}
