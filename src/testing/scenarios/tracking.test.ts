/** CLIENT TRACKING over a cluster, and what a node that skipped entries does with those who listened to it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RespClient } from '../clients/resp-client.ts'
import { NO_REFUSALS, SMALL_STORAGE, type TestCluster, withCluster } from '../processes/cluster.ts'
import { PATIENT } from '../processes/load.ts'
import { until } from '../processes/wait.ts'
import { writeAll } from '../processes/writer.ts'

const ROUNDS = 60
const READS_PER_ROUND = 20

test('caches of node-redis at every node follow the writes at every other, and a skipped log is told', async () => {
  await withCluster({ flags: { ...NO_REFUSALS, ...SMALL_STORAGE } }, async (cluster) => {
    await cachesFollow(cluster, 'redis5')
    await cachesFollow(cluster, 'redis6')
    await listenersLearnOfTheGap(cluster)
  })
})

/** One cache per node; the key is written at one node after the other, and read until every cache shows it. */
async function cachesFollow(cluster: TestCluster, kind: 'redis5' | 'redis6'): Promise<void> {
  const { createClient, BasicClientSideCache } = await import(kind)
  const caches = cluster.nodes.map(
    () => new BasicClientSideCache({ ttl: 0, maxEntries: 10, evictPolicy: 'LRU' }),
  )
  const clients = cluster.nodes.map(({ options: { host, redisPort: port } }, i) =>
    createClient({ RESP: 3, socket: { host, port }, clientSideCache: caches[i], commandOptions: PATIENT }),
  )
  const writers = await Promise.all(cluster.nodes.map((node) => node.connect()))
  try {
    await Promise.all(clients.map((client) => client.connect()))
    for (let round = 1; round <= ROUNDS; round++) {
      await writers[round % writers.length]?.command('SET', `cached:${kind}`, String(round))
      for (const client of clients) {
        await until(`the cache to show ${round}`, async () => {
          const shown = Number(await client.get(`cached:${kind}`))
          assert.ok(shown === round || shown === round - 1, `${shown} is shown after ${round} was written`)
          return shown === round
        })
        for (let i = 0; i < READS_PER_ROUND; i++)
          assert.equal(await client.get(`cached:${kind}`), String(round))
      }
    }
    for (const cache of caches) {
      const { hitCount, missCount } = cache.stats()
      assert.ok(missCount <= 2 * ROUNDS, `${missCount} reads went to the server`)
      assert.ok(hitCount >= ROUNDS * (READS_PER_ROUND - 1), `${hitCount} reads were answered by the cache`)
    }
  } finally {
    for (const client of clients) client.destroy()
    for (const writer of writers) writer.close()
  }
}

/** A node that stood still for long installs a snapshot: subscribers are cut off, caches are told to forget all. */
async function listenersLearnOfTheGap(cluster: TestCluster): Promise<void> {
  const leader = await cluster.leader()
  const [late, other] = cluster.others(leader)
  assert.ok(late !== undefined && other !== undefined)
  const { host, redisPort } = late.options
  const subscriber = await RespClient.connect(redisPort, host)
  const cache = await RespClient.connect(redisPort, host)
  let isCutOff = false
  void subscriber.closed.then(() => {
    isCutOff = true
  })
  for (const client of [subscriber, cache]) await client.command('HELLO', 3)
  subscriber.send('SUBSCRIBE', 'a')
  await subscriber.command('PING')
  await cache.command('CLIENT', 'TRACKING', 'on')
  await cache.command('GET', 'unchanged')
  late.signal('SIGSTOP')
  await writeAll(other, { prefix: 'missed', count: 20_000, valueBytes: 100 })
  late.signal('SIGCONT')
  await until('the subscriber to be cut off', () => isCutOff)
  await until('the cache to be told', () => cache.pushes.some((push) => push.toString().endsWith('_\r\n')))
  assert.ok(((await late.status()).counters.snapshots_received ?? 0) > 0)
  subscriber.close()
  cache.close()
}
