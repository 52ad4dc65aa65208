/**
 * Starting a local cluster: check every port, start what is down, wait until each node is ready, and say so with live
 * roles. At the very first start node1 is made leader before anything is printed.
 */
import type { ChildProcess } from 'node:child_process'
import { Connection } from '../../client/connection.ts'
import { prettyLine } from '../../lib/pretty-log.ts'
import { CliError, exitCodes, note, print } from '../exit.ts'
import { poll } from '../poll.ts'
import { clientPassword, localNode, tlsOptions } from '../target.ts'
import { makeCertificates } from './certificates.ts'
import type { ClusterLayout, LocalNode } from './layout.ts'
import {
  adaptLayout,
  compatInline,
  dataFolder,
  HOST,
  type LayoutWishes,
  loadLayout,
  logFile,
  newLayout,
  saveLayout,
} from './layout.ts'
import { portHolder } from './ports.ts'
import { nodeStatus, readiness, viewCluster } from './probe.ts'
import { findProcess, lastLogLines, startNode } from './processes.ts'

const READY_LIMIT_MS = 60_000
const ROLE_LIMIT_MS = 10_000
/** Waiting is silent for this long; then it says on stderr what it waits for. */
const PATIENCE_MS = 5_000
const POLL_MS = 25

/** Starts what is down in the cluster of `folder` (made by `wishes` when there is none) and prints it. */
export async function launchCluster(
  folder: string,
  wishes: LayoutWishes,
  nodeArguments: readonly string[],
): Promise<ClusterLayout> {
  const saved = loadLayout(folder)
  const layout = saved === null ? newLayout(folder, wishes) : adaptLayout(saved, wishes)
  const down = layout.nodes.filter((node) => findProcess(layout, node) === null)
  if (saved !== null && down.length < layout.nodes.length) requireUnchanged(saved, layout)
  await requireFreePorts(down)
  await makeCertificates(layout)
  saveLayout(layout)
  const given = [...compatArguments(layout), ...nodeArguments]
  const children = down.map((node) => ({ node, child: startNode(layout, node, given) }))
  await waitUntilReady(layout, children)
  // The first system's clients expect that a cluster that was just started has its primary on the first port.
  if (layout.fresh || (layout.compat === 's1' && down.length === layout.nodes.length)) {
    await leadWith(layout, layout.nodes[0])
    saveLayout({ ...layout, fresh: false })
  }
  await printStarted(layout, down)
  return layout
}

function compatArguments({ compat }: ClusterLayout): string[] {
  return compat === null ? [] : [`--inline=${compatInline[compat]}`]
}

/** PRIMARY for the leader, SECONDARY for everyone else. */
export function roleWord(node: LocalNode, leader: string): string {
  return node.name === leader ? 'PRIMARY' : 'SECONDARY'
}

async function printStarted(layout: ClusterLayout, down: readonly LocalNode[]): Promise<void> {
  const leader = await poll({ timeoutMs: ROLE_LIMIT_MS, intervalMs: POLL_MS }, async () => {
    const view = await viewCluster(layout.nodes)
    return view.leader === '' ? null : view.leader
  })
  if (leader === null) {
    throw new CliError(
      exitCodes.noQuorum,
      'The nodes run but have no leader',
      'kvorum cluster status, kvorum cluster logs',
    )
  }
  for (const node of layout.nodes) {
    const state = `on port ${node.redisPort} (${roleWord(node, leader)})`
    print(
      down.includes(node) ? `Starting ${node.name} ${state}...` : `${node.name} is already running ${state}`,
    )
  }
  print(down.length > 0 ? 'Cluster started successfully!' : 'Cluster is already running.')
}

/** Running nodes keep what they were started with until they are stopped. */
function requireUnchanged(saved: ClusterLayout, wanted: ClusterLayout): void {
  const differ = (of: (layout: ClusterLayout) => unknown): boolean =>
    JSON.stringify(of(saved)) !== JSON.stringify(of(wanted))
  const changes = [
    differ(({ nodes }) => nodes.map((node) => [node.redisPort, node.httpPort])) ? 'ports' : '',
    differ(({ nodes }) => nodes.map((node) => node.caFile)) ? '--tls' : '',
    differ(({ compat }) => compat) ? '--compat' : '',
  ].filter((change) => change !== '')
  if (changes.length === 0) return
  throw new CliError(
    exitCodes.usage,
    `Cannot change ${changes.join(' and ')} while nodes run`,
    'kvorum cluster stop, then start',
  )
}

