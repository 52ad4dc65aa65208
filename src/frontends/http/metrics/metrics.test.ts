/** /metrics over real sockets: the form of the text, what it says, and who may read it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { NodeStatus, PeerStatus } from '../../../cluster/execute.ts'
import { parseMetrics } from '../../../testing/clients/metrics-text.ts'
import { type DoorFixture, openFixture } from '../../../testing/doors/door-fixture.ts'
import { FakeExecutor } from '../../../testing/doors/fake-executor.ts'
import { lacksPrograms, runWithInput } from '../../../testing/processes/programs.ts'
import { families } from './families.ts'

/** What dashboards and alerts made for redis_exporter read. */
const REDIS_EXPORTER = [
  'redis_up',
  'redis_instance_info',
  'redis_uptime_in_seconds',
  'redis_connected_clients',
  'redis_blocked_clients',
  'redis_config_maxclients',
  'redis_rejected_connections_total',
  'redis_memory_used_bytes',
  'redis_memory_used_rss_bytes',
  'redis_memory_max_bytes',
  'redis_memory_fragmentation_ratio',
  'redis_total_system_memory_bytes',
  'redis_commands_processed_total',
  'redis_commands_total',
  'redis_commands_duration_seconds_total',
  'redis_command_calls_total',
  'redis_keyspace_hits_total',
  'redis_keyspace_misses_total',
  'redis_db_keys',
  'redis_db_keys_expiring',
  'redis_expired_keys_total',
  'redis_evicted_keys_total',
  'redis_net_input_bytes_total',
  'redis_net_output_bytes_total',
  'redis_connected_slaves',
  'redis_master_last_io_seconds_ago',
  'redis_rdb_last_save_timestamp_seconds',
  'redis_slowlog_length',
  'redis_cluster_state',
  'redis_cluster_slots_fail',
  'redis_cluster_slots_pfail',
]

interface Answer {
  readonly status: number
  readonly type: string
  readonly text: string
}

