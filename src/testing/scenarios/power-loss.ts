/**
 * All nodes are killed at the same moment, under load, once per round. Every acknowledged write must be there
 * after.
 */
import { type TestCluster, withCluster } from '../processes/cluster.ts'
import { machine } from '../processes/figures.ts'
import { Load } from '../processes/load.ts'
import { Writer } from '../processes/writer.ts'

export interface PowerLossOptions {
  readonly rounds: number
  /** Counting clients; besides them one pipelining writer per node. */
  readonly clients: number
}

export interface PowerLossReport extends PowerLossOptions {
  readonly increments: number
  readonly keys: number
  readonly machine: { readonly cores: number; readonly load1: number }
}

const ANSWERS = 20
const VALUE_BYTES = 100

export function powerLoss(options: PowerLossOptions): Promise<PowerLossReport> {
  return withCluster({}, async (cluster) => {
    const load = await Load.start(cluster.nodes, options.clients)
    const writers: Writer[] = []
    for (let round = 0; round < options.rounds; round++)
      writers.push(...(await losePower(cluster, load, round)))
    await load.stop()
    for (const writer of writers) await writer.verify(cluster.node(0))
    await load.judge(cluster.node(1), (counter) => counter.mayAdd)
    const keys = writers.reduce((sum, writer) => sum + writer.acknowledged, 0)
    return { ...options, increments: load.acknowledged, keys, machine: machine() }
  })
}

async function losePower(cluster: TestCluster, load: Load, round: number): Promise<Writer[]> {
  const writers: Writer[] = []
  for (const node of cluster.nodes) {
    const writer = new Writer({
      prefix: `power:${round}:${node.name}`,
      count: Infinity,
      valueBytes: VALUE_BYTES,
    })
    writer.start(await node.connect())
    writers.push(writer)
  }
  load.mark()
  await load.answers(cluster.nodes, ANSWERS)
  for (const node of cluster.nodes) node.signal('SIGKILL')
  await Promise.all(cluster.nodes.map((node) => node.exited()))
  await Promise.all(writers.map((writer) => writer.done()))
  for (const node of cluster.nodes) node.start()
  await cluster.ready()
  // Verified at once as well: a later round must not be what repairs it.
  for (const [i, writer] of writers.entries())
    await writer.verify(cluster.node((i + 1) % cluster.nodes.length))
  return writers
}
