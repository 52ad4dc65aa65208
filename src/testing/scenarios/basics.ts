/** Three nodes as a user meets them: redis-cli, redis-benchmark and unmodified clients against any node. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { type TestCluster, withCluster } from '../processes/cluster.ts'
import { machine } from '../processes/figures.ts'
import { runProgram } from '../processes/kvorum.ts'
import { clientKinds, PATIENT } from '../processes/load.ts'
import type { NodeProcess } from '../processes/node-process.ts'
import { steady } from '../processes/steady.ts'

export interface BasicsReport {
  /** redis-benchmark's own lines, by node. */
  readonly benchmark: readonly string[]
  readonly machine: { readonly cores: number; readonly load1: number }
}

const BENCHMARK = 'ping_inline,ping_mbulk,set,get,incr,mset'

/** True when redis-cli and redis-benchmark are installed. */
export function hasRedisTools(): boolean {
  return ['redis-cli', 'redis-benchmark'].every((tool) => existsSync(`/usr/bin/${tool}`))
}

export function basics(requests: number): Promise<BasicsReport> {
  return withCluster({}, async (cluster) => {
    const nothing = async (): Promise<void> => {}
    await steady(cluster, () => redisCli(cluster), nothing)
    for (const [i, kind] of clientKinds.entries()) await clientAtWork(kind, cluster, i)
    const benchmark: string[] = []
    const leader = await cluster.leader()
    const follower = cluster.others(leader)[0] as NodeProcess
    for (const node of [leader, follower]) {
      benchmark.push(node === leader ? 'leader:' : 'follower:', ...(await redisBenchmark(node, requests)))
    }
    return { benchmark, machine: machine() }
  })
}

async function redisCli(cluster: TestCluster): Promise<void> {
  const cli = async (node: NodeProcess, ...words: string[]): Promise<string> => {
    const { status, stdout, stderr } = await runProgram('redis-cli', [
      '-p',
      String(node.options.redisPort),
      ...words,
    ])
    assert.equal(status, 0, stderr)
    return stdout
  }
  assert.equal(await cli(cluster.node(1), 'set', 'k', 'v'), 'OK\n')
  for (const node of cluster.nodes) assert.equal(await cli(node, 'get', 'k'), 'v\n')
  const leader = await cluster.leader()
  for (const node of cluster.nodes) {
    const role = node === leader ? 'master' : 'slave'
    assert.match(await cli(node, 'info', 'replication'), new RegExp(`^role:${role}\\r?$`, 'm'))
    assert.equal((await cli(node, 'role')).split('\n')[0], role)
  }
}

/** Pipelines, transactions, and a connection that the server closes: the client comes back by itself. */
async function clientAtWork(
  kind: (typeof clientKinds)[number],
  cluster: TestCluster,
  i: number,
): Promise<void> {
  const node = cluster.node(i % 3)
  const other = cluster.node((i + 1) % 3)
  const [one, two] = kind.startsWith('ioredis')
    ? await Promise.all([openIoredis(kind as 'ioredis5', node), openIoredis(kind as 'ioredis5', other)])
    : await Promise.all([openNodeRedis(kind as 'redis5', node), openNodeRedis(kind as 'redis5', other)])
  try {
    assert.deepEqual(
      await one.pipeline(`${kind}:p`, 200),
      Array.from({ length: 200 }, (_, n) => n + 1),
    )
    assert.equal(await two.get(`${kind}:p`), '200')
    assert.deepEqual((await one.transaction(`${kind}:t`)).map(String), ['OK', '2'])
    assert.equal(await two.get(`${kind}:t`), '2')
    const killed = node.exited()
    node.signal('SIGTERM')
    await killed
    await node.restart()
    assert.equal(await one.get(`${kind}:p`), '200')
  } finally {
    one.close()
    two.close()
  }
}

interface Tool {
  pipeline(key: string, count: number): Promise<unknown[]>
  transaction(key: string): Promise<unknown[]>
  get(key: string): Promise<string | null>
  close(): void
}

async function openIoredis(kind: 'ioredis5' | 'ioredis6', node: NodeProcess): Promise<Tool> {
  const { Redis } = await import(kind)
  const redis = new Redis({
    port: node.options.redisPort,
    retryStrategy: () => 50,
    maxRetriesPerRequest: null,
  })
  redis.on('error', () => {})
  const results = (replies: [Error | null, unknown][] | null): unknown[] =>
    (replies ?? []).map(([error, value]) => error ?? value)
  return {
    pipeline: async (key, count) => {
      const pipeline = redis.pipeline()
      for (let n = 0; n < count; n++) pipeline.incr(key)
      return results(await pipeline.exec())
    },
    transaction: async (key) => results(await redis.multi().set(key, 1).incr(key).exec()),
    get: (key) => redis.get(key),
    close: () => redis.disconnect(),
  }
}

async function openNodeRedis(kind: 'redis5' | 'redis6', node: NodeProcess): Promise<Tool> {
  const { createClient } = await import(kind)
  const socket = { port: node.options.redisPort, reconnectStrategy: () => 50 }
  const client = createClient({ socket, commandOptions: PATIENT })
  client.on('error', () => {})
  await client.connect()
  return {
    pipeline: (key, count) => Promise.all(Array.from({ length: count }, () => client.incr(key))),
    transaction: (key) => client.multi().set(key, '1').incr(key).exec(),
    get: (key) => client.get(key) as Promise<string | null>,
    close: () => client.destroy(),
  }
}

/** Its lines of figures; anything that looks like an error fails. */
async function redisBenchmark(node: NodeProcess, requests: number): Promise<string[]> {
  const args = ['-p', String(node.options.redisPort), '-t', BENCHMARK, '-c', '50', '-P', '16', '-q']
  const { status, stdout, stderr } = await runProgram('redis-benchmark', [...args, '-n', String(requests)])
  assert.equal(status, 0, `${stdout}${stderr}`)
  assert.doesNotMatch(`${stdout}${stderr}`, /error|warn/i)
  const lines = stdout.split(/[\r\n]+/).filter((line) => line.includes('requests per second'))
  assert.equal(lines.length, BENCHMARK.split(',').length, stdout)
  return lines
}
