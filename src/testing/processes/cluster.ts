/**
 * A cluster of real nodes on this machine for one test: free ports, a folder of its own, everything ended and
 * removed at the end, the nodes' states and logs shown when a test failed.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TlsOptions } from '../../client/socket.ts'
import { limits } from '../../protocol/limits.ts'
import { freePorts } from '../free-ports.ts'
import { closeDrivers } from './load.ts'
import { NodeProcess } from './node-process.ts'
import { pause, until } from './wait.ts'

const KiB = 1024
const SHOWN_LINES = 40
const STATE_MS = 2_000

/** Flags with which logs rotate, memtables are flushed and followers need snapshots after little data. */
export const SMALL_STORAGE: Readonly<Record<string, number>> = {
  'segment-bytes': 256 * KiB,
  'memtable-bytes': 256 * KiB,
  'memtable-log-bytes': 512 * KiB,
  'trailing-log-bytes': 64 * KiB,
  'entry-cache-bytes': 256 * KiB,
}

/**
 * For scenarios in which a node is away and no client may see an error: when one of the two others stands still, as on
 * a busy machine any process may, that is no loss of the majority yet.
 */
export const NO_REFUSALS: Readonly<Record<string, number>> = { 'silence-ms': 15_000 }

/** R15's own times, for scenarios that are about them: otherwise nodes are more patient here (NodeProcess). */
export const RULE_TIMES: Readonly<Record<string, number>> = { 'silence-ms': 1_000, 'hold-ms': limits.holdMs }

/** Where a node lives, when not beside the test. */
export interface Place {
  readonly host: string
  readonly prefix: readonly string[]
}

export interface ClusterOptions {
  /** Members at the beginning; 3 when not said. */
  readonly size?: number
  readonly flags?: Readonly<Record<string, string | number>>
  /** Further flags by node, beginning with 0. */
  readonly nodeFlags?: readonly Readonly<Record<string, string | number>>[]
  /** How to reach the nodes over TLS. */
  readonly tls?: TlsOptions
  /** By node, beginning with 0; on this machine's loopback when not said. */
  readonly places?: readonly Place[]
  /** Folder for the data of a node, by node; below the test's own folder when not said. */
  readonly dataFolders?: readonly string[]
}

export class TestCluster {
  readonly nodes: NodeProcess[]
  readonly folder: string
  readonly #flags: Readonly<Record<string, string | number>>
  /** The runner sets it as soon as a test of this file fails. */
  readonly #exitCodeBefore = process.exitCode
  #isShown = false

  constructor(nodes: NodeProcess[], folder: string, flags: Readonly<Record<string, string | number>>) {
    this.nodes = nodes
    this.folder = folder
    this.#flags = flags
  }

  get running(): NodeProcess[] {
    return this.nodes.filter((node) => node.isRunning)
  }

  node(index: number): NodeProcess {
    const node = this.nodes[index]
    if (node === undefined) throw new Error(`There is no node ${index}`)
    return node
  }

  async ready(nodes: readonly NodeProcess[] = this.running): Promise<void> {
    await Promise.all(nodes.map((node) => node.ready()))
  }

  /** The leader that `nodes` (all that run) agree on, once they do; `other` is not accepted. */
  leader(
    nodes: readonly NodeProcess[] = this.running,
    other: NodeProcess | null = null,
  ): Promise<NodeProcess> {
    return until('one leader', async (saw) => {
      const views = await Promise.all(nodes.map((node) => node.status()))
      saw(views.map(({ name, role, term, leader }) => ({ name, role, term, leader })))
      const name = views[0]?.leader ?? ''
      if (name === '' || name === other?.name || views.some((view) => view.leader !== name)) return null
      return this.nodes.find((node) => node.name === name) ?? null
    })
  }

  /** The nodes that are not `node`, those that run. */
  others(node: NodeProcess): NodeProcess[] {
    return this.running.filter((one) => one !== node)
  }

  /** Waits until every running node has applied everything that is committed now. */
  async settled(): Promise<void> {
    await until('all nodes to have applied the same', async (saw) => {
      const views = await Promise.all(this.running.map((node) => node.status()))
      saw(views.map(({ name, commitIndex, appliedIndex }) => ({ name, commitIndex, appliedIndex })))
      const commit = Math.max(...views.map((view) => view.commitIndex))
      return views.every((view) => view.appliedIndex === commit)
    })
  }

