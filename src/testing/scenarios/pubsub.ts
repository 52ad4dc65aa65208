/**
 * Pub/sub through the loss of leaders: publishers and subscribers at all nodes, the leader killed once per round.
 * Subscribers of the survivors must get every acknowledged message, once, in the order of the log; whatever a
 * subscriber gets on one connection has no gap, and all see one order.
 */
import assert from 'node:assert/strict'
import { NO_REFUSALS, type TestCluster, withCluster } from '../processes/cluster.ts'
import { type ClientKind, clientKinds } from '../processes/load.ts'
import {
  type Acknowledged,
  CHANNEL,
  openPublisher,
  type Publisher,
  Subscriber,
} from '../processes/pubsub-clients.ts'
import { until } from '../processes/wait.ts'

export interface PubSubOptions {
  /** Times that the leader is killed. */
  readonly rounds: number
  /** Messages that each surviving publisher has acknowledged per round, before and after the kill. */
  readonly messages: number
}

export interface PubSubReport {
  readonly rounds: number
  readonly subscribers: number
  readonly acknowledged: number
  /** Publishes without an answer, all at killed nodes. */
  readonly unanswered: number
  readonly delivered: number
}

const PUBLISHER_KINDS: readonly ClientKind[] = ['ioredis5', 'redis6']
const END = 'end'

export function pubSubThroughKills(options: PubSubOptions): Promise<PubSubReport> {
  return withCluster({ flags: NO_REFUSALS }, async (cluster) => {
    const subscribers = await Promise.all(
      cluster.nodes.flatMap((node) => clientKinds.map((kind) => Subscriber.open(kind, node))),
    )
    const publishers = await Promise.all(
      cluster.nodes.flatMap((node) =>
        PUBLISHER_KINDS.map((kind) => openPublisher(kind, node, `${node.name}-${kind}`)),
      ),
    )
    try {
      for (const publisher of publishers) publisher.start()
      for (let round = 0; round < options.rounds; round++) {
        await killLeader(cluster, publishers, subscribers, options.messages)
      }
      await Promise.all(publishers.map((publisher) => publisher.stop()))
      await publishEnd(cluster, subscribers)
      return judge(options, publishers, subscribers)
    } finally {
      for (const subscriber of subscribers) subscriber.close()
    }
  })
}

async function killLeader(
  cluster: TestCluster,
  publishers: readonly Publisher[],
  subscribers: readonly Subscriber[],
  messages: number,
): Promise<void> {
  const leader = await cluster.leader()
  const alive = publishers.filter(({ node }) => node !== leader)
  const listening = subscribers.filter(({ node }) => node !== leader)
  const breaks = listening.map((subscriber) => subscriber.breaks)
  await moreAcknowledged(publishers, messages)
  leader.signal('SIGKILL')
  await leader.exited()
  await moreAcknowledged(alive, messages)
  for (const publisher of alive)
    assert.equal(publisher.failed, failedBefore(publisher), `${publisher.name} saw an error`)
  assert.deepEqual(
    listening.map((subscriber) => subscriber.breaks),
    breaks,
    'a subscriber of a survivor lost its connection',
  )
  leader.start()
  await leader.ready()
  await moreAcknowledged(publishers, messages)
  for (const publisher of publishers) failures.set(publisher, publisher.failed)
}

/** Failures of each publisher up to the last round. */
const failures = new WeakMap<Publisher, number>()

function failedBefore(publisher: Publisher): number {
  return failures.get(publisher) ?? 0
}

async function moreAcknowledged(publishers: readonly Publisher[], count: number): Promise<void> {
  const goals = publishers.map(({ acknowledged }) => acknowledged.length + count)
  await until(`${count} more messages of each publisher`, () =>
    publishers.every(({ acknowledged }, i) => acknowledged.length >= (goals[i] as number)),
  )
}

/** The last message: whoever is subscribed gets it behind all others. */
async function publishEnd(cluster: TestCluster, subscribers: readonly Subscriber[]): Promise<void> {
  const connection = await cluster.node(0).connect()
  try {
    await until('the last message at every subscriber', async () => {
      await connection.command('PUBLISH', CHANNEL, END)
      return subscribers.every(({ current }) => current.includes(END))
    })
  } finally {
    connection.close()
  }
}

function judge(
  { rounds }: PubSubOptions,
  publishers: readonly Publisher[],
  subscribers: readonly Subscriber[],
): PubSubReport {
  const acknowledged = publishers.flatMap((publisher) => publisher.acknowledged)
  const numbers = new Map(acknowledged.map(({ message, number }) => [message, number]))
  const byNumber = [...acknowledged].sort((a, b) => a.number - b.number)
  const segments = subscribers.flatMap(({ segments }) =>
    segments.map((segment) => segment.filter((m) => m !== END)),
  )
  for (const segment of segments) assertNoGap(segment, numbers, byNumber)
  for (const subscriber of subscribers) {
    // The first connection of a subscriber stood before anything was published.
    const first = subscriber.segments[0] as string[]
    if (subscriber.breaks === 0)
      assert.equal(countOf(first, numbers), acknowledged.length, 'messages are missing')
  }
  const longest = segments.reduce((most, segment) => (segment.length > most.length ? segment : most), [])
  for (const segment of segments) assertSameOrder(segment, longest)
  return {
    rounds,
    subscribers: subscribers.length,
    acknowledged: acknowledged.length,
    unanswered: publishers.reduce((sum, { failed }) => sum + failed, 0),
    delivered: segments.reduce((sum, segment) => sum + segment.length, 0),
  }
}

function countOf(segment: readonly string[], numbers: ReadonlyMap<string, number>): number {
  return segment.filter((message) => numbers.has(message)).length
}

/** The acknowledged messages of one connection are a run of all acknowledged ones, each once. */
function assertNoGap(
  segment: readonly string[],
  numbers: ReadonlyMap<string, number>,
  byNumber: readonly Acknowledged[],
): void {
  assert.equal(new Set(segment).size, segment.length, 'a message came twice on one connection')
  const got = segment.filter((message) => numbers.has(message))
  if (got.length === 0) return
  const from = byNumber.findIndex(({ message }) => message === got[0])
  const expected = byNumber.slice(from, from + got.length).map(({ message }) => message)
  assert.deepEqual(got, expected, 'acknowledged messages are missing, or out of order')
}

/** What two connections both got, they got in one order: messages without an acknowledgement, too. */
function assertSameOrder(segment: readonly string[], reference: readonly string[]): void {
  const inSegment = new Set(segment)
  const inReference = new Set(reference)
  assert.deepEqual(
    segment.filter((message) => inReference.has(message)),
    reference.filter((message) => inSegment.has(message)),
    'two subscribers saw different orders',
  )
}
