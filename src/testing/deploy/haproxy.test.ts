/** HAProxy with the configuration of deploy/haproxy before a real cluster. The long form: npm run test:deploy. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { httpRequest } from '../clients/http-client.ts'
import { freePorts } from '../free-ports.ts'
import { type TestCluster, withCluster } from '../processes/cluster.ts'
import { lacksPrograms, runWithInput } from '../processes/programs.ts'
import { until } from '../processes/wait.ts'
import { failover } from './failover.ts'
import { Haproxy, patient } from './haproxy.ts'
import { DEPLOY_FOLDER } from './prometheus.ts'
import { ProxiedWatches } from './watches.ts'

const reason = lacksPrograms('haproxy')

test('haproxy accepts the shipped configuration', async (t) => {
  if (reason !== null) return t.skip(reason)
  const file = join(DEPLOY_FOLDER, 'haproxy', 'haproxy.cfg')
  const { status, output } = await runWithInput('haproxy', ['-c', '-f', file])
  assert.equal(status, 0, output)
  assert.ok(!/warning/i.test(output), output)
  return undefined
})

test('haproxy knows the leader, follows it to another node, and watches go on behind it', async (t) => {
  if (reason !== null) return t.skip(reason)
  await withCluster({}, (cluster) =>
    Haproxy.with(cluster.nodes, (haproxy) => followLeader(cluster, haproxy), patient),
  )
  return undefined
})

async function followLeader(cluster: TestCluster, haproxy: Haproxy): Promise<void> {
  const { http, httpLeader } = haproxy.ports
  const leader = await haproxy.settled(() => cluster.leader(), cluster.nodes)
  await answers(httpLeader, '/readyz/leader', 'leader\n')
  await until('a key to be written', async () => {
    const { status } = await httpRequest(http, '/v1/kv/greeting', { method: 'PUT', body: 'hello' })
    return status === 200 || status === 201
  })
  await answers(http, '/v1/kv/greeting', 'hello')
  const watches = await ProxiedWatches.open(http, 'watched')
  try {
    for (const key of ['watched-1', 'watched-2']) await watches.write(key)
    await leader.kill()
    for (const key of ['watched-3', 'watched-4']) await watches.write(key)
    await watches.judge()
  } finally {
    watches.close()
  }
  const survivors = cluster.others(leader)
  await haproxy.settled(() => cluster.leader(survivors, leader), survivors)
  await answers(httpLeader, '/readyz/leader', 'leader\n')
  await answers(httpLeader, '/v1/kv/greeting', 'hello')
}

/** A request that was under way when a node was lost is answered 502 or 503: it is made again. */
async function answers(port: number, path: string, wanted: string): Promise<void> {
  const text = await until(`an answer of ${path}`, async () => {
    const answer = await httpRequest(port, path)
    return answer.status === 200 ? answer.text : null
  })
  assert.equal(text, wanted)
}

test('without a node an EventSource is told to come again, and others that there is none', async (t) => {
  if (reason !== null) return t.skip(reason)
  const first = await freePorts(6)
  const nowhere = [0, 2, 4].map((i) => ({
    options: { host: '127.0.0.1', redisPort: first + i, httpPort: first + i + 1 },
  }))
  await Haproxy.with(nowhere, async (haproxy) => {
    await until('HAProxy to see no node', async () => (await haproxy.servers()).every(({ isUp }) => !isUp))
    const ask = async (path: string, accept: string): Promise<[number, string | null]> => {
      const url = `http://127.0.0.1:${haproxy.ports.http}${path}`
      const { status, headers } = await fetch(url, { headers: { accept } })
      return [status, headers.get('content-type')]
    }
    assert.deepEqual(await ask('/v1/watch?prefix=a', 'text/event-stream'), [200, 'text/event-stream'])
    assert.deepEqual(await ask('/v1/watch?prefix=a', 'application/x-ndjson'), [503, 'text/html'])
    assert.deepEqual(await ask('/v1/kv/a', 'text/event-stream'), [503, 'text/html'])
  })
  return undefined
})

test('an unmodified client goes on through haproxy when the leader is killed', async (t) => {
  if (reason !== null) return t.skip(reason)
  const report = await failover({ signal: 'SIGKILL', via: 'redisLeader', rounds: 1, clients: 2 }, patient)
  assert.equal(report.gapMs.count, 1)
  assert.ok(report.acknowledged > 0)
  return undefined
})
