/**
 * A node's configuration from its four sources: flag > environment > file > default. Anything unknown is refused with
 * the name that was probably meant, and all problems are told at once. The checks that need more than one value are
 * here as well, R19 among them: beyond loopback a node wants both secrets, or an explicit --insecure.
 */

import { parseHostPort } from '../lib/host-port.ts'
import { suggestion } from '../lib/suggest.ts'
import { applyForms } from './config-forms.ts'
import {
  envName,
  fileKey,
  type NodeConfig,
  type Setting,
  settingRows,
  settings,
  type TableValues,
} from './config-settings.ts'
import { isLoopback } from './config-values.ts'
import { parseToml } from './toml.ts'

export type { NodeConfig } from './config-settings.ts'

/** What cannot be configured, one problem per line; meant for the person who started the node. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

export interface ConfigSources {
  /** By flag name without dashes; 'config' names the file. A flag without a value is 'true'. */
  readonly flags: Readonly<Record<string, string>>
  readonly env: Readonly<Record<string, string | undefined>>
  /** Reads the file of --config and of the *_FILE twins; throws when it cannot. */
  readonly readFile: (path: string) => string
}

export interface ResolvedConfig {
  readonly config: NodeConfig
  /** Settings that are allowed and probably not meant. */
  readonly warnings: readonly string[]
}

const ENV_PREFIX = 'KVORUM_'
/** Variables with our prefix that belong to the command line, not to a node. */
const OTHER_VARIABLES = [
  'KVORUM_CONFIG',
  'KVORUM_URL',
  'KVORUM_NODE',
  'KVORUM_CACERT',
  'KVORUM_CERT',
  'KVORUM_KEY',
]

/** What Kubernetes sets in every container for a service whose name begins with 'kvorum'. */
const SERVICE_LINK = /_(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP)(_(PROTO|PORT|ADDR))?)?)$/

