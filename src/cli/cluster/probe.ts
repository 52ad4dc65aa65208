/** What a running node says of itself, asked through its public doors: /readyz and KVORUM STATUS. */
import { readFileSync } from 'node:fs'
import { type ClientRequest, get, type IncomingMessage, type RequestOptions } from 'node:http'
import { get as getSecure } from 'node:https'
import { Connection } from '../../client/connection.ts'
import { replyText } from '../../client/reply.ts'
import { clientPassword, localNode, tlsOptions } from '../target.ts'
import { HOST, type LocalNode } from './layout.ts'

/** A busy node must not be taken for one that is down; one that is down refuses at once. */
const ASK_LIMIT_MS = 3_000

/** The parts of a node's status (cluster/execute.ts, NodeStatus) that the command line uses. */
export interface StatusReport {
  readonly name: string
  readonly role: string
  readonly term: number
  /** Name of the leader this node follows, or ''. */
  readonly leader: string
  readonly ready: boolean
  readonly reasons: readonly string[]
  readonly quorum: boolean
  readonly clusterId: string
  readonly version: string
  readonly redisAddress: string
  readonly httpAddress: string
  readonly commitIndex: number
  readonly appliedIndex: number
  readonly revision: number
  readonly space: string
  readonly keyspace: readonly { readonly database: number; readonly keys: number; readonly expires: number }[]
  readonly peers: readonly PeerReport[]
}

export interface PeerReport {
  readonly member: { readonly name: string; readonly peerAddress: string }
  readonly voter: boolean
  readonly learner: boolean
  readonly reachable: boolean
  readonly matchIndex: number
  /** null when never heard. */
  readonly lastHeardMs: number | null
  readonly redisAddress: string
}

/** '' when the node is ready, else why not. */
export function readiness(node: LocalNode): Promise<string> {
  return new Promise((resolve) => {
    const request = httpGet(node, { path: '/readyz', agent: false, timeout: ASK_LIMIT_MS }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text) => {
        body += text
      })
      response.on('end', () => resolve(response.statusCode === 200 ? '' : failingLines(body)))
      response.on('error', (error) => resolve(error.message))
    })
    request.on('timeout', () => request.destroy(new Error('no answer')))
    request.on('error', (error) => resolve(error.message || 'connection refused'))
  })
}

function httpGet(
  node: LocalNode,
  options: RequestOptions,
  onResponse: (response: IncomingMessage) => void,
): ClientRequest {
  const where = { ...options, host: HOST, port: node.httpPort }
  if (node.caFile === undefined) return get(where, onResponse)
  return getSecure({ ...where, ca: readFileSync(node.caFile) }, onResponse)
}

/** Of a readiness report only the lines that say what is missing ('[-]leader ...'), if it has that form. */
function failingLines(body: string): string {
  const lines = body.split('\n').filter((line) => line.trim() !== '')
  const failing = lines.filter((line) => line.startsWith('[-]'))
  return (failing.length > 0 ? failing : lines).join('; ') || 'not ready'
}

/** The node's status, or null when it does not answer within three seconds. */
export async function nodeStatus(node: LocalNode): Promise<StatusReport | null> {
  const { server, caFile } = localNode(node)
  const limits = { connectTimeoutMs: ASK_LIMIT_MS, commandTimeoutMs: ASK_LIMIT_MS }
  try {
    const tls = tlsOptions({}, caFile)
    const connection = await Connection.open(server, { ...limits, password: clientPassword(), tls })
    try {
      return await fetchStatus(connection)
    } finally {
      connection.close()
    }
  } catch {
    return null
  }
}

/** Asks through an open connection. */
export async function fetchStatus(connection: Connection): Promise<StatusReport> {
  return JSON.parse(replyText(await connection.command('KVORUM', 'STATUS')) ?? '{}')
}

/** The leader by the newest term among those who claim to lead, and who answered at all. */
export interface ClusterView {
  readonly reports: readonly (StatusReport | null)[]
  /** '' when no node that answers claims to lead. */
  readonly leader: string
}

export async function viewCluster(nodes: readonly LocalNode[]): Promise<ClusterView> {
  const reports = await Promise.all(nodes.map(nodeStatus))
  let leader: StatusReport | null = null
  for (const report of reports) {
    if (report?.role !== 'leader') continue
    if (leader === null || report.term > leader.term) leader = report
  }
  return { reports, leader: leader?.name ?? '' }
}