const PORT_FLAGS = [
  { flag: '--redis-port', key: 'redisPort', other: 16_379 },
  { flag: '--http-port', key: 'httpPort', other: 18_081 },
  { flag: '--peer-port', key: 'peerPort', other: 19_091 },
] as const

/** Refuses with the holder of every port that is taken, and what can be done. */
async function requireFreePorts(nodes: readonly LocalNode[]): Promise<void> {
  const problems: string[] = []
  const remedies = new Set<string>()
  const pids = new Set<number>()
  for (const node of nodes) {
    for (const row of PORT_FLAGS) {
      const holder = await portHolder(HOST, node[row.key])
      if (holder === null) continue
      const who = holder.pid === null ? 'another process' : `process ${holder.pid}: ${holder.command}`
      problems.push(`Port ${node[row.key]} (${node.name}) is in use by ${who}`)
      remedies.add(`${row.flag} ${row.other}`)
      if (holder.pid !== null) pids.add(holder.pid)
    }
  }
  if (problems.length === 0) return
  const stop =
    pids.size > 0 ? `stop what holds them: kill ${[...pids].join(' ')}` : 'find the holder: lsof -i'
  const move = `or take other ports: kvorum cluster start ${[...remedies].join(' ')}`
  throw new CliError(exitCodes.failed, problems.join('\n'), `${stop}\n${move}`)
}

interface StartedNode {
  readonly node: LocalNode
  readonly child: ChildProcess
}

async function waitUntilReady(layout: ClusterLayout, started: readonly StartedNode[]): Promise<void> {
  const begun = performance.now()
  let told = false
  let missing: string[] = []
  const ready = await poll({ timeoutMs: READY_LIMIT_MS, intervalMs: POLL_MS }, async () => {
    for (const { node, child } of started) requireAlive(layout, node, child)
    const reports = await Promise.all(started.map(({ node }) => readiness(node)))
    missing = reports.flatMap((text, index) => (text === '' ? [] : [`${started[index]?.node.name}: ${text}`]))
    if (!told && missing.length > 0 && performance.now() - begun > PATIENCE_MS) {
      note(`waiting for ${missing.join(', ')}`)
      told = true
    }
    return missing.length === 0 ? true : null
  })
  if (ready !== null) return
  const message = `Not ready after ${READY_LIMIT_MS / 1000} s: ${missing.join(', ')}`
  throw new CliError(exitCodes.noQuorum, message, 'kvorum cluster logs, kvorum cluster status')
}

/** A node that ends while it starts has said why in its log. */
function requireAlive(layout: ClusterLayout, node: LocalNode, child: ChildProcess): void {
  if (child.exitCode === null && child.signalCode === null) return
  const how = child.signalCode ?? `exit status ${child.exitCode}`
  const lines = lastLogLines(layout, node, 10).map((line) => prettyLine(line, false).trimEnd())
  const message = [`${node.name} ended while starting (${how}):`, ...lines].join('\n')
  throw new CliError(
    exitCodes.failed,
    message,
    `the whole log: ${logFile(layout, node)}\nits data: ${dataFolder(layout, node)}`,
  )
}

/** Hands leadership to `wanted` and waits until every node follows it; harmless when it leads already. */
async function leadWith(layout: ClusterLayout, wanted: LocalNode | undefined): Promise<void> {
  if (wanted === undefined) return
  const everyone = { timeoutMs: ROLE_LIMIT_MS, intervalMs: POLL_MS }
  const done = await poll(everyone, async () => {
    const reports = await Promise.all(layout.nodes.map(nodeStatus))
    if (reports.every((report) => report?.leader === wanted.name)) return true
    const led = reports.some((report) => report?.role === 'leader' && report.name !== wanted.name)
    if (led) await transferTo(wanted)
    return null
  })
  if (done === null) note(`${wanted.name} did not become leader; another node leads`)
}

/** A transfer may be refused while an election is under way: the caller asks again. */
async function transferTo(wanted: LocalNode): Promise<void> {
  const { server, caFile } = localNode(wanted)
  try {
    const connection = await Connection.open(server, {
      password: clientPassword(),
      commandTimeoutMs: 3_000,
      tls: tlsOptions({}, caFile),
    })
    try {
      await connection.send(['KVORUM', 'LEADER', 'TRANSFER', wanted.name])
    } finally {
      connection.close()
    }
  } catch {
    return
  }
}
