/**
 * Which nodes a local cluster has, on which ports, and where their files are. Decided at the first start and kept in
 * cluster.json, so that every later command finds the same cluster.
 *
 *   DIR/cluster.json   the layout            DIR/node1/      data of node1
 *   DIR/node1.pid      its process           DIR/node1.log   its log
 *   DIR/tls/           certificates, with --tls
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { CliError, exitCodes } from '../exit.ts'

export const DEFAULT_FOLDER = './kvorum-data/cluster'
export const DEFAULT_PORTS: BasePorts = { redis: 6379, http: 8081, peer: 9091 }
const DEFAULT_NODES = 3
const LAYOUT_VERSION = 1
const LAYOUT_FILE = 'cluster.json'
export const HOST = '127.0.0.1'

/** The ports of node1; node2 has the next ones, and so on. */
export interface BasePorts {
  readonly redis: number
  readonly http: number
  readonly peer: number
}

export interface LocalNode {
  readonly name: string
  readonly redisPort: number
  readonly httpPort: number
  readonly peerPort: number
  /** Authority of the cluster's own certificates; absent = no TLS. */
  readonly caFile?: string
}

/** The earlier systems whose clients a local cluster can serve: how its nodes answer lines of text (--inline). */
export const compatInline = { s1: 'json', s2: 'plain' } as const
export type Compat = keyof typeof compatInline

export interface ClusterLayout {
  /** Absolute. */
  readonly folder: string
  readonly nodes: readonly LocalNode[]
  /** Null: no earlier system. */
  readonly compat: Compat | null
  /** Until the first start has succeeded: it makes node1 the leader. */
  readonly fresh: boolean
}

/** What the user asked for; absent = as saved, or the default. */
export interface LayoutWishes {
  readonly nodes?: number
  readonly redisPort?: number
  readonly httpPort?: number
  readonly peerPort?: number
  /** With certificates of its own. */
  readonly tls?: boolean
  readonly compat?: Compat
}

/** Certificates of a cluster with TLS. */
export function tlsFolder(folder: string): string {
  return join(resolve(folder), 'tls')
}

export function dataFolder(layout: ClusterLayout, node: LocalNode): string {
  return join(layout.folder, node.name)
}

export function logFile(layout: ClusterLayout, node: LocalNode): string {
  return join(layout.folder, `${node.name}.log`)
}

export function pidFile(layout: ClusterLayout, node: LocalNode): string {
  return join(layout.folder, `${node.name}.pid`)
}

export function layoutFile(layout: ClusterLayout): string {
  return join(layout.folder, LAYOUT_FILE)
}

/** The saved layout of the cluster in `folder`, or null when none was started there. */
export function loadLayout(folder: string): ClusterLayout | null {
  const path = join(resolve(folder), LAYOUT_FILE)
  if (!existsSync(path)) return null
  const saved = parseLayout(path)
  if (saved.version !== LAYOUT_VERSION) {
    throw new CliError(
      exitCodes.failed,
      `Cannot read ${path}: its version is ${saved.version}, wanted ${LAYOUT_VERSION}`,
    )
  }
  const compat = Object.hasOwn(compatInline, saved.compat ?? '') ? (saved.compat as Compat) : null
  return { folder: resolve(folder), nodes: saved.nodes, compat, fresh: saved.fresh === true }
}

interface SavedLayout {
  readonly version: number
  readonly nodes: readonly LocalNode[]
  readonly compat: string | null
  readonly fresh?: boolean
}

function parseLayout(path: string): SavedLayout {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as SavedLayout
  } catch (error) {
    throw new CliError(exitCodes.failed, `Cannot read ${path}: ${(error as Error).message}`)
  }
}

export function requireLayout(folder: string): ClusterLayout {
  const layout = loadLayout(folder)
  if (layout !== null) return layout
  throw new CliError(exitCodes.failed, `There is no cluster in ${resolve(folder)}`, 'kvorum cluster start')
}

/** Written aside and renamed: a crash leaves the old file or the new one. */
export function saveLayout(layout: ClusterLayout): void {
  mkdirSync(layout.folder, { recursive: true })
  const path = layoutFile(layout)
  const { fresh, compat, nodes } = layout
  const saved = { version: LAYOUT_VERSION, fresh, compat, nodes }
  writeFileSync(`${path}.new`, `${JSON.stringify(saved, null, 2)}\n`)
  renameSync(`${path}.new`, path)
}

export function newLayout(folder: string, wishes: LayoutWishes): ClusterLayout {
  const base = {
    redis: wishes.redisPort ?? DEFAULT_PORTS.redis,
    http: wishes.httpPort ?? DEFAULT_PORTS.http,
    peer: wishes.peerPort ?? DEFAULT_PORTS.peer,
  }
  const nodes = Array.from({ length: wishes.nodes ?? DEFAULT_NODES }, (_, index) => ({
    name: `node${index + 1}`,
    redisPort: base.redis + index,
    httpPort: base.http + index,
    peerPort: base.peer + index,
    ...(wishes.tls === true ? { caFile: caFileOf(folder) } : {}),
  }))
  requireDistinctPorts(nodes)
  return { folder: resolve(folder), nodes, compat: wishes.compat ?? null, fresh: true }
}

/** The saved layout with the wished client ports; its size and its peer ports are part of the cluster's own data. */
export function adaptLayout(saved: ClusterLayout, wishes: LayoutWishes): ClusterLayout {
  const size = saved.nodes.length
  if (wishes.nodes !== undefined && wishes.nodes !== size) {
    const message = `The cluster in ${saved.folder} has ${size} nodes, not ${wishes.nodes}`
    throw new CliError(exitCodes.usage, message, 'another --data DIR, or kvorum cluster clean')
  }
  if (wishes.peerPort !== undefined && wishes.peerPort !== saved.nodes[0]?.peerPort) {
    const message = `The members of the cluster in ${saved.folder} know each other by their peer ports`
    throw new CliError(exitCodes.usage, `${message}: they cannot be changed`, 'another --data DIR')
  }
  const nodes = saved.nodes.map((node, index) => ({
    ...node,
    ...(wishes.tls === true ? { caFile: caFileOf(saved.folder) } : {}),
    redisPort: wishes.redisPort === undefined ? node.redisPort : wishes.redisPort + index,
    httpPort: wishes.httpPort === undefined ? node.httpPort : wishes.httpPort + index,
  }))
  requireDistinctPorts(nodes)
  return { ...saved, nodes, compat: wishes.compat ?? saved.compat }
}

function caFileOf(folder: string): string {
  return join(tlsFolder(folder), 'ca.crt')
}

function requireDistinctPorts(nodes: readonly LocalNode[]): void {
  const ports = nodes.flatMap((node) => [node.redisPort, node.httpPort, node.peerPort])
  const repeated = ports.find((port, index) => ports.indexOf(port) !== index)
  if (repeated !== undefined) throw new CliError(exitCodes.usage, `Port ${repeated} would be used twice`)
  const wrong = ports.find((port) => port < 1 || port > 65_535)
  if (wrong !== undefined) throw new CliError(exitCodes.usage, `Port ${wrong} is not between 1 and 65535`)
}

/** The node that a user names as '2' or 'node2'. */
export function findNode(layout: ClusterLayout, wanted: string): LocalNode {
  const found = layout.nodes.find((node, index) => node.name === wanted || String(index + 1) === wanted)
  if (found !== undefined) return found
  const names = layout.nodes.map((node) => node.name).join(', ')
  throw new CliError(exitCodes.usage, `There is no node '${wanted}' in ${layout.folder}: it has ${names}`)
}
