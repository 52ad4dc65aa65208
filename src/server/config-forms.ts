/**
 * Settings in the forms of earlier systems: one address for every door (--addr), a --cluster list of addresses without
 * names, and REPLICA_NODES. What they mean for the ports and names of a node is decided here, once.
 */
import { bracketed, parseHostPort } from '../lib/host-port.ts'
import type { NodeConfig, SettingName, TableValues } from './config-settings.ts'
import { type ClusterMember, isLoopback, parsePeerUrl } from './config-values.ts'

/** The port of other nodes when addresses alone are listed and none is given. */
const REPLICATION_PORT = 8081

export interface FormsInput {
  readonly values: TableValues
  /** Which settings were given at all; the others have their defaults. */
  readonly isGiven: (name: SettingName) => boolean
  /** The variable REPLICA_NODES, '' when not set. */
  readonly replicaNodes: string
}

export interface FormsOutput {
  readonly config: NodeConfig
  readonly warnings: readonly string[]
}

/** The configuration that the values mean together; adds to `problems` what cannot be meant. */
export function applyForms(input: FormsInput, problems: string[]): FormsOutput {
  const warnings: string[] = []
  const { values, isGiven } = input
  const replicas = readReplicaNodes(input, problems)
  const cluster = replicas ?? values.cluster
  const isNamed = cluster.every(({ name }) => name !== '')
  const door = readAddr(input, problems, warnings)
  const listsPorts = cluster.length > 0 && replicas === null
  const hasPeerPort = isGiven('peerPort') || listsPorts || (door === null && replicas === null)
  const config: NodeConfig = {
    ...values,
    ...door,
    cluster,
    nodeId: isNamed || isGiven('nodeId') ? values.nodeId : '',
    peerPort: isNamed || isGiven('peerPort') ? values.peerPort : REPLICATION_PORT,
    onePort: door !== null,
    hasPeerPort,
  }
  return { config, warnings }
}

/** The nodes of REPLICA_NODES, or null when it says nothing. */
function readReplicaNodes(input: FormsInput, problems: string[]): readonly ClusterMember[] | null {
  const text = input.replicaNodes.trim()
  if (text === '') return null
  const nodes = parseReplicaNodes(text)
  if (nodes === null) {
    problems.push(
      `Cannot use '${text}' for REPLICA_NODES: wanted the other nodes as JSON, e.g. ` +
        '[{"url":"http://node2:8000/kv-store/v1"},{"url":"http://node3:8000/kv-store/v1"}]',
    )
    return null
  }
  if (nodes.length === 0) return null
  if (input.values.cluster.length === 0) return nodes
  problems.push('Both --cluster and REPLICA_NODES name the other nodes: keep one')
  return null
}

function parseReplicaNodes(text: string): readonly ClusterMember[] | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (!Array.isArray(value)) return null
  const nodes: ClusterMember[] = []
  for (const item of value as readonly { readonly url?: unknown }[]) {
    const address = typeof item?.url === 'string' ? parsePeerUrl(item.url) : null
    if (address === null) return null
    nodes.push({ name: '', address })
  }
  return nodes
}

/** --addr: the host and the one port of every client door; null when it is not given. */
function readAddr(
  { values, isGiven }: FormsInput,
  problems: string[],
  warnings: string[],
): Pick<NodeConfig, 'host' | 'redisPort' | 'httpPort'> | null {
  if (values.addr === '') return null
  const others = (['host', 'redisPort', 'httpPort'] as const).filter(isGiven)
  if (others.length > 0)
    problems.push('--addr says host and port of every door: leave out --host and the ports')
  const colon = values.addr.lastIndexOf(':')
  const port = Number(values.addr.slice(colon + 1))
  const host = values.addr.slice(0, colon).replace(/^\[|\]$/g, '')
  if (host === '') {
    warnings.push(
      `--addr ${values.addr} names no host: listening on 127.0.0.1 only. For other machines say ` +
        `0.0.0.0:${port}, with --password and --cluster-secret`,
    )
  }
  return { host: host === '' ? '127.0.0.1' : host, redisPort: port, httpPort: port }
}

/** Where the other nodes reach this one: its address in the list if that can be told, else as it listens. */
export function ownPeerAddress(config: NodeConfig): string {
  if (!config.hasPeerPort) return `http://${bracketed(config.host)}:${config.httpPort}`
  const named = config.cluster.find((node) => node.name !== '' && node.name === config.nodeId)
  const own = named ?? config.cluster.find(({ name, address }) => name === '' && isHere(address, config))
  return own?.address ?? `${bracketed(config.host)}:${config.peerPort}`
}

/** Certainly this node: others that listen on all addresses find out by dialling. */
function isHere(text: string, { host, peerPort }: NodeConfig): boolean {
  const address = parseHostPort(text)
  if (address === null || address.port !== peerPort) return false
  return address.host === host || (isLoopback(address.host) && isLoopback(host))
}
