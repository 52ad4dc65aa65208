/**
 * Which server a command talks to: -u URL, -n NODE of the local cluster, KVORUM_URL, or whatever runs on this machine.
 * Any node serves every request, so several candidates are tried in turn.
 */
import { readFileSync } from 'node:fs'
import { Connection, ConnectionError, type ConnectOptions } from '../client/connection.ts'
import type { TlsOptions } from '../client/socket.ts'
import { parseServerUrl, type ServerUrl } from '../client/url.ts'
import {
  DEFAULT_FOLDER,
  DEFAULT_PORTS,
  findNode,
  HOST,
  type LocalNode,
  loadLayout,
} from './cluster/layout.ts'
import { CliError, exitCodes } from './exit.ts'

export interface TargetOptions {
  readonly url?: readonly string[]
  readonly node?: string
  /** Milliseconds. */
  readonly timeout?: number
  /** TLS whatever the URL says. */
  readonly tls?: boolean
  /** Paths of PEM files: the authority of the servers, and this client's own certificate. */
  readonly cacert?: string
  readonly cert?: string
  readonly key?: string
}

/** A server, and the authority that a cluster on this machine has made for itself. */
export interface Candidate {
  readonly server: ServerUrl
  readonly caFile?: string | undefined
}

/** The servers to try, in order. Throws CliError for a URL or a name that cannot be used. */
export function candidates(options: TargetOptions): Candidate[] {
  const urls = options.url ?? (process.env.KVORUM_URL ? [process.env.KVORUM_URL] : [])
  if (options.url !== undefined && options.node !== undefined) {
    throw new CliError(exitCodes.usage, 'Give --url or --node, not both')
  }
  const node = options.node ?? process.env.KVORUM_NODE
  if (options.url === undefined && node !== undefined) return [nodeNamed(node)]
  if (urls.length > 0)
    return urls.flatMap((text) => text.split(',')).map((text) => ({ server: usableUrl(text) }))
  const layout = loadLayout(DEFAULT_FOLDER)
  const known = layout?.nodes.map(localNode) ?? []
  const isKnown = known.some(({ server }) => server.port === DEFAULT_PORTS.redis)
  return isKnown ? known : [...known, localPort(DEFAULT_PORTS.redis)]
}

/** Connects to the first candidate that accepts; throws the first failure when none does. */
export async function connectTarget(options: TargetOptions, more: ConnectOptions = {}): Promise<Connection> {
  let failure: unknown = null
  for (const { server, caFile } of candidates(options)) {
    const isTls = server.tls === true || options.tls === true
    try {
      return await Connection.open(isTls ? { ...server, tls: true } : server, {
        ...(isTls && { tls: tlsOptions(options, caFile) }),
        clientName: 'kvorum-cli',
        password: clientPassword(),
        ...(options.timeout !== undefined && { commandTimeoutMs: options.timeout }),
        ...more,
      })
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error
      failure ??= error
    }
  }
  throw failure
}

/** The password for servers whose URL carries none: KVORUM_PASSWORD, its _FILE twin, or redis-cli's variable. */
export function clientPassword(): string {
  const path = process.env.KVORUM_PASSWORD_FILE ?? ''
  if (path !== '') return readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  return process.env.KVORUM_PASSWORD ?? process.env.REDISCLI_AUTH ?? ''
}

function usableUrl(text: string): ServerUrl {
  try {
    return parseServerUrl(text.trim())
  } catch (error) {
    throw new CliError(exitCodes.usage, error instanceof Error ? error.message : String(error))
  }
}

function localPort(port: number): Candidate {
  return { server: { host: HOST, port, user: '', password: '', database: 0 } }
}

/** A node of a cluster on this machine. */
export function localNode(node: LocalNode): Candidate {
  const { server } = localPort(node.redisPort)
  return node.caFile === undefined ? { server } : { server: { ...server, tls: true }, caFile: node.caFile }
}

/** What flags, or the variables of the same names, say of TLS. */
export function tlsOptions(options: TargetOptions, caFile?: string): TlsOptions {
  const ca = options.cacert ?? process.env.KVORUM_CACERT ?? caFile
  const cert = options.cert ?? process.env.KVORUM_CERT
  const key = options.key ?? process.env.KVORUM_KEY
  return { ...pem('ca', ca), ...pem('cert', cert), ...pem('key', key) }
}

function pem(name: keyof TlsOptions, path: string | undefined): TlsOptions {
  if (path === undefined || path === '') return {}
  try {
    return { [name]: readFileSync(path) }
  } catch (error) {
    throw new CliError(exitCodes.usage, `Cannot read ${path}: ${(error as Error).message}`)
  }
}

/** By the local cluster's layout, or, where none was started from this folder, by the default ports. */
function nodeNamed(name: string): Candidate {
  const layout = loadLayout(DEFAULT_FOLDER)
  if (layout !== null) return localNode(findNode(layout, name))
  const match = /^(?:node)?([1-9]\d?)$/.exec(name)
  if (match !== null) return localPort(DEFAULT_PORTS.redis + Number(match[1]) - 1)
  throw new CliError(
    exitCodes.usage,
    `There is no local cluster with a node '${name}'`,
    'kvorum -u redis://host:port',
  )
}
