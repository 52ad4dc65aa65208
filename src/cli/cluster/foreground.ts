/**
 * A cluster in the foreground: stays until Ctrl-C or SIGTERM, then stops the nodes; meanwhile it says when a node goes
 * or comes back and when the leader moves. A second Ctrl-C leaves at once and lets the nodes finish by themselves.
 * Nodes that ran before belong to another command: they are never stopped, and beside them it does not stay.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { exitCodes, note, print } from '../exit.ts'
import { type ClusterLayout, type LocalNode, loadLayout } from './layout.ts'
import { viewCluster } from './probe.ts'
import { findProcess, stopNodes } from './processes.ts'

const WATCH_MS = 1_000

/**
 * Launches by `launch`, stays, and returns when the nodes are stopped, by us or by someone else; returns at once when
 * some of them ran before. Interrupted while it launches, it stops what it started so far and ends the process.
 */
export async function runInForeground(folder: string, launch: () => Promise<ClusterLayout>): Promise<void> {
  const others = runningNodes(loadLayout(folder))
  const interrupted = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (interrupted.signal.aborted) process.exit(exitCodes.interrupted)
      interrupted.abort()
    })
  }
  const layout = await Promise.race([launch(), aborted(interrupted.signal)])
  if (layout !== undefined) {
    print(`\n${hints(layout, others.size === 0 ? 'Ctrl-C' : 'kvorum cluster stop')}\n`)
    if (others.size > 0) return
    await watch(layout, interrupted.signal)
    if (!interrupted.signal.aborted) return
  }
  await stopOwn(layout ?? loadLayout(folder), others)
  if (layout === undefined) process.exit(exitCodes.interrupted)
}

/** The names of the nodes that run. */
function runningNodes(layout: ClusterLayout | null): ReadonlySet<string> {
  const nodes = layout?.nodes.filter((node) => findProcess(layout, node) !== null) ?? []
  return new Set(nodes.map(({ name }) => name))
}

async function stopOwn(layout: ClusterLayout | null, others: ReadonlySet<string>): Promise<void> {
  const own = layout?.nodes.filter(({ name }) => !others.has(name)) ?? []
  if (layout === null || own.length === 0) return
  print('Stopping the cluster...')
  const killed = await stopNodes(layout, own)
  for (const node of killed) note(`${node.name} did not stop in time and was killed`)
  print('Cluster stopped. Its data is kept.')
}

function hints(layout: ClusterLayout, stop: string): string {
  const [first] = layout.nodes
  return [
    `Try it:   redis-cli -p ${first?.redisPort} set greeting hello`,
    `Health:   curl http://127.0.0.1:${first?.httpPort}/readyz`,
    `Data:     ${layout.folder}`,
    `Stop:     ${stop}`,
  ].join('\n')
}

/** Returns when interrupted, or when no node runs any more. */
async function watch(layout: ClusterLayout, interrupted: AbortSignal): Promise<void> {
  const up = new Map<LocalNode, boolean>(layout.nodes.map((node) => [node, true]))
  let leader = (await viewCluster(layout.nodes)).leader
  while (!interrupted.aborted) {
    await pauseUnless(interrupted)
    if (interrupted.aborted) return
    tellChanges(layout, up)
    if (![...up.values()].includes(true)) {
      print('All nodes are stopped.')
      return
    }
    const now = (await viewCluster(layout.nodes)).leader
    if (now !== leader && !interrupted.aborted)
      print(now === '' ? 'There is no leader.' : `${now} is PRIMARY now.`)
    leader = now
  }
}

function tellChanges(layout: ClusterLayout, up: Map<LocalNode, boolean>): void {
  for (const node of layout.nodes) {
    const runs = findProcess(layout, node) !== null
    if (runs === up.get(node)) continue
    up.set(node, runs)
    print(runs ? `${node.name} is back.` : `${node.name} is down. Bring it back: kvorum cluster start`)
  }
}

/** The interval of the watch, cut short by the interrupt. */
async function pauseUnless(interrupted: AbortSignal): Promise<void> {
  try {
    await pause(WATCH_MS, undefined, { signal: interrupted })
  } catch {
    return
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }))
}
