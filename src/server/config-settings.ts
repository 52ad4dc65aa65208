/**
 * The one table of settings: what a node can be told. A row's flag gives its other names too: --redis-port is
 * KVORUM_REDIS_PORT and, in the file, redis_port. docs/reference/configuration.md is generated from here.
 */
import { DEFAULT_TIMING } from '../cluster/timing.ts'
import { OutputLimits } from '../frontends/connection/output-limits.ts'
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
  addr: visible(
    'addr',
    values.listenAddress,
    '',
    'One address for every client door, instead of host and ports; no other client port opens.',
  ),
  data: visible('data', values.folder, './kvorum-data', 'Folder that holds the data; made when missing.'),
  cluster: visible(
    'cluster',
    values.members,
    [],
    'All members with the addresses of their peer ports, this node included (names may be left out); ' +
      'empty = a cluster of one.',
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
  inline: visible(
    'inline',
    values.choice(['resp', 'json', 'plain']),
    'resp',
    'Answers to lines of plain text: as Redis, or as the line protocols in docs/migrate/.',
  ),
  corsOrigins: visible(
    'cors-origins',
    values.originList,
    [],
    'Origins whose web pages may use the HTTP API; none = no page but those of this node.',
  ),
  password: secret('password', 'Password that clients must give (AUTH, HTTP Bearer or Basic).'),
  clusterSecret: secret('cluster-secret', 'Secret that nodes prove to each other; the same on every node.'),
  previousPassword: secret(
    'previous-password',
    'Password that is still accepted, while clients change to the new one.',
  ),
  previousClusterSecret: secret(
    'previous-cluster-secret',
    'Secret that other nodes may still prove, while nodes change to the new one.',
  ),
  tlsCert: visible(
    'tls-cert',
    values.file,
    '',
    'Certificate of this node (PEM; intermediates behind it). With it all ports speak TLS.',
  ),
  tlsKey: visible('tls-key', values.file, '', 'Private key of the certificate (PEM).'),
  tlsKeyPassphrase: secret('tls-key-passphrase', 'Passphrase of the private key, when it is encrypted.'),
  tlsCa: visible(
    'tls-ca',
    values.file,
    '',
    'Authority that signs the certificates of the nodes and of clients (PEM).',
  ),
  tlsCrl: visible(
    'tls-crl',
    values.file,
    '',
    'Certificates that the authority has taken back (its revocation list, PEM).',
  ),
  tlsRedis: visible('tls-redis', values.tlsPort, 'on', 'TLS on the Redis port; both = plain text as well.'),
  tlsHttp: visible('tls-http', values.tlsPort, 'on', 'TLS on the HTTP port; both = plain text as well.'),
  tlsPeer: visible(
    'tls-peer',
    values.tlsPort,
    'on',
    'Mutual TLS between nodes; both = plain text as well, while a running cluster changes to TLS.',
  ),
  tlsClients: visible(
    'tls-clients',
    values.choice(['none', 'optional', 'required']),
    'none',
    'Certificates of clients: not asked for, verified when shown, or demanded (Redis and HTTP ports).',
  ),
  insecure: visible(
    'insecure',
    values.flag,
    false,
    'Listen beyond loopback without a password or a cluster secret.',
  ),
  metricsOpen: visible(
    'metrics-open',
    values.flag,
    false,
    'Let everyone read /metrics without the password; it tells no keys and no values.',
  ),
  notifyKeyspaceEvents: visible(
    'notify-keyspace-events',
    values.notices,
    '',
    'Keyspace notifications, as in Redis, until CONFIG SET chooses them for the whole cluster.',
  ),
  maxClients: visible(
    'max-clients',
    values.count(1, 1_000_000),
    limits.clientConnections,
    'Client connections at a time, over all ports.',
  ),
  clientTimeout: visible(
    'client-timeout',
    values.parameter('timeout', 'SECONDS'),
    '0',
    "Seconds after which an idle Redis or text connection is closed; 0 = never (Redis' timeout).",
  ),
  clientOutputBufferLimit: visible(
    'client-output-buffer-limit',
    values.parameter('client-output-buffer-limit', 'LIMITS'),
    String(new OutputLimits()),
    "What may wait for a client, as Redis' setting of this name.",
  ),
  slowlogLogSlowerThan: visible(
    'slowlog-log-slower-than',
    values.parameter('slowlog-log-slower-than', 'MICROSECONDS'),
    '10000',
    'Commands that execute for at least so long are in the slow log; 0 = all, -1 = none.',
  ),
  slowlogMaxLen: visible(
    'slowlog-max-len',
    values.parameter('slowlog-max-len', 'N'),
    '128',
    'Entries of the slow log.',
  ),
  latencyMonitorThreshold: visible(
    'latency-monitor-threshold',
    values.parameter('latency-monitor-threshold', 'MS'),
    '0',
    'What takes at least so long is an event of LATENCY; 0 = nothing.',
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
  watchHistoryBytes: visible(
    'watch-history-bytes',
    values.bytes(64 * KiB, TiB),
    limits.watchHistoryBytes,
    'Memory for recent changes: how far back a watch can resume.',
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
    DEFAULT_TIMING.electionMs,
    'Silence of the leader after which a follower asks for votes (at random up to twice this).',
  ),
  tlsHandshakeMs: hidden(
    'tls-handshake-ms',
    values.milliseconds(100, 60_000),
    10_000,
    'How long a client may take for the TLS handshake.',
  ),
  heartbeatMs: hidden(
    'heartbeat-ms',
    values.milliseconds(10, 10_000),
    DEFAULT_TIMING.heartbeatMs,
    "The leader's heartbeat interval; well below the election timeout.",
  ),
  silenceMs: hidden(
    'silence-ms',
    values.milliseconds(100, 60_000),
    DEFAULT_TIMING.silenceMs,
    'Silence of a majority after which commands are refused; at least twice the election timeout.',
  ),
  holdMs: hidden(
    'hold-ms',
    values.milliseconds(100, 600_000),
    DEFAULT_TIMING.holdMs,
    'How long a command waits for a leader, or for its outcome.',
  ),
} as const

export type SettingName = keyof typeof settings

/** One field per row of the table. */
export type TableValues = {
  readonly [Name in SettingName]: (typeof settings)[Name] extends Setting<infer T> ? T : never
}

/**
 * What a node is told. Values are checked; ports may be 0 (any free one). An empty node id: the data folder's name, a
 * new folder gets one. Names in `cluster` are all known, or all ''.
 */
export interface NodeConfig extends TableValues {
  /** Every client door is at httpPort. */
  readonly onePort: boolean
  /** False: other nodes come through httpPort, and peerPort is not opened. */
  readonly hasPeerPort: boolean
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
