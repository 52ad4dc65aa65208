/**
 * Which server a command talks to: -u URL, -n NODE of the local cluster, KVORUM_URL, or whatever runs on this machine.
 * Any node serves every request, so several candidates are tried in turn.
 */
import { readFileSync } from 'node:fs'
import { Connection, ConnectionError, type ConnectOptions } from '../client/connection.ts'
import { parseServerUrl, type ServerUrl } from '../client/url.ts'
import { DEFAULT_FOLDER, DEFAULT_PORTS, findNode, HOST, loadLayout } from './cluster/layout.ts'
import { CliError, exitCodes } from './exit.ts'

export interface TargetOptions {
  readonly url?: readonly string[]
  readonly node?: string
  /** Milliseconds. */
  readonly timeout?: number
}

/** The servers to try, in order. Throws CliError for a URL or a name that cannot be used. */
export function candidates(options: TargetOptions): ServerUrl[] {
  const urls = options.url ?? (process.env.KVORUM_URL ? [process.env.KVORUM_URL] : [])
  if (options.url !== undefined && options.node !== undefined) {
    throw new CliError(exitCodes.usage, 'Give --url or --node, not both')
  }
  const node = options.node ?? process.env.KVORUM_NODE
  if (options.url === undefined && node !== undefined) return [localPort(portOfNode(node))]
  if (urls.length > 0) return urls.flatMap((text) => text.split(',')).map(usableUrl)
  const layout = loadLayout(DEFAULT_FOLDER)
  const ports = layout?.nodes.map((known) => known.redisPort) ?? []
  return [...new Set([...ports, DEFAULT_PORTS.redis])].map(localPort)
}

/** Connects to the first candidate that accepts; throws the first failure when none does. */
export async function connectTarget(options: TargetOptions, more: ConnectOptions = {}): Promise<Connection> {
  let failure: unknown = null
  for (const server of candidates(options)) {
    try {
      return await Connection.open(server, {
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

function localPort(port: number): ServerUrl {
  return { host: HOST, port, user: '', password: '', database: 0 }
}

/** By the local cluster's layout, or, where none was started from this folder, by the default ports. */
function portOfNode(name: string): number {
  const layout = loadLayout(DEFAULT_FOLDER)
  if (layout !== null) return findNode(layout, name).redisPort
  const match = /^(?:node)?([1-9]\d?)$/.exec(name)
  if (match !== null) return DEFAULT_PORTS.redis + Number(match[1]) - 1
  throw new CliError(
    exitCodes.usage,
    `There is no local cluster with a node '${name}'`,
    'kvorum -u redis://host:port',
  )
}
