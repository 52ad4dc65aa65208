/**
 * A node alone grows to three, one of them is wiped and replaced, one is removed: by the commands that a
 * person types, under light load, with every counter exact.
 */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { NO_REFUSALS, TestCluster, withCluster } from '../processes/cluster.ts'
import { machine } from '../processes/figures.ts'
import { runKvorum } from '../processes/kvorum.ts'
import { Load } from '../processes/load.ts'
import type { NodeProcess } from '../processes/node-process.ts'
import { until } from '../processes/wait.ts'
import { writeAll } from '../processes/writer.ts'

export interface MembersOptions {
  /** Keys there before the first node joins. */
  readonly writes: number
  readonly clients: number
}

export interface MembersReport extends MembersOptions {
  readonly acknowledged: number
  readonly addMs: readonly number[]
  readonly replaceMs: number
  readonly machine: { readonly cores: number; readonly load1: number }
}

const VALUE_BYTES = 100
const ANSWERS = 20

export function members(options: MembersOptions): Promise<MembersReport> {
  return withCluster({ size: 1, flags: NO_REFUSALS }, async (cluster) => {
    const one = cluster.node(0)
    const data = await writeAll(one, { prefix: 'before', count: options.writes, valueBytes: VALUE_BYTES })
    const load = await Load.start([one], options.clients)
    const addMs: number[] = []
    for (const name of ['n2', 'n3']) {
      const node = await cluster.addProcess(name, TestCluster.members(cluster.nodes))
      node.start()
      addMs.push(await timed(() => kvorum(one, 'node', 'add', name, peerAddress(node))))
      await node.ready()
      await servesWhile(load, one)
      await data.verify(node)
    }
    assert.deepEqual(await voterNames(one), ['n1', 'n2', 'n3'])
    const three = cluster.node(2)
    await three.kill()
    await rm(three.options.data, { recursive: true })
    three.start()
    const replaceMs = await timed(() =>
      kvorum(cluster.node(1), 'node', 'replace', 'n3', 'n3', peerAddress(three)),
    )
    await three.ready()
    assert.deepEqual(await voterNames(three), ['n1', 'n2', 'n3'])
    await data.verify(three)
    await servesWhile(load, one)
    await kvorum(three, 'node', 'remove', 'n2')
    await until('n2 to be gone', async () => (await voterNames(one)).join() === 'n1,n3')
    await servesWhile(load, one)
    await load.stop()
    for (const { key, errors } of load.counters) assert.deepEqual(errors, [], `${key} saw errors`)
    await load.judge(three, () => 0)
    return { ...options, acknowledged: load.acknowledged, addMs, replaceMs, machine: machine() }
  })
}

function peerAddress(node: NodeProcess): string {
  return `${node.options.host}:${node.options.peerPort}`
}

/** The command line against a node; it must succeed; when the lead goes elsewhere meanwhile it says to ask again. */
async function kvorum(node: NodeProcess, ...words: string[]): Promise<string> {
  const url = `redis://${node.options.host}:${node.options.redisPort}`
  const { status, stdout, stderr } = await until(`an answer to kvorum ${words.join(' ')}`, async () => {
    const result = await runKvorum(['-u', url, ...words])
    return /(try|ask) again/.test(result.stderr) ? null : result
  })
  assert.equal(status, 0, `kvorum ${words.join(' ')}: ${stdout}${stderr}`)
  return stdout
}

async function voterNames(node: NodeProcess): Promise<string[]> {
  const { peers } = await node.status()
  return peers
    .filter((peer) => peer.voter)
    .map((peer) => peer.member.name)
    .sort()
}

async function servesWhile(load: Load, node: NodeProcess): Promise<void> {
  load.mark()
  await load.answers([node], ANSWERS)
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return Math.round(performance.now() - start)
}
