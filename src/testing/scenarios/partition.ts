/**
 * A node is cut off from the others, in both directions or in one, while clients reach all of them: the leader and a
 * follower in turn. The cut-off node refuses, the majority serves; healed, it follows. No increment is lost or counted
 * twice.
 */
import assert from 'node:assert/strict'
import { must } from '../../lib/assert.ts'
import { type TestCluster, withCluster } from '../processes/cluster.ts'
import { machine, type Summary, summarize } from '../processes/figures.ts'
import { Load } from '../processes/load.ts'
import { type Direction, Hosts } from '../processes/namespaces.ts'
import type { NodeProcess } from '../processes/node-process.ts'
import { until } from '../processes/wait.ts'

/** Who is cut off in a round, and how. */
export interface Cut {
  readonly who: 'leader' | 'follower'
  readonly direction: Direction
}

export const BOTH_WAYS: readonly Cut[] = [
  { who: 'leader', direction: 'both' },
  { who: 'follower', direction: 'both' },
]
export const ONE_WAY: readonly Cut[] = [
  { who: 'leader', direction: 'out' },
  { who: 'leader', direction: 'in' },
  { who: 'follower', direction: 'out' },
  { who: 'follower', direction: 'in' },
]

export interface PartitionOptions {
  /** One per round, from the first again. */
  readonly cuts: readonly Cut[]
  readonly rounds: number
  readonly clients: number
}

export interface PartitionReport extends PartitionOptions {
  readonly acknowledged: number
  /** Longest time without a successful write at the majority's nodes, in milliseconds, by who was cut off. */
  readonly leaderGapMs: Summary
  readonly followerGapMs: Summary
  readonly machine: { readonly cores: number; readonly load1: number }
}

const ANSWERS_BEFORE = 5
const ANSWERS_AFTER = 20

export async function partition(options: PartitionOptions): Promise<PartitionReport> {
  const hosts = await Hosts.open(3)
  try {
    const cluster = { places: hosts.places, flags: { insecure: 'true' } }
    return await withCluster(cluster, (nodes) => runRounds(nodes, hosts, options))
  } finally {
    await hosts.close()
  }
}

async function runRounds(
  cluster: TestCluster,
  hosts: Hosts,
  options: PartitionOptions,
): Promise<PartitionReport> {
  const load = await Load.start(cluster.nodes, options.clients)
  const gaps: { leader: number[]; follower: number[] } = { leader: [], follower: [] }
  for (let round = 0; round < options.rounds; round++) {
    const leader = await cluster.leader()
    const { who, direction } = must(options.cuts[round % options.cuts.length], 'cut')
    const cut = who === 'leader' ? leader : must(cluster.others(leader)[0], 'follower')
    gaps[who].push(
      await servesWithout(cluster, load, cut, () => hosts.cutOff(cluster.nodes.indexOf(cut), direction)),
    )
    await healed(cluster, hosts, load, cut)
  }
  await load.stop()
  await cluster.settled()
  for (const node of cluster.nodes) await load.judge(node, (counter) => counter.mayAdd)
  return {
    ...options,
    acknowledged: load.acknowledged,
    leaderGapMs: summarize(gaps.leader),
    followerGapMs: summarize(gaps.follower),
    machine: machine(),
  }
}

/** The longest pause that clients of the majority saw. */
async function servesWithout(
  cluster: TestCluster,
  load: Load,
  cut: NodeProcess,
  cutOff: () => Promise<void>,
): Promise<number> {
  const rest = cluster.others(cut)
  load.mark()
  await load.answers(cluster.nodes, ANSWERS_BEFORE)
  await cutOff()
  await until(`${cut.name} to know that it is cut off`, async () => !(await cut.status()).quorum)
  await cluster.leader(rest, cut)
  await refuses(cut)
  const before = Math.max(...rest.map((node) => load.answersAt(node)))
  await load.answers(rest, before + ANSWERS_AFTER)
  const gap = load.gap(rest)
  for (const { key, errors } of load.of(rest)) assert.deepEqual(errors, [], `${key} on the majority side`)
  return gap
}

async function healed(cluster: TestCluster, hosts: Hosts, load: Load, cut: NodeProcess): Promise<void> {
  await hosts.heal(cluster.nodes.indexOf(cut))
  await cut.ready()
  load.mark()
  await load.answers(cluster.nodes, ANSWERS_BEFORE)
}

/** Reads and writes alike: what it holds may be old. */
async function refuses(node: NodeProcess): Promise<void> {
  const refused = [() => node.command('SET', 'cut', '1'), () => node.command('GET', 'cut')]
  for (const command of refused)
    await assert.rejects(command, /MASTERDOWN/, `${node.name} is cut off and answers`)
}
