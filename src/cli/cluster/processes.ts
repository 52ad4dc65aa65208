/**
 * The nodes of a local cluster as processes: started detached, so that they outlive the command that started them,
 * and found again by pid file and identity. A pid file whose process is gone, or is another by now, means: down.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { must } from '../../lib/assert.ts'
import { processIdentity } from '../../server/process-identity.ts'
import { poll } from '../poll.ts'
import { certificateFlags } from './certificates.ts'
import type { ClusterLayout, LocalNode } from './layout.ts'
import { dataFolder, HOST, logFile, pidFile } from './layout.ts'

/** Settings of the caller's environment that are one node's own and must not reach all of them. */
const OWN_VARIABLES = ['KVORUM_ADVERTISE_REDIS', 'KVORUM_ADVERTISE_HTTP', 'KVORUM_NODE_PROGRAM']
/** A log larger than this is set aside when its node starts. */
const LOG_BYTES_MAX = 64 * 1024 * 1024
/** A node has 5 s to leave (R17); what is longer is a hang. */
const STOP_LIMIT_MS = 10_000

/** The program that is started as a node; KVORUM_NODE_PROGRAM replaces it in tests. */
function nodeProgram(): string {
  return process.env.KVORUM_NODE_PROGRAM ?? fileURLToPath(new URL('../../../bin/kvorum.js', import.meta.url))
}

/** Starts a node; `more` are further arguments of `kvorum start`. */
export function startNode(layout: ClusterLayout, node: LocalNode, more: readonly string[]): ChildProcess {
  keepOneOldLog(logFile(layout, node))
  const log = openSync(logFile(layout, node), 'a')
  const members = layout.nodes.map((other) => `${other.name}=${HOST}:${other.peerPort}`).join(',')
  const child = spawn(
    process.execPath,
    [
      nodeProgram(),
      'start',
      `--node-id=${node.name}`,
      `--host=${HOST}`,
      `--redis-port=${node.redisPort}`,
      `--http-port=${node.httpPort}`,
      `--peer-port=${node.peerPort}`,
      `--data=${dataFolder(layout, node)}`,
      `--cluster=${members}`,
      ...certificateFlags(layout, node),
      ...more,
    ],
    { detached: true, stdio: ['ignore', log, log], env: nodeEnvironment() },
  )
  closeSync(log)
  child.unref()
  const pid = must(child.pid, 'process id of a started node')
  writeFileSync(pidFile(layout, node), `${pid} ${processIdentity(pid) ?? ''}\n`)
  return child
}

/** The id of the node's process, or null when it does not run. */
export function findProcess(layout: ClusterLayout, node: LocalNode): number | null {
  let text: string
  try {
    text = readFileSync(pidFile(layout, node), 'utf8').trim()
  } catch {
    return null
  }
  const [id = '', identity = ''] = splitOnce(text, ' ')
  const pid = Number(id)
  return identity !== '' && processIdentity(pid) === identity ? pid : null
}

/** Ends the nodes together: SIGTERM, and SIGKILL for what still runs after 10 s. Returns who had to be killed. */
export async function stopNodes(
  layout: ClusterLayout,
  nodes: readonly LocalNode[],
): Promise<readonly LocalNode[]> {
  for (const node of nodes) signalNode(layout, node, 'SIGTERM')
  const running = () => nodes.filter((node) => findProcess(layout, node) !== null)
  const timing = { timeoutMs: STOP_LIMIT_MS, intervalMs: 25 }
  const stopped = await poll(timing, () => (running().length === 0 ? true : null))
  const late = stopped === null ? running() : []
  for (const node of late) await killNode(layout, node)
  for (const node of nodes) rmSync(pidFile(layout, node), { force: true })
  return late
}

/** SIGKILL; returns the process id, or null when the node was not running. */
export async function killNode(layout: ClusterLayout, node: LocalNode): Promise<number | null> {
  const pid = signalNode(layout, node, 'SIGKILL')
  await poll({ timeoutMs: 5_000, intervalMs: 10 }, () => (findProcess(layout, node) === null ? true : null))
  return pid
}

/** The last lines of a node's log: what to show when it ended unexpectedly. */
export function lastLogLines(layout: ClusterLayout, node: LocalNode, count: number): string[] {
  try {
    const lines = readFileSync(logFile(layout, node), 'utf8').split('\n')
    return lines.filter((line) => line !== '').slice(-count)
  } catch {
    return []
  }
}

function signalNode(layout: ClusterLayout, node: LocalNode, signal: NodeJS.Signals): number | null {
  const pid = findProcess(layout, node)
  if (pid === null) return null
  try {
    process.kill(pid, signal)
  } catch {
    return null
  }
  return pid
}

function nodeEnvironment(): NodeJS.ProcessEnv {
  const env = { ...process.env }
  for (const name of OWN_VARIABLES) delete env[name]
  return env
}

function keepOneOldLog(path: string): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (size > LOG_BYTES_MAX) renameSync(path, `${path}.old`)
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)]
}