/** The checked configuration; throws ConfigError with every problem found. */
export function resolveConfig(sources: ConfigSources): ResolvedConfig {
  const problems: string[] = []
  const file = readConfigFile(sources, problems)
  checkNames(sources, file, problems)
  const values: Record<string, unknown> = {}
  for (const [name, setting] of settingRows()) values[name] = readSetting(setting, sources, file, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  const { config, warnings } = applyForms(
    {
      values: values as unknown as TableValues,
      isGiven: (name) => givenText(settings[name], sources, file) !== null,
      replicaNodes: sources.env.REPLICA_NODES ?? '',
    },
    problems,
  )
  checkTogether(config, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return { config, warnings: [...warnings, ...exposedSecrets(sources), ...warningsOf(config)] }
}

/** The file's settings as text by key; empty when no file is named. */
function readConfigFile(sources: ConfigSources, problems: string[]): Map<string, string> {
  const path = sources.flags.config ?? sources.env.KVORUM_CONFIG
  const found = new Map<string, string>()
  if (path === undefined || path === '') return found
  try {
    for (const [key, value] of Object.entries(parseToml(sources.readFile(path)))) {
      found.set(key, tomlText(key, value))
    }
  } catch (error) {
    problems.push(`Cannot read the configuration file ${path}: ${messageOf(error)}`)
  }
  return found
}

/** Lists may be written as TOML arrays, and --cluster as a table of name = 'host:port'. */
function tomlText(key: string, value: unknown): string {
  if (typeof value === 'string' || typeof value === 'boolean') return String(value)
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return value.map((item) => tomlText(key, item)).join(',')
  const entries = Object.entries(value ?? {})
  if (key === 'cluster') return entries.map(([name, item]) => `${name}=${tomlText(key, item)}`).join(',')
  throw new Error(`there is no section [${key}]`)
}

function checkNames(sources: ConfigSources, file: ReadonlyMap<string, string>, problems: string[]): void {
  const rows = settingRows().map(([, setting]) => setting)
  const flags = ['config', ...rows.map((row) => row.flag)]
  for (const flag of Object.keys(sources.flags)) {
    if (!flags.includes(flag)) problems.push(`There is no flag --${flag}${suggestion(flag, flags, '--')}`)
  }
  const variables = rows
    .flatMap((row) => (row.secret ? [row.flag, `${row.flag}-file`] : [row.flag]))
    .map(envName)
  const known = [...variables, ...OTHER_VARIABLES]
  for (const name of Object.keys(sources.env)) {
    if (!name.startsWith(ENV_PREFIX) || known.includes(name) || SERVICE_LINK.test(name)) continue
    const meant = suggestion(withoutPrefix(name), known.map(withoutPrefix), ENV_PREFIX)
    problems.push(`There is no setting ${name} (environment)${meant}`)
  }
  const keys = rows.map((row) => fileKey(row.flag))
  for (const key of file.keys()) {
    if (!keys.includes(key))
      problems.push(`There is no setting ${key} (configuration file)${suggestion(key, keys)}`)
  }
}

function withoutPrefix(name: string): string {
  return name.slice(ENV_PREFIX.length)
}

function dashed(flag: string): string {
  return `--${flag}`
}

interface Given {
  readonly text: string
  /** Where the text came from, for messages. */
  readonly origin: string
}

function readSetting(
  setting: Setting<unknown>,
  sources: ConfigSources,
  file: ReadonlyMap<string, string>,
  problems: string[],
): unknown {
  try {
    const given = givenText(setting, sources, file)
    if (given === null) return setting.fallback
    const value = setting.kind.parse(given.text)
    if (value !== undefined) return value
    const shown = setting.secret ? 'the given text' : `'${given.text}'`
    problems.push(`Cannot use ${shown} for ${given.origin}: wanted ${setting.kind.wanted}`)
  } catch (error) {
    problems.push(messageOf(error))
  }
  return setting.fallback
}

function givenText(
  setting: Setting<unknown>,
  sources: ConfigSources,
  file: ReadonlyMap<string, string>,
): Given | null {
  const flag = sources.flags[setting.flag]
  if (flag !== undefined) return { text: flag, origin: dashed(setting.flag) }
  const fromEnv = envText(setting, sources)
  if (fromEnv !== null) return fromEnv
  const key = fileKey(setting.flag)
  const text = file.get(key)
  return text === undefined ? null : { text, origin: `${key} in the configuration file` }
}

/** A variable that is set to nothing counts as not set: that is how compose files leave a value open. */
function envText(setting: Setting<unknown>, sources: ConfigSources): Given | null {
  const name = envName(setting.flag)
  const text = sources.env[name] ?? ''
  const path = setting.secret ? (sources.env[`${name}_FILE`] ?? '') : ''
  if (text !== '' && path !== '') throw new Error(`Both ${name} and ${name}_FILE are set: keep one`)
  if (path === '') return text === '' ? null : { text, origin: name }
  try {
    const secret = sources.readFile(path).replace(/\r?\n$/, '')
    if (secret === '') throw new Error('it is empty')
    return { text: secret, origin: `${name}_FILE` }
  } catch (error) {
    throw new Error(`Cannot read ${path} (${name}_FILE): ${messageOf(error)}`)
  }
}

function checkTogether(config: NodeConfig, problems: string[]): void {
  const doors = config.onePort ? [config.httpPort] : [config.redisPort, config.httpPort]
  const ports = [...doors, ...(config.hasPeerPort ? [config.peerPort] : [])].filter((port) => port !== 0)
  if (new Set(ports).size < ports.length) {
    problems.push(`The ports ${ports.join(', ')} (Redis, HTTP, peers) must be different`)
  }
  const isNamed = config.cluster.some((member) => member.name !== '')
  if (isNamed && !config.cluster.some((member) => member.name === config.nodeId)) {
    const names = config.cluster.map((member) => member.name).join(', ')
    problems.push(
      `--cluster names ${names} but not this node: add ${config.nodeId}=host:port, or change --node-id`,
    )
  }
  if (config.heartbeatMs * 2 > config.electionTimeoutMs) {
    problems.push(
      `Cannot use ${config.electionTimeoutMs}ms for --election-timeout-ms: ` +
        `wanted at least twice --heartbeat-ms, which is ${config.heartbeatMs}ms`,
    )
  }
  checkTls(config, problems)
  checkExposure(config, problems)
}

function checkTls(config: NodeConfig, problems: string[]): void {
  if ((config.tlsCert === '') !== (config.tlsKey === '')) {
    problems.push('--tls-cert and --tls-key belong together: give both')
  }
  if (config.tlsCert === '') return
  if (!config.hasPeerPort && (config.tlsPeer !== 'off' || config.tlsHttp === 'on')) {
    problems.push(
      'Nodes that meet at the HTTP port speak plain text there: add --tls-peer off and --tls-http both (or off), ' +
        'or use a port of their own (--peer-port)',
    )
  }
  if (config.tlsCa !== '') return
  if (config.tlsPeer !== 'off') {
    problems.push('TLS between nodes wants --tls-ca, the authority of their certificates; or --tls-peer off')
  }
  if (config.tlsClients !== 'none') problems.push(`--tls-clients ${config.tlsClients} wants --tls-ca`)
  if (config.tlsCrl !== '') problems.push('--tls-crl wants --tls-ca, the authority of the list')
}

/** R19. */
function checkExposure(config: NodeConfig, problems: string[]): void {
  if (config.insecure || isLoopback(config.host)) return
  const missing = [
    config.password === '' ? '--password (KVORUM_PASSWORD or KVORUM_PASSWORD_FILE)' : '',
    config.clusterSecret === ''
      ? '--cluster-secret (KVORUM_CLUSTER_SECRET or KVORUM_CLUSTER_SECRET_FILE)'
      : '',
  ].filter((text) => text !== '')
  if (missing.length === 0) return
  problems.push(
    `Refusing to listen on ${config.host} without ${missing.join(' and ')}: whoever reaches this machine could ` +
      'read and change the data. Set what is missing, listen on 127.0.0.1, or say --insecure if the network is safe',
  )
}

/** Everyone on the machine can see the arguments of a process, at least for the moment until it hides them. */
function exposedSecrets(sources: ConfigSources): string[] {
  const given = settingRows().filter(([, row]) => row.secret && (sources.flags[row.flag] ?? '') !== '')
  return given.map(
    ([, row]) =>
      `${dashed(row.flag)} on the command line can be seen in the list of processes: ` +
      `prefer ${envName(row.flag)}_FILE, or the configuration file`,
  )
}

function warningsOf(config: NodeConfig): string[] {
  const warnings: string[] = []
  const own = config.cluster.find((member) => member.name === config.nodeId)
  const ownHost = own === undefined ? null : parseHostPort(own.address)
  if (ownHost !== null && isLoopback(config.host) && !isLoopback(ownHost.host)) {
    warnings.push(
      `--cluster says that ${config.nodeId} is at ${ownHost.host}, but it listens on ${config.host} only: ` +
        'the other nodes will not reach it. Set --host',
    )
  }
  // Without a port of their own the nodes list only the others.
  const size = config.cluster.length + (config.cluster.length > 0 && !config.hasPeerPort ? 1 : 0)
  if (size > 0 && size % 2 === 0) {
    warnings.push(
      `A cluster of ${size} survives no more failures than one of ${size - 1}: prefer an odd number`,
    )
  }
  return warnings
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
