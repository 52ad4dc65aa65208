/** HAProxy with the configuration of deploy/haproxy before a real cluster. The long form: npm run test:deploy. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { withCluster } from '../processes/cluster.ts'
import { lacksPrograms, runWithInput } from '../processes/programs.ts'
import { until } from '../processes/wait.ts'
import { failover } from './failover.ts'
import { Haproxy } from './haproxy.ts'
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
    Haproxy.with(cluster.nodes, async (haproxy) => {
      const { http, httpLeader } = haproxy.ports
      const leader = await cluster.leader()
      await haproxy.settled(leader, cluster.nodes)
      const asked = await fetch(`http://127.0.0.1:${httpLeader}/readyz/leader`)
      assert.deepEqual([asked.status, await asked.text()], [200, 'leader\n'])
      const key = `http://127.0.0.1:${http}/v1/kv/greeting`
      assert.ok((await fetch(key, { method: 'PUT', body: 'hello' })).ok)
      assert.equal(await (await fetch(key)).text(), 'hello')
      const watches = await ProxiedWatches.open(http, 'watched')
      t.after(() => watches.close())
      for (const key of ['watched-1', 'watched-2']) await watches.write(key)
      await leader.kill()
      for (const key of ['watched-3', 'watched-4']) await watches.write(key)
      await watches.judge()
      const survivors = cluster.others(leader)
      const next = await cluster.leader(survivors, leader)
      await haproxy.settled(next, survivors)
      const moved = await until('the new leader to answer', async () => {
        const answer = await fetch(`http://127.0.0.1:${httpLeader}/readyz/leader`)
        return answer.status === 200 ? answer.text() : null
      })
      assert.equal(moved, 'leader\n')
      const kept = await fetch(`http://127.0.0.1:${httpLeader}/v1/kv/greeting`)
      assert.deepEqual([kept.status, await kept.text()], [200, 'hello'])
    }),
  )
  return undefined
})

test('an unmodified client goes on through haproxy when the leader is killed', async (t) => {
  if (reason !== null) return t.skip(reason)
  const report = await failover({ signal: 'SIGKILL', via: 'redisLeader', rounds: 1, clients: 2 })
  assert.equal(report.gapMs.count, 1)
  assert.ok(report.acknowledged > 0)
  return undefined
})
