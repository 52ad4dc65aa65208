/**
 * The nodes' filesystems fill up for real: writes that grow data are refused, deleting and reading work, no
 * acknowledged write is lost; with space back the cluster goes on by itself. Then with not a byte left.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ReplyError, replyText } from '../../client/reply.ts'
import { type TestCluster, withCluster } from '../processes/cluster.ts'
import { machine } from '../processes/figures.ts'
import type { NodeProcess } from '../processes/node-process.ts'
import { SmallDisk } from '../processes/small-disk.ts'
import { until } from '../processes/wait.ts'
import { Writer, writeAll } from '../processes/writer.ts'

const MiB = 1024 * 1024
const DISK_BYTES = 80 * MiB
const VALUE_BYTES = 4_000
const SECOND_KEYS = 500
const DELETED_AT_ONCE = 500
const NEARLY_FULL = /^OOM a majority of the disks/

export interface FullDiskReport {
  readonly keysBeforeRefusal: number
  readonly machine: { readonly cores: number; readonly load1: number }
}

const FLAGS = {
  'segment-bytes': MiB,
  'memtable-bytes': MiB,
  'memtable-log-bytes': 2 * MiB,
  'trailing-log-bytes': MiB,
  'low-space-bytes': 24 * MiB,
}

/** Null when this machine does not let us mount a filesystem. */
export async function fullDisk(): Promise<FullDiskReport | null> {
  const folder = await mkdtemp(join(tmpdir(), 'kvorum-disks-'))
  const disks: SmallDisk[] = []
  try {
    for (const name of ['n1', 'n2', 'n3']) {
      const disk = await SmallDisk.mount(join(folder, name), DISK_BYTES)
      if (disk === null) return null
      disks.push(disk)
    }
    const dataFolders = disks.map((disk) => join(disk.folder, 'data'))
    return await withCluster({ flags: FLAGS, dataFolders }, (cluster) => fillAndFree(cluster, disks))
  } finally {
    for (const disk of disks) await disk.unmount()
    await rm(folder, { recursive: true, force: true })
  }
}

async function fillAndFree(cluster: TestCluster, disks: readonly SmallDisk[]): Promise<FullDiskReport> {
  await cluster.node(0).command('SET', 'counter', '0')
  await Promise.all(disks.map((disk) => disk.fill(DISK_BYTES / 2)))
  const first = await writeUntilFull(cluster, 'first')
  await cluster.node(1).command('DEL', 'first:nothing', 'spare')
  await verifyAll(first, cluster.node(2))
  await Promise.all(disks.map((disk) => disk.free()))
  // One that leads from now on may not have heard yet that the others have room.
  const second = await until('writes to be accepted again', () =>
    writeAll(cluster.node(0), { prefix: 'second', count: SECOND_KEYS, valueBytes: VALUE_BYTES }),
  )
  // What a node lacks would have to go into its reserve.
  await cluster.settled()
  // Not a byte left: whatever that does to the processes, nothing acknowledged may be lost.
  await until('every node to see that its disk is full', async (saw) => {
    // Again and again: a merge that ends gives space back.
    await Promise.all(disks.map((disk) => disk.fill()))
    const views = await Promise.all(cluster.nodes.map((node) => node.status()))
    saw(views.map(({ name, space }) => ({ name, space })))
    return views.every((view) => view.space === 'full') && (await isGrowthRefused(cluster))
  })
  await second.verify(cluster.node(0))
  await Promise.all(disks.map((disk) => disk.free()))
  await growthAccepted(cluster)
  assert.equal(cluster.running.length, 3, 'a node ended')
  await verifyAll(first, cluster.node(1))
  await second.verify(cluster.node(2))
  await deleteUntilAccepted(cluster, disks, first)
  await second.verify(cluster.node(1))
  return {
    keysBeforeRefusal: total(first),
    machine: machine(),
  }
}

/**
 * Writes until every node refuses. Merges under way at the first refusal may give so much space back that growth is
 * rightly accepted again: then there is more to write.
 */
async function writeUntilFull(cluster: TestCluster, prefix: string): Promise<Writer[]> {
  const writers: Writer[] = []
  await until('growth to be refused everywhere', async () => {
    writers.push(await writeUntilRefused(cluster, `${prefix}-${writers.length}`))
    return await isGrowthRefused(cluster)
  })
  return writers
}

async function writeUntilRefused(cluster: TestCluster, prefix: string): Promise<Writer> {
  const writer = new Writer({ prefix, count: Infinity, valueBytes: VALUE_BYTES })
  writer.start(await cluster.node(0).connect())
  await writer.done()
  assert.ok(writer.failure instanceof ReplyError, String(writer.failure))
  assert.match(writer.failure.message, NEARLY_FULL)
  return writer
}

/** Deleting is a way out of a full disk: the space comes back without anybody's help. */
async function deleteUntilAccepted(
  cluster: TestCluster,
  disks: readonly SmallDisk[],
  first: readonly Writer[],
): Promise<void> {
  await Promise.all(disks.map((disk) => disk.fill(DISK_BYTES / 2)))
  const third = await writeUntilFull(cluster, 'third')
  for (const { prefix, acknowledged } of [...first, ...third]) {
    const keys = Array.from({ length: acknowledged }, (_, i) => `${prefix}:${i}`)
    for (let at = 0; at < keys.length; at += DELETED_AT_ONCE) {
      await cluster.node(2).command('DEL', ...keys.slice(at, at + DELETED_AT_ONCE))
    }
  }
  await growthAccepted(cluster)
}

/** Does every node refuse to let data grow, and read all the same? Any other failure is thrown. */
async function isGrowthRefused(cluster: TestCluster): Promise<boolean> {
  let refused = 0
  for (const node of cluster.nodes) {
    const reply = await node.command('SET', 'more', 'data').catch((error: Error) => error)
    if (reply instanceof Error) assert.match(String(reply), /^ReplyError: OOM /, node.name)
    if (reply instanceof Error) refused++
    assert.equal(replyText(await node.command('GET', 'counter')), '0')
  }
  return refused === cluster.nodes.length
}

async function growthAccepted(cluster: TestCluster): Promise<void> {
  await until('writes to be accepted again', async () => {
    return replyText(await cluster.node(1).command('SET', 'spare', 'x')) === 'OK'
  })
}

async function verifyAll(writers: readonly Writer[], node: NodeProcess): Promise<void> {
  for (const writer of writers) await writer.verify(node)
}

function total(writers: readonly Writer[]): number {
  return writers.reduce((sum, writer) => sum + writer.acknowledged, 0)
}
