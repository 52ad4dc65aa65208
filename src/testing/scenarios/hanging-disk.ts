/**
 * R4: the disk of the leader hangs under load while its process is well. It withholds its heartbeats and another one
 * leads; when the disk answers again it follows. No increment is lost or counted twice.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestCluster, withCluster } from '../processes/cluster.ts'
import { machine, type Summary, summarize } from '../processes/figures.ts'
import { FreezableDisk } from '../processes/frozen-disk.ts'
import { Load } from '../processes/load.ts'

export interface HangingDiskOptions {
  readonly rounds: number
  readonly clients: number
}

export interface HangingDiskReport extends HangingDiskOptions {
  readonly acknowledged: number
  /** Longest time without a successful write at the other nodes, one per round, in milliseconds. */
  readonly gapMs: Summary
  readonly machine: { readonly cores: number; readonly load1: number }
}

const DISK_BYTES = 512 * 1024 * 1024
const FLAGS = { 'segment-bytes': 4 * 1024 * 1024, 'low-space-bytes': 32 * 1024 * 1024 }
const ANSWERS_BEFORE = 5
const ANSWERS_AFTER = 20

/** Null when this machine does not let us make and freeze a filesystem. */
export async function hangingDisk(options: HangingDiskOptions): Promise<HangingDiskReport | null> {
  const folder = await mkdtemp(join(tmpdir(), 'kvorum-frozen-'))
  const disks: FreezableDisk[] = []
  try {
    for (const name of ['n1', 'n2', 'n3']) {
      const disk = await FreezableDisk.mount(join(folder, name), DISK_BYTES)
      if (disk === null) return null
      disks.push(disk)
    }
    const dataFolders = disks.map((disk) => join(disk.folder, 'data'))
    return await withCluster({ flags: FLAGS, dataFolders }, (cluster) => runRounds(cluster, disks, options))
  } finally {
    for (const disk of disks) await disk.unmount()
    await rm(folder, { recursive: true, force: true })
  }
}

async function runRounds(
  cluster: TestCluster,
  disks: readonly FreezableDisk[],
  options: HangingDiskOptions,
): Promise<HangingDiskReport> {
  const load = await Load.start(cluster.nodes, options.clients)
  const gaps: number[] = []
  try {
    for (let round = 0; round < options.rounds; round++) gaps.push(await hang(cluster, disks, load))
  } finally {
    // A process on a frozen disk cannot be ended.
    for (const disk of disks) await disk.thaw()
  }
  await load.stop()
  await cluster.settled()
  for (const node of cluster.nodes) await load.judge(node, (counter) => counter.mayAdd)
  return { ...options, acknowledged: load.acknowledged, gapMs: summarize(gaps), machine: machine() }
}

async function hang(cluster: TestCluster, disks: readonly FreezableDisk[], load: Load): Promise<number> {
  const leader = await cluster.leader()
  const disk = disks[cluster.nodes.indexOf(leader)]
  assert(disk !== undefined)
  const rest = cluster.others(leader)
  load.mark()
  await load.answers(cluster.nodes, ANSWERS_BEFORE)
  await disk.freeze()
  await cluster.leader(rest, leader)
  const before = Math.max(...rest.map((node) => load.answersAt(node)))
  await load.answers(rest, before + ANSWERS_AFTER)
  const gap = load.gap(rest)
  for (const { key, errors } of load.of(rest))
    assert.deepEqual(errors, [], `${key} at nodes whose disks are well`)
  await disk.thaw()
  await leader.ready()
  load.mark()
  await load.answers(cluster.nodes, ANSWERS_BEFORE)
  return gap
}
