/**
 * The leader goes away under load, once per round: killed, frozen or told to leave. Clients of the other
 * nodes must not notice more than a pause; no increment may be lost or counted twice.
 */
import assert from 'node:assert/strict'
import { NO_REFUSALS, type TestCluster, withCluster } from '../processes/cluster.ts'
import { machine, type Summary, summarize } from '../processes/figures.ts'
import { Load } from '../processes/load.ts'

export interface LeaderLossOptions {
  readonly signal: 'SIGKILL' | 'SIGSTOP' | 'SIGTERM'
  readonly rounds: number
  /** Clients over all nodes, a quarter of each kind. */
  readonly clients: number
}

export interface LeaderLossReport {
  readonly signal: string
  readonly rounds: number
  readonly clients: number
  readonly acknowledged: number
  /** Increments counted beyond the acknowledged ones, all of clients of lost nodes. */
  readonly resent: number
  /** Longest time without a successful write at the surviving nodes, one per round, in milliseconds. */
  readonly gapMs: Summary
  readonly machine: { readonly cores: number; readonly load1: number }
}

/** Answers at every surviving node that show that the service is back. */
const ANSWERS_BEFORE = 5
const ANSWERS_AFTER = 20

export function leaderLoss(options: LeaderLossOptions): Promise<LeaderLossReport> {
  return withCluster({ flags: NO_REFUSALS }, async (cluster) => {
    const load = await Load.start(cluster.nodes, options.clients)
    const gaps: number[] = []
    const { load1 } = machine()
    for (let round = 0; round < options.rounds; round++)
      gaps.push(await loseLeader(cluster, load, options.signal))
    await load.stop()
    const resent = await judge(cluster, load, options.signal)
    return {
      ...options,
      acknowledged: load.acknowledged,
      resent,
      gapMs: summarize(gaps),
      machine: { ...machine(), load1 },
    }
  })
}

/** One round; the longest pause that clients of the survivors saw. */
async function loseLeader(cluster: TestCluster, load: Load, signal: NodeJS.Signals): Promise<number> {
  const leader = await cluster.leader()
  const survivors = cluster.others(leader)
  load.mark()
  await load.answers(survivors, ANSWERS_BEFORE)
  const affected = new Map(load.of(survivors).map((counter) => [counter, counter.breaks]))
  leader.signal(signal)
  if (signal === 'SIGSTOP') await cluster.leader(survivors, leader)
  else await leader.exited()
  const before = Math.max(...survivors.map((node) => load.answersAt(node)))
  await load.answers(survivors, before + ANSWERS_AFTER)
  const gap = load.gap(survivors)
  for (const [counter, breaks] of affected) {
    assert.equal(counter.breaks, breaks, `${counter.key} (${counter.kind}) of a survivor lost its connection`)
    assert.deepEqual(counter.errors, [], `${counter.key} (${counter.kind}) of a survivor saw an error`)
  }
  if (signal === 'SIGSTOP') leader.signal('SIGCONT')
  else leader.start()
  await leader.ready()
  load.mark()
  await load.answers([leader], ANSWERS_BEFORE)
  return gap
}

/** Every counter against what its client was told; how much was counted beyond that. */
function judge(cluster: TestCluster, load: Load, signal: NodeJS.Signals): Promise<number> {
  for (const { key, kind, errors } of load.counters) {
    // A frozen node's own clients may be told that the outcome is not known; nobody else may.
    if (signal !== 'SIGSTOP') assert.deepEqual(errors, [], `${key} (${kind}) saw errors`)
  }
  // R17: what a leaving node has read is answered, and what it has not read is not executed.
  return load.judge(cluster.node(0), (counter) => (signal === 'SIGTERM' ? 0 : counter.mayAdd))
}
