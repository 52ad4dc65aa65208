/**
 * Watches through the loss of leaders, killed and replaced in turn: every reader sees every acknowledged write exactly
 * once, in order, and what it saw adds up to the state.
 */
import assert from 'node:assert/strict'
import { httpRequest } from '../clients/http-client.ts'
import type { TestCluster } from '../processes/cluster.ts'
import type { NodeProcess } from '../processes/node-process.ts'
import { pause, until } from '../processes/wait.ts'
import { WatchReader } from '../processes/watch-reader.ts'

export interface WatchesOptions {
  /** Losses of the leader: killed and handed over in turn. */
  readonly rounds: number
  /** Acknowledged writes between one loss and the next. */
  readonly writesPerRound: number
}

export interface WatchesReport {
  readonly rounds: number
  readonly writes: number
  readonly events: number
  /** Times that readers went on at another node. */
  readonly resumed: number
}

const WRITERS = 8
const READERS = 6
const KEYS = 40
const RETRY_MS = 10

/** What a write was told: the revision it made. */
interface Acknowledged {
  readonly key: string
  readonly value: string | null
  readonly revision: number
}

export async function watches(cluster: TestCluster, options: WatchesOptions): Promise<WatchesReport> {
  const start = await httpRequest(cluster.node(0).options.httpPort, '/v1/kv/w%2Fstart', {
    method: 'PUT',
    body: 'start',
  })
  const after = String(start.headers['x-kvorum-revision'])
  const readers = Array.from(
    { length: READERS },
    (_, i) => new WatchReader(cluster.nodes, i, 'prefix=w/', after),
  )
  const writers = Array.from({ length: WRITERS }, (_, i) => new Writer(cluster.nodes, i))
  try {
    for (let round = 0; round < options.rounds; round++)
      await loseLeader(cluster, writers, round, options.writesPerRound)
    await Promise.all(writers.map((writer) => writer.stop()))
    const writes = writers.flatMap((writer) => writer.acknowledged)
    const last = await httpRequest(cluster.node(0).options.httpPort, '/v1/kv/w%2Fend', {
      method: 'PUT',
      body: 'end',
    })
    await Promise.all(readers.map((reader) => reader.reached(Number(last.headers['x-kvorum-revision']))))
    for (const reader of readers) judge(reader, writes, (readers[0] as WatchReader).events)
    await compareWithState(cluster, readers[0] as WatchReader)
    const resumed = readers.reduce((sum, reader) => sum + reader.resumed, 0)
    return { rounds: options.rounds, writes: writes.length, events: readers[0]?.events.length ?? 0, resumed }
  } finally {
    for (const reader of readers) reader.close()
    for (const writer of writers) void writer.stop()
  }
}

/** Kills the leader in even rounds, hands leadership over in odd ones. */
async function loseLeader(
  cluster: TestCluster,
  writers: readonly Writer[],
  round: number,
  writes: number,
): Promise<void> {
  const leader = await cluster.leader()
  await written(writers, writes)
  if (round % 2 === 1) {
    // Refused while the others are behind: then it is asked for again, as by an operator.
    await until('another node to lead', async () => {
      await leader.command('KVORUM', 'LEADER', 'TRANSFER')
      return (await cluster.leader()) !== leader
    })
  } else {
    await leader.kill()
    await cluster.leader(cluster.running, leader)
    await written(writers, writes)
    await leader.restart()
  }
}

async function written(writers: readonly Writer[], count: number): Promise<void> {
  const now = (): number => writers.reduce((sum, writer) => sum + writer.acknowledged.length, 0)
  const target = now() + count
  await until(`${count} more writes`, () => now() >= target)
}

/** Each revision once, the same for all, and every acknowledged write among them. */
function judge(reader: WatchReader, writes: readonly Acknowledged[], first: WatchReader['events']): void {
  const byRevision = new Map(reader.events.map((event) => [event.revision, event]))
  assert.equal(byRevision.size, reader.events.length, 'a revision came twice')
  for (const { key, value, revision } of writes) {
    const event = byRevision.get(revision)
    assert.deepEqual([event?.key, event?.value], [key, value], `the write of revision ${revision}`)
  }
  assert.deepEqual(
    reader.events.map(({ id }) => id),
    first.map(({ id }) => id),
  )
}

async function compareWithState(cluster: TestCluster, reader: WatchReader): Promise<void> {
  const state = new Map<string, string>([['w/start', 'start']])
  for (const { key, value } of reader.events) {
    if (value === null) state.delete(key)
    else state.set(key, value)
  }
  for (const node of cluster.nodes) {
    const answer = await httpRequest(node.options.httpPort, '/v1/kv?prefix=w/&limit=10000')
    const { items } = answer.json<{ items: { key: string; value: string }[] }>()
    assert.deepEqual(new Map(items.map(({ key, value }) => [key, value])), state)
  }
}

/** Puts and deletes one key after another, at whichever node answers. A write of unknown outcome is left alone. */
class Writer {
  readonly acknowledged: Acknowledged[] = []
  readonly #nodes: readonly NodeProcess[]
  readonly #number: number
  #isStopped = false
  readonly #done: Promise<void>

  constructor(nodes: readonly NodeProcess[], number: number) {
    this.#nodes = nodes
    this.#number = number
    this.#done = this.#run()
  }

  stop(): Promise<void> {
    this.#isStopped = true
    return this.#done
  }

  async #run(): Promise<void> {
    for (let i = 0; !this.#isStopped; i++) {
      const node = this.#nodes[(this.#number + i) % this.#nodes.length] as NodeProcess
      const key = `w/${(i * WRITERS + this.#number) % KEYS}`
      const value = i % 5 === 4 ? null : `${this.#number}:${i}`
      try {
        await this.#write(node, key, value)
      } catch {
        await pause(RETRY_MS)
      }
    }
  }

  async #write({ options }: NodeProcess, key: string, value: string | null): Promise<void> {
    const path = `/v1/kv/${encodeURIComponent(key)}`
    const request = value === null ? { method: 'DELETE' } : { method: 'PUT', body: value }
    const { status, headers } = await httpRequest(options.httpPort, path, request)
    const revision = Number(headers['x-kvorum-revision'])
    if (status === 201 || status === 204) this.acknowledged.push({ key, value, revision })
    else if (status !== 404) await pause(RETRY_MS)
  }
}