  /** A further node, not started; `cluster` is what it is told of the members. */
  async addProcess(name: string, cluster: string): Promise<NodeProcess> {
    const port = await freePorts(3)
    const node = new NodeProcess({
      name,
      host: '127.0.0.1',
      redisPort: port,
      httpPort: port + 1,
      peerPort: port + 2,
      data: join(this.folder, `${name}-${port}`),
      flags: {
        ...this.#flags,
        ...(cluster === '' ? {} : { cluster: `${cluster},${name}=127.0.0.1:${port + 2}` }),
      },
    })
    this.nodes.push(node)
    return node
  }

  /** 'n1=host:port,…' of the nodes given. */
  static members(nodes: readonly NodeProcess[]): string {
    return nodes.map(({ options }) => `${options.name}=${options.host}:${options.peerPort}`).join(',')
  }

  /** Ends it; when a test has failed since it was made, what its nodes are at and say is shown first. */
  async close(): Promise<void> {
    if (process.exitCode !== this.#exitCodeBefore) await this.show()
    await Promise.all(this.nodes.map((node) => node.kill()))
    await rm(this.folder, { recursive: true, force: true })
  }

  /** Prints the state of every node and the last lines of its log, once. */
  async show(): Promise<void> {
    if (this.#isShown) return
    this.#isShown = true
    for (const node of this.nodes) {
      const lines = node.output.split('\n').slice(-SHOWN_LINES).join('\n')
      process.stderr.write(`--- ${node.name}: ${await stateOf(node)}\n${lines}\n`)
    }
  }
}

/** In one line: what a person asks first who looks for a mistake. */
async function stateOf(node: NodeProcess): Promise<string> {
  if (!node.isRunning) return 'does not run'
  const late = pause(STATE_MS).then(() => null)
  const status = await Promise.race([node.status().catch(() => null), late])
  if (status === null) return 'runs, and does not tell its state'
  const { role, term, leader, commitIndex, appliedIndex, quorum, space, reasons } = status
  return JSON.stringify({ role, term, leader, commitIndex, appliedIndex, quorum, space, reasons })
}

/** Starts a cluster, waits until all of it is ready, runs `use`, and ends it in any case. */
export async function withCluster<T>(
  options: ClusterOptions,
  use: (cluster: TestCluster) => Promise<T>,
): Promise<T> {
  return useCluster(await prepareCluster(options), use)
}

/** A cluster whose every node is ready, for the tests of one file: close it behind them. */
export async function openCluster(options: ClusterOptions): Promise<TestCluster> {
  const cluster = await prepareCluster(options)
  for (const node of cluster.nodes) node.start()
  try {
    await cluster.ready()
  } catch (error) {
    await cluster.show()
    await cluster.close()
    throw error
  }
  return cluster
}

/** The same for a cluster that was prepared otherwise. */
async function useCluster<T>(cluster: TestCluster, use: (cluster: TestCluster) => Promise<T>): Promise<T> {
  try {
    for (const node of cluster.nodes) node.start()
    await cluster.ready()
    return await use(cluster)
  } catch (error) {
    await cluster.show()
    throw error
  } finally {
    closeDrivers()
    await cluster.close()
  }
}

async function prepareCluster(options: ClusterOptions): Promise<TestCluster> {
  const size = options.size ?? 3
  const folder = await mkdtemp(join(tmpdir(), 'kvorum-scenario-'))
  const firstPort = await freePorts(3 * size)
  const places = Array.from(
    { length: size },
    (_, i) => options.places?.[i] ?? { host: '127.0.0.1', prefix: [] },
  )
  const members = places.map(({ host }, i) => `n${i + 1}=${host}:${firstPort + 3 * i + 2}`).join(',')
  const flags = options.flags ?? {}
  const nodes = places.map(({ host, prefix }, i) => {
    const port = firstPort + 3 * i
    return new NodeProcess({
      name: `n${i + 1}`,
      host,
      prefix,
      redisPort: port,
      httpPort: port + 1,
      peerPort: port + 2,
      data: options.dataFolders?.[i] ?? join(folder, `n${i + 1}`),
      flags: { ...(size === 1 ? {} : { cluster: members }), ...flags, ...options.nodeFlags?.[i] },
      ...(options.tls === undefined ? {} : { tls: options.tls }),
    })
  })
  return new TestCluster(nodes, folder, flags)
}
