/** Debian's Prometheus scrapes a real cluster: every target, every rule and every panel of what deploy/ ships. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { withCluster } from '../processes/cluster.ts'
import { lacksPrograms } from '../processes/programs.ts'
import { until } from '../processes/wait.ts'
import { DEPLOY_FOLDER, Prometheus } from './prometheus.ts'

/** Panels that show something only when something is wrong, or after a while. */
const MAY_BE_EMPTY = new Set(['Cache hits', 'Error replies', 'Commands per entry'])

function panelExpressions(): { title: string; expression: string }[] {
  const text = readFileSync(join(DEPLOY_FOLDER, 'prometheus', 'grafana-dashboard.json'), 'utf8')
  const { panels } = JSON.parse(text) as { panels: { title: string; targets?: { expr: string }[] }[] }
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      title,
      expression: expr
        .replaceAll('$job', 'kvorum')
        .replaceAll('$instance', '.*')
        .replaceAll('$__rate_interval', '30s'),
    })),
  )
}

test('prometheus scrapes a cluster, evaluates the shipped rules and fills the shipped dashboard', async (t) => {
  const reason = lacksPrograms('prometheus')
  if (reason !== null) return t.skip(reason)
  await withCluster({}, async (cluster) => {
    const targets = cluster.nodes.map(({ options }) => `127.0.0.1:${options.httpPort}`)
    await Prometheus.with(targets, async (prometheus) => {
      const connection = await cluster.node(0).connect()
      for (let i = 0; i < 50; i++) await connection.command('SET', `key${i}`, 'value')
      await connection.command('GET', 'key1')
      connection.close()
      await prometheus.scraped()
      await until(
        'one leader in the metrics',
        async () => (await prometheus.value('sum(kvorum_raft_is_leader)')) === 1,
      )
      await until(
        'the keys of every node',
        async () => (await prometheus.value('min(redis_db_keys{db="db0"})')) === 50,
      )
      await until(
        'one node to say that it leads',
        async () => (await prometheus.value('count(redis_instance_info{role="master"})')) === 1,
      )
      await until(
        'all writes to be counted',
        async () => (await prometheus.value('sum(redis_commands_total{cmd="set"})')) === 50,
      )
      assert.ok(((await prometheus.value('sum(kvorum_log_sync_duration_seconds_count)')) ?? 0) > 0)
      for (const stage of ['queued', 'synced', 'committed', 'applied', 'replied']) {
        const series = `sum(kvorum_entry_stage_duration_seconds_count{stage="${stage}"})`
        await until(
          `50 entries that were ${stage}`,
          async () => ((await prometheus.value(series)) ?? 0) >= 50,
        )
      }
      for (const { title, expression } of panelExpressions()) {
        if (MAY_BE_EMPTY.has(title)) await prometheus.query(expression)
        else
          await until(
            `panel ${title}: ${expression}`,
            async () => (await prometheus.query(expression)).length > 0,
          )
      }
      await until('all rules to be evaluated', async () => {
        const rules = await prometheus.rules()
        return rules.length > 0 && rules.every(({ health }) => health === 'ok')
      })
      await cluster.node(2).kill()
      await until('the alert on a node that is down', async () => {
        const down = (await prometheus.rules()).find(({ name }) => name === 'KvorumDown')
        return down?.state === 'pending' || down?.state === 'firing'
      })
    })
  })
  return undefined
})
