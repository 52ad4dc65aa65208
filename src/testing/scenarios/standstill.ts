/**
 * Nodes stand still under load for longer than a request may take, as in a paused virtual machine or on a host that
 * hangs: the leader, a follower, then all of them at once. What clients had asked is answered when the nodes go on:
 * nobody sees an error, no connection breaks, and no increment is lost or counted twice (R15).
 */
import assert from 'node:assert/strict'
import { RULE_TIMES, type TestCluster, withCluster } from '../processes/cluster.ts'
import { machine, type Summary, summarize } from '../processes/figures.ts'
import { Load } from '../processes/load.ts'
import type { NodeProcess } from '../processes/node-process.ts'
import { pause } from '../processes/wait.ts'

/** The hold limit is 5 s. */
const STOPPED_MS = 6_000
const ANSWERS = 20

export interface StandstillOptions {
  readonly rounds: number
  /** Over all nodes, a quarter of each kind. */
  readonly clients: number
}

export interface StandstillReport {
  readonly acknowledged: number
  /** Longest time without a successful write at the nodes that stood still, one per time, in milliseconds. */
  readonly gapMs: Summary
  readonly machine: { readonly cores: number; readonly load1: number }
}

export function standstill({ rounds, clients }: StandstillOptions): Promise<StandstillReport> {
  return withCluster({ flags: RULE_TIMES }, async (cluster) => {
    const load = await Load.start(cluster.nodes, clients)
    await load.answers(cluster.nodes, ANSWERS)
    const breaks = new Map(load.counters.map((counter) => [counter, counter.breaks]))
    const gaps: number[] = []
    for (let round = 0; round < rounds; round++) {
      const leader = await cluster.leader()
      gaps.push(await standStill(cluster, load, [leader]))
      const next = await cluster.leader()
      gaps.push(await standStill(cluster, load, cluster.others(next).slice(0, 1)))
      gaps.push(await standStill(cluster, load, cluster.nodes))
    }
    await load.stop()
    for (const [counter, before] of breaks) {
      const who = `${counter.key} (${counter.kind} at ${counter.node.name})`
      assert.deepEqual(counter.errors, [], `${who} saw errors`)
      assert.equal(counter.breaks, before, `${who} lost its connection`)
    }
    await load.judge(cluster.node(0), (counter) => counter.mayAdd)
    return { acknowledged: load.acknowledged, gapMs: summarize(gaps), machine: machine() }
  })
}

/** Stops `nodes` and lets them go on; the longest pause that their clients saw. */
async function standStill(cluster: TestCluster, load: Load, nodes: readonly NodeProcess[]): Promise<number> {
  load.mark()
  await load.answers(nodes, ANSWERS)
  const before = Math.max(...nodes.map((node) => load.answersAt(node)))
  for (const node of nodes) node.signal('SIGSTOP')
  await pause(STOPPED_MS)
  for (const node of nodes) node.signal('SIGCONT')
  await load.answers(nodes, before + ANSWERS)
  await cluster.ready()
  return load.gap(nodes)
}
