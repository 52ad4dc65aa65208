/**
 * A node misses many writes and comes back while writes go on: it catches up from the log, or, when the log
 * does not reach back that far any more, by a snapshot. Then all nodes hold the same.
 */
import assert from 'node:assert/strict'
import { NO_REFUSALS, SMALL_STORAGE, withCluster } from '../processes/cluster.ts'
import { machine } from '../processes/figures.ts'
import { Load } from '../processes/load.ts'
import { until } from '../processes/wait.ts'
import { writeAll } from '../processes/writer.ts'

export interface CatchUpOptions {
  readonly by: 'log' | 'snapshot'
  /** Writes that the node misses. */
  readonly writes: number
  readonly clients: number
}

export interface CatchUpReport extends CatchUpOptions {
  /**
   * From the start of its process until it has applied everything that was committed then, in milliseconds.
   */
  readonly catchUpMs: number
  readonly snapshots: number
  readonly machine: { readonly cores: number; readonly load1: number }
}

const VALUE_BYTES = 100
const ANSWERS = 20
const LIMIT_MS = 300_000

export function catchUp(options: CatchUpOptions): Promise<CatchUpReport> {
  const flags = { ...NO_REFUSALS, ...(options.by === 'snapshot' ? SMALL_STORAGE : {}) }
  return withCluster({ flags }, async (cluster) => {
    const leader = await cluster.leader()
    const [late, other] = cluster.others(leader)
    if (late === undefined || other === undefined) throw new Error('The cluster has three nodes')
    await late.kill()
    const writer = await writeAll(other, { prefix: 'missed', count: options.writes, valueBytes: VALUE_BYTES })
    const load = await Load.start([leader, other], options.clients)
    await load.answers([leader, other], ANSWERS)
    const target = (await leader.status()).commitIndex
    const startMs = performance.now()
    late.start()
    await until(
      `${late.name} to have applied ${target}`,
      async () => (await late.status()).appliedIndex >= target,
      LIMIT_MS,
    )
    const catchUpMs = Math.round(performance.now() - startMs)
    await late.ready()
    load.mark()
    await load.answers([leader, other], ANSWERS)
    await load.stop()
    for (const { key, errors } of load.counters) assert.deepEqual(errors, [], `${key} saw errors`)
    await cluster.settled()
    // Each node reads its own state.
    for (const node of cluster.nodes) {
      await writer.verify(node)
      await load.judge(node, () => 0)
    }
    const snapshots = (await late.status()).counters.snapshots_received ?? 0
    if (options.by === 'log') assert.equal(snapshots, 0, 'the log reached back far enough')
    else assert.ok(snapshots > 0, 'the log did not reach back far enough')
    return { ...options, catchUpMs, snapshots, machine: machine() }
  })
}
