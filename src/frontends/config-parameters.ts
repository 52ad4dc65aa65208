/**
 * The parameters of CONFIG: what clients and tools ask for, answered with what is true of this node, and what can be
 * changed while it runs. What cannot is refused with the reason: nothing is accepted and then ignored.
 */
import { canonicalSetting, type SettingName } from '../engine/settings.ts'
import { limits } from '../protocol/limits.ts'
import { parseOutputLimits } from './connection/output-limits.ts'
import type { Door } from './door.ts'

export interface ConfigParameter {
  readonly name: string
  readonly get: (door: Door) => string
  readonly change: ConfigChange
}

/** As Redis words it. */
const WRONG_CLASS = "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."

/** There is nothing between debug and notice here, nor beyond warning there. */
const ownLevels = { debug: 'debug', verbose: 'info', notice: 'info', warning: 'warn' } as const
const redisLevels = { debug: 'debug', info: 'notice', warn: 'warning', error: 'warning' } as const
const WRONG_LEVEL = 'argument must be one of the following: debug, verbose, notice, warning'

/** How a parameter changes: here at once, in the replicated state, or not at all. */
export type ConfigChange =
  | {
      readonly kind: 'here'
      /** Null, or why the value is not possible. Does nothing else: apply() follows when all values are possible. */
      readonly check: (value: string) => string | null
      readonly apply: (door: Door, value: string) => void
      /** For CONFIG REWRITE: the flag, without its dashes, that gives it at the start; and the flag's value now. */
      readonly flag: string
      readonly setting: (door: Door) => string | number
    }
  | {
      readonly kind: 'cluster'
      readonly setting: SettingName
      readonly check: (value: string) => string | null
    }
  | {
      readonly kind: 'refused'
      readonly why: string
      /** The value is what it is already: nothing is asked for. */
      readonly isAlready: (door: Door, value: string) => boolean
    }

const AT_START = 'it is given when the node starts (kvorum start --help)'
const NO_EVICTION =
  'Kvorum evicts nothing: data is on disk, and memory is bounded by --memtable-bytes and caches'
const ALWAYS_DURABLE = 'every acknowledged write is on the disks of a majority; that cannot be turned off'

function fixed(name: string, value: string | ((door: Door) => string), why = AT_START): ConfigParameter {
  const get = typeof value === 'string' ? () => value : value
  const isAlready = (door: Door, given: string): boolean => get(door).toLowerCase() === given.toLowerCase()
  return { name, get, change: { kind: 'refused', why, isAlready } }
}

interface NumberRange {
  readonly from: number
  readonly to: number
}

function number(
  name: string,
  range: NumberRange,
  get: (door: Door) => number,
  set: (door: Door, value: number) => void,
  flag = name,
): ConfigParameter {
  const check = (value: string): string | null => {
    if (!/^-?[0-9]{1,15}$/.test(value)) return "argument couldn't be parsed into an integer"
    const { from, to } = range
    if (Number(value) >= from && Number(value) <= to) return null
    return `argument must be between ${from} and ${to} inclusive`
  }
  const apply = (door: Door, value: string): void => set(door, Number(value))
  return {
    name,
    get: (door) => String(get(door)),
    change: { kind: 'here', check, apply, flag, setting: get },
  }
}

/** A value that clients set for the whole cluster; what was never set is `fallback`. */
function replicated(name: SettingName, fallback: (door: Door) => string): ConfigParameter {
  const check = (value: string): string | null =>
    canonicalSetting(name, value) === null ? WRONG_CLASS : null
  return {
    name,
    get: (door) => door.executor.setting(name) ?? fallback(door),
    change: { kind: 'cluster', setting: name, check },
  }
}

