/** The verbs of `kvorum cluster`, apart from starting: stop, status, kill, clean. */
import { existsSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { CliError, exitCodes, note, print } from '../exit.ts'
import { roleWord } from './launch.ts'
import {
  type ClusterLayout,
  dataFolder,
  findNode,
  type LocalNode,
  layoutFile,
  loadLayout,
  logFile,
  pidFile,
  requireLayout,
  tlsFolder,
} from './layout.ts'
import { viewCluster } from './probe.ts'
import { findProcess, killNode, stopNodes } from './processes.ts'

export async function stopCluster(folder: string): Promise<void> {
  const layout = requireLayout(folder)
  const running = layout.nodes.filter((node) => findProcess(layout, node) !== null)
  if (running.length === 0) {
    print('Cluster is not running.')
    return
  }
  const killed = await stopNodes(layout, running)
  for (const node of killed) note(`${node.name} did not stop in time and was killed`)
  print(`Cluster stopped (${running.map((node) => node.name).join(', ')}). Its data is kept.`)
}

/** Prints one line per node. Throws with the status of "no quorum" when there is no leader. */
export async function showStatus(folder: string, json: boolean): Promise<void> {
  const layout = requireLayout(folder)
  const view = await viewCluster(layout.nodes)
  const rows = layout.nodes.map((node, index) => ({
    node,
    running: view.reports[index] !== null,
    report: view.reports[index] ?? null,
  }))
  if (json) {
    print(JSON.stringify({ leader: view.leader || null, nodes: rows.map(jsonRow) }, null, 2))
  } else {
    for (const { node, running } of rows)
      print(statusLine(layout, node, roleWord(node, view.leader), running))
  }
  if (view.leader === '')
    throw new CliError(exitCodes.noQuorum, 'The cluster has no leader', 'kvorum cluster start')
}

/** `✓ node1 (PRIMARY  ) - Port 6379: RUNNING` */
function statusLine(layout: ClusterLayout, node: LocalNode, role: string, running: boolean): string {
  const width = Math.max(...layout.nodes.map((other) => other.name.length))
  const mark = running ? '✓' : '✗'
  const state = running ? 'RUNNING' : 'DOWN'
  return `${mark} ${node.name.padEnd(width)} (${role.padEnd(9)}) - Port ${node.redisPort}: ${state}`
}

function jsonRow(row: {
  node: LocalNode
  running: boolean
  report: { role: string; term: number } | null
}): object {
  return { ...row.node, running: row.running, role: row.report?.role ?? null, term: row.report?.term ?? null }
}

export async function killOne(folder: string, wanted: string): Promise<void> {
  const layout = requireLayout(folder)
  const node = findNode(layout, wanted)
  const pid = await killNode(layout, node)
  if (pid === null) throw new CliError(exitCodes.failed, `${node.name} is not running`)
  print(`Killed ${node.name} (process ${pid}). Bring it back: kvorum cluster start`)
}

/** Removes everything of a stopped cluster, after `yes` or a confirmation on the terminal. */
export async function cleanCluster(folder: string, yes: boolean): Promise<void> {
  const layout = loadLayout(folder)
  if (layout === null) {
    print(`There is nothing to clean in ${resolve(folder)}.`)
    return
  }
  const running = layout.nodes.filter((node) => findProcess(layout, node) !== null)
  if (running.length > 0) {
    const names = running.map((node) => node.name).join(', ')
    throw new CliError(exitCodes.failed, `Cannot clean: still running: ${names}`, 'kvorum cluster stop')
  }
  if (
    !yes &&
    !(await confirm(`This removes all data of the cluster in ${layout.folder}. Continue? [y/N] `))
  ) {
    throw new CliError(exitCodes.failed, 'Nothing was removed')
  }
  for (const path of layout.nodes.flatMap((node) => filesOf(layout, node)))
    rmSync(path, { recursive: true, force: true })
  rmSync(tlsFolder(layout.folder), { recursive: true, force: true })
  rmSync(layoutFile(layout), { force: true })
  print(`Removed the data of ${layout.nodes.length} nodes in ${layout.folder}.`)
}

/** Removes the cluster's folder when nothing else is in it. Call without the lock. */
export function removeEmptyFolder(folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder)
}

function filesOf(layout: ClusterLayout, node: LocalNode): string[] {
  const log = logFile(layout, node)
  return [dataFolder(layout, node), log, `${log}.old`, pidFile(layout, node)]
}

async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new CliError(exitCodes.usage, 'This needs a confirmation', 'add --yes')
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await lines.question(question)).trim())
  } finally {
    lines.close()
  }
}