async function scrape(port: number, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${port}/metrics`, { headers })
  return {
    status: response.status,
    type: response.headers.get('content-type') ?? '',
    text: await response.text(),
  }
}

function peer(name: string, peerId: number, lastHeardMs: number): PeerStatus {
  return {
    member: { name, peerId, incarnation: `i${peerId}`, peerAddress: `${name}:9090` },
    voter: true,
    learner: false,
    reachable: lastHeardMs < 1_000,
    matchIndex: 40,
    lastHeardMs,
    redisAddress: `${name}:6379`,
    httpAddress: `${name}:8080`,
  }
}

const PEERS = [peer('node1', 1, 0), peer('node2', 2, 12), peer('node3', 3, Number.POSITIVE_INFINITY)]

async function withDoors(
  overrides: Partial<NodeStatus>,
  use: (fixture: DoorFixture, metrics: (name: string) => Promise<string[]>) => Promise<void>,
): Promise<void> {
  const executor = new FakeExecutor()
  executor.overrides = overrides
  const fixture = await openFixture({}, executor)
  const metrics = async (name: string): Promise<string[]> => {
    const { text } = await scrape(fixture.doors.httpPort)
    return text.split('\n').filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
  }
  try {
    await use(fixture, metrics)
  } finally {
    await fixture.close()
  }
}

describe('the text of /metrics', () => {
  test('passes promtool check metrics', async (t) => {
    const reason = lacksPrograms('promtool')
    if (reason !== null) return t.skip(reason)
    await withDoors({ peers: PEERS }, async ({ doors }) => {
      await scrape(doors.httpPort)
      const { text } = await scrape(doors.httpPort)
      const { status, output } = await runWithInput('promtool', ['check', 'metrics'], text)
      assert.equal(output, '')
      assert.equal(status, 0)
    })
    return undefined
  })

  test('has every family of the table once, on a leader or on a follower', async () => {
    const seen = new Set<string>()
    for (const leader of ['node1', 'node2']) {
      const role = leader === 'node1' ? 'leader' : 'follower'
      await withDoors({ peers: PEERS, role, leader }, async (fixture) => {
        const client = await fixture.client()
        client.command('NOTHING')
        await client.takeUntil('\r\n')
        client.command('PING')
        await client.takeUntil('\r\n')
        await scrape(fixture.doors.httpPort)
        const parsed = parseMetrics((await scrape(fixture.doors.httpPort)).text)
        for (const name of parsed.families) {
          assert.ok(
            families.some((family) => family.name === name),
            `${name} is not in the table`,
          )
          seen.add(name)
        }
      })
    }
    // A fake node has no certificate, no disk, no peers that it exchanges frames with, and no history.
    const elsewhere =
      /^kvorum_(tls_certificate_\w+|disk_free_bytes|peer_(rtt|connections|dropped|received|sent)_?.*)$/
    const missing = families
      .map(({ name }) => name)
      .filter((name) => !seen.has(name) && !elsewhere.test(name))
    assert.deepEqual(missing, [])
  })

  test('names every series of redis_exporter that dashboards and alerts read', () => {
    const names = new Set(families.map(({ name }) => name))
    assert.deepEqual(
      REDIS_EXPORTER.filter((name) => !names.has(name)),
      [],
    )
    assert.equal(names.size, families.length)
  })

  test('is OpenMetrics when asked for', async () => {
    await withDoors({}, async ({ doors }) => {
      const accept = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5'
      const { type, text } = await scrape(doors.httpPort, { accept })
      assert.equal(type, 'application/openmetrics-text; version=1.0.0; charset=utf-8')
      assert.ok(text.endsWith('\n# EOF\n'))
      assert.match(text, /^# TYPE kvorum_raft_elections counter\nkvorum_raft_elections_total 0$/m)
      assert.equal((await scrape(doors.httpPort)).type, 'text/plain; version=0.0.4; charset=utf-8')
    })
  })
})

describe('what /metrics counts', () => {
  test('are commands by name and outcome, and errors by code, none of them by what clients invent', async () => {
    await withDoors({}, async (fixture, metrics) => {
      const client = await fixture.client()
      for (const words of [
        ['SET', 'a', 'x'],
        ['INCR', 'a'],
        ['get'],
        ['NOSUCH1'],
        ['NOSUCH2'],
        ['GET', 'a'],
      ]) {
        client.command(...words)
      }
      await client.takeUntil('$1\r\nx\r\n')
      assert.deepEqual(await metrics('kvorum_commands_total'), [
        'kvorum_commands_total{command="get",outcome="ok"} 1',
        'kvorum_commands_total{command="get",outcome="failed"} 0',
        'kvorum_commands_total{command="get",outcome="rejected"} 1',
        'kvorum_commands_total{command="set",outcome="ok"} 1',
        'kvorum_commands_total{command="set",outcome="failed"} 0',
        'kvorum_commands_total{command="set",outcome="rejected"} 0',
        'kvorum_commands_total{command="incr",outcome="ok"} 0',
        'kvorum_commands_total{command="incr",outcome="failed"} 1',
        'kvorum_commands_total{command="incr",outcome="rejected"} 0',
      ])
      assert.deepEqual(await metrics('kvorum_error_replies_total'), [
        'kvorum_error_replies_total{code="ERR"} 4',
      ])
      assert.deepEqual(await metrics('redis_commands_processed_total'), ['redis_commands_processed_total 6'])
      assert.deepEqual(await metrics('kvorum_command_duration_seconds_count'), [
        'kvorum_command_duration_seconds_count{kind="read"} 1',
        'kvorum_command_duration_seconds_count{kind="write"} 2',
        'kvorum_command_duration_seconds_count{kind="local"} 0',
      ])
    })
  })

  test('are HTTP requests by route, never by path', async () => {
    await withDoors({}, async ({ doors }, metrics) => {
      for (let i = 0; i < 20; i++) await fetch(`http://127.0.0.1:${doors.httpPort}/nothing/${i}`)
      await fetch(`http://127.0.0.1:${doors.httpPort}/livez`)
      const lines = await metrics('kvorum_http_requests_total')
      assert.ok(lines.includes('kvorum_http_requests_total{method="GET",route="none",status="404"} 20'))
      assert.ok(lines.includes('kvorum_http_requests_total{method="GET",route="/livez",status="200"} 1'))
      assert.ok(lines.every((line) => !line.includes('/nothing')))
    })
  })

  test('are the peers of a leader by name, the one that was never heard without a time', async () => {
    await withDoors({ peers: PEERS, lastIndex: 42 }, async (_fixture, metrics) => {
      assert.deepEqual(await metrics('kvorum_peer_reachable'), [
        'kvorum_peer_reachable{peer="node2"} 1',
        'kvorum_peer_reachable{peer="node3"} 0',
      ])
      assert.deepEqual(await metrics('kvorum_peer_last_heard_seconds'), [
        'kvorum_peer_last_heard_seconds{peer="node2"} 0.012',
      ])
      assert.deepEqual(await metrics('kvorum_peer_lag_entries'), [
        'kvorum_peer_lag_entries{peer="node2"} 2',
        'kvorum_peer_lag_entries{peer="node3"} 2',
      ])
      assert.deepEqual(await metrics('redis_connected_slaves'), ['redis_connected_slaves 1'])
    })
  })
})

describe('who may read /metrics', () => {
  test('everyone on this machine, on the HTTP port and on the Redis port, while no password is set', async () => {
    const fixture = await openFixture()
    for (const port of [fixture.doors.httpPort, fixture.doors.redisPort]) {
      const { status, text } = await scrape(port)
      assert.equal(status, 200)
      assert.match(text, /^redis_up 1$/m)
    }
    await fixture.close()
  })

  test('R19: who knows the password, on both ports', async () => {
    const fixture = await openFixture({ password: 'secret' })
    const basic = `Basic ${Buffer.from('default:secret').toString('base64')}`
    for (const port of [fixture.doors.httpPort, fixture.doors.redisPort]) {
      assert.equal((await scrape(port)).status, 401)
      assert.equal((await scrape(port, { authorization: 'Bearer wrong' })).status, 401)
      assert.equal((await scrape(port, { authorization: 'Bearer secret' })).status, 200)
      assert.equal((await scrape(port, { authorization: basic })).status, 200)
    }
    await fixture.close()
  })

  test('R19: everyone, when the setting says so', async () => {
    const fixture = await openFixture({ password: 'secret', metricsOpen: true })
    assert.equal((await scrape(fixture.doors.httpPort)).status, 200)
    await fixture.close()
  })
})