/** By name. */
export const configParameters: readonly ConfigParameter[] = [
  fixed('activedefrag', 'no', 'the runtime moves memory by itself'),
  fixed('aof-use-rdb-preamble', 'no', ALWAYS_DURABLE),
  fixed('appendfsync', 'always', ALWAYS_DURABLE),
  fixed('appendonly', 'yes', ALWAYS_DURABLE),
  fixed('auto-aof-rewrite-percentage', '0', 'the log is compacted by itself'),
  fixed('bind', (door) => door.config.host),
  {
    name: 'client-output-buffer-limit',
    get: (door) => String(door.tuning.output),
    change: {
      kind: 'here',
      check: (value) => {
        const changes = parseOutputLimits(value)
        return typeof changes === 'string' ? changes : null
      },
      apply: (door, value) => door.tuning.output.set(value),
      flag: 'client-output-buffer-limit',
      setting: (door) => String(door.tuning.output),
    },
  },
  fixed('cluster-enabled', 'no', 'every node takes every command: no client needs to know slots'),
  fixed('databases', '16', 'there are 16'),
  fixed('dbfilename', '', 'there is no such file; data is in the folder --data'),
  fixed('dir', '', 'data is in the folder that --data names'),
  fixed('hz', '10', 'there is no such timer'),
  number(
    'latency-monitor-threshold',
    { from: 0, to: 86_400_000 },
    (door) => door.slow.latencyMs,
    (door, value) => {
      door.slow.latencyMs = value
    },
  ),
  fixed('latency-tracking', 'yes', 'the cost is too small to turn it off'),
  fixed('latency-tracking-info-percentiles', '50 99 99.9', 'these are fixed'),
  fixed('lazyfree-lazy-user-del', 'yes', 'space of deleted keys is always freed later'),
  fixed('list-max-listpack-size', '-2', 'there are no lists yet'),
  {
    name: 'loglevel',
    get: (door) => redisLevels[door.logLevel.level],
    change: {
      kind: 'here',
      check: (value) => (Object.hasOwn(ownLevels, value.toLowerCase()) ? null : WRONG_LEVEL),
      apply: (door, value) => {
        door.logLevel.level = ownLevels[value.toLowerCase() as keyof typeof ownLevels]
      },
      flag: 'log-level',
      setting: (door) => door.logLevel.level,
    },
  },
  fixed('lua-time-limit', '0', 'scripts end by their steps, not by time (docs/scripts.md)'),
  number(
    'maxclients',
    { from: 1, to: 1_000_000 },
    (door) => door.tuning.maxClients,
    (door, value) => {
      door.tuning.maxClients = value
    },
    'max-clients',
  ),
  fixed('maxmemory', '0', NO_EVICTION),
  fixed('maxmemory-clients', '0', 'buffers of each client are bounded (docs/internals/limits.md)'),
  fixed('maxmemory-policy', 'noeviction', NO_EVICTION),
  fixed('maxmemory-samples', '5', NO_EVICTION),
  fixed('min-replicas-max-lag', '10', 'writes always need a majority of the voters'),
  fixed('min-replicas-to-write', '0', 'writes always need a majority of the voters'),
  replicated('notify-keyspace-events', (door) => door.config.notifyKeyspaceEvents),
  fixed('port', (door) => String(door.redisPort)),
  fixed(
    'proto-max-bulk-len',
    String(limits.valueBytes),
    'it is the largest value (docs/internals/limits.md)',
  ),
  fixed('protected-mode', (door) => (door.config.insecure ? 'no' : 'yes')),
  fixed('rdbcompression', 'no', 'there are no RDB files'),
  fixed('repl-backlog-size', String(limits.trailingLogBytes), 'start with --trailing-log-bytes'),
  fixed('replica-read-only', 'no', 'followers forward writes to the leader'),
  fixed('replicaof', '', "replication is Raft; see 'kvorum node --help'"),
  {
    name: 'requirepass',
    // Never shown, not even to those who know it.
    get: () => '',
    change: {
      kind: 'refused',
      why: 'every node has it: put the new one and previous_password where each node reads them, then kill -HUP (docs/security.md)',
      isAlready: (door, value) => value === '' && !door.hasPassword,
    },
  },
  fixed('save', '', ALWAYS_DURABLE),
  fixed('slave-read-only', 'no', 'followers forward writes to the leader'),
  number(
    'slowlog-log-slower-than',
    { from: -1, to: 1e15 },
    (door) => door.slow.slowMicros,
    (door, value) => {
      door.slow.slowMicros = value
    },
  ),
  number(
    'slowlog-max-len',
    { from: 0, to: limits.slowLogEntries },
    (door) => door.slow.log.lengthMax,
    (door, value) => {
      door.slow.log.lengthMax = value
    },
  ),
  fixed('supervised', 'no'),
  fixed('tcp-backlog', '511', 'it is fixed'),
  fixed('tcp-keepalive', '300', 'it is fixed'),
  number(
    'timeout',
    { from: 0, to: 2 ** 31 - 1 },
    (door) => door.tuning.idleSeconds,
    (door, value) => {
      door.tuning.idleSeconds = value
    },
    'client-timeout',
  ),
  fixed(
    'tls-port',
    (door) => String(door.hasRedisTls ? door.redisPort : 0),
    'TLS is set up at start, by --tls-cert',
  ),
  fixed('unixsocket', ''),
]

const byName = new Map(configParameters.map((parameter) => [parameter.name, parameter]))

/** In any case; null when there is none. */
export function findParameter(name: string): ConfigParameter | null {
  return byName.get(name.toLowerCase()) ?? null
}

/** Why `value` is not possible for a parameter that can be changed; null when it is. */
export function parameterProblem(name: string, value: string): string | null {
  const change = findParameter(name)?.change
  if (change === undefined || change.kind === 'refused') return 'there is no such parameter'
  return change.check(value)
}
