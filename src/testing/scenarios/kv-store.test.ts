/**
 * The Django store's interface against a cluster that was started with REPLICA_NODES: every request line that its users
 * know, what its documents promised and it did not keep, and the loss of nodes.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type HttpAnswer, type HttpOptions, httpRequest } from '../clients/http-client.ts'
import type { TestCluster } from '../processes/cluster.ts'
import { storeCluster } from '../processes/compat-cluster.ts'
import type { NodeProcess } from '../processes/node-process.ts'
import { until } from '../processes/wait.ts'

const BASE = '/kv-store/v1'
const JSON_TYPE = { 'content-type': 'application/json' }

interface Entry {
  readonly key: string
  readonly value: string
  readonly version: number
  readonly updated_at: string
  readonly created_at: string
}

interface Page {
  readonly count: number
  readonly results: readonly Entry[]
  readonly has_more: boolean
  readonly next_cursor?: string
}

let cluster: TestCluster
let nodes: readonly [NodeProcess, NodeProcess, NodeProcess]

before(async () => {
  cluster = await storeCluster()
  nodes = cluster.nodes as unknown as typeof nodes
  for (const node of nodes) node.start()
  await cluster.ready()
})

after(() => cluster.close())

function at(node: NodeProcess, path: string, options: HttpOptions = {}): Promise<HttpAnswer> {
  return httpRequest(node.options.httpPort, path, options)
}

function put(node: NodeProcess, key: string, value: string): Promise<HttpAnswer> {
  return at(node, `${BASE}/kv/${encodeURIComponent(key)}/`, {
    method: 'PUT',
    headers: JSON_TYPE,
    body: JSON.stringify({ value }),
  })
}

function batch(node: NodeProcess, items: unknown): Promise<HttpAnswer> {
  const body = JSON.stringify({ items })
  return at(node, `${BASE}/kv/batch/`, { method: 'POST', headers: JSON_TYPE, body })
}

async function range(node: NodeProcess, query: string): Promise<Page> {
  const { status, text } = await at(node, `${BASE}/kv/?${query}`)
  assert.equal(status, 200, text)
  return JSON.parse(text) as Page
}

/** Status and whole body. */
async function expect(answer: Promise<HttpAnswer>, status: number, body: string): Promise<void> {
  const got = await answer
  assert.deepEqual([got.status, got.text], [status, body])
  if (body !== '') assert.equal(got.headers['content-type'], 'application/json')
}

/** All that it says of its health, when every node hears every other. */
async function assertHealthy(node: NodeProcess): Promise<void> {
  const { status, text } = await at(node, `${BASE}/health/`)
  assert.equal(status, 200)
  const { cluster: seen, ...rest } = JSON.parse(text) as { cluster: { nodes: { url: string }[] } }
  assert.deepEqual(rest, { status: 'healthy' })
  const others = nodes.filter((one) => one !== node)
  const urls = others.map(({ options }) => ({
    url: `http://127.0.0.1:${options.httpPort}${BASE}`,
    healthy: true,
  }))
  seen.nodes.sort((a, b) => (a.url < b.url ? -1 : 1))
  assert.deepEqual(seen, {
    replication_enabled: true,
    total_nodes: 3,
    healthy_nodes: 3,
    unhealthy_nodes: 0,
    required_for_quorum: 2,
    has_quorum: true,
    can_accept_writes: true,
    automatic_failover_enabled: true,
    retry_attempts: 3,
    nodes: urls,
  })
}

describe('requests and answers', () => {
  test('put creates with 201, updates with 200, and counts versions; through any node', async () => {
    const created = await put(nodes[0], 'user123', 'John Doe')
    assert.equal(created.status, 201)
    const stamp = '"\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d+Z"'
    const form = (value: string, version: number): RegExp =>
      new RegExp(
        `^\\{"key":"user123","value":"${value}","version":${version},"updated_at":${stamp},"created_at":${stamp}\\}$`,
      )
    assert.match(created.text, form('John Doe', 1))
    const updated = await put(nodes[1], 'user123', 'Jane')
    assert.equal(updated.status, 200)
    assert.match(updated.text, form('Jane', 2))
    const entry = JSON.parse(updated.text) as Entry
    assert.equal(entry.created_at, (JSON.parse(created.text) as Entry).created_at)
    for (const node of nodes) {
      const got = await at(node, `${BASE}/kv/user123/`)
      assert.deepEqual([got.status, got.text], [200, updated.text])
      assert.equal(got.headers['x-kvorum-consistency'], 'linearizable')
    }
  })

  test('an empty value is one; delete answers 204, then 404', async () => {
    assert.equal((await put(nodes[2], 'blank', '')).status, 201)
    assert.match((await at(nodes[0], `${BASE}/kv/blank/`)).text, /"value":"","version":1/)
    await expect(at(nodes[1], `${BASE}/kv/blank/`, { method: 'DELETE' }), 204, '')
    await expect(at(nodes[2], `${BASE}/kv/blank/`, { method: 'DELETE' }), 404, '{"detail":"Not found."}')
    await expect(at(nodes[0], `${BASE}/kv/blank/`), 404, '{"detail":"Not found."}')
    assert.match((await put(nodes[0], 'blank', 'again')).text, /"version":1/)
  })

  test('keys are any text without a slash', async () => {
    for (const key of ['ключ', 'a b', '%', 'x'.repeat(255), '語'.repeat(255)]) {
      assert.equal((await put(nodes[0], key, key)).status, 201, key)
      const { text } = await at(nodes[1], `${BASE}/kv/${encodeURIComponent(key)}/`)
      assert.equal((JSON.parse(text) as Entry).value, key)
    }
  })

  test('bodies are checked in the words of its serializers', async () => {
    const putBody = (body: string, headers: Record<string, string> = JSON_TYPE) =>
      at(nodes[0], `${BASE}/kv/checked/`, { method: 'PUT', headers, body })
    await expect(putBody('{}'), 400, '{"value":["This field is required."]}')
    await expect(putBody(''), 400, '{"value":["This field is required."]}')
    await expect(putBody('{"value":null}'), 400, '{"value":["This field may not be null."]}')
    for (const value of ['7', 'true', '["a"]', '{"a":1}', '"\\ud800"'])
      await expect(putBody(`{"value":${value}}`), 400, '{"value":["Not a valid string."]}')
    await expect(
      putBody('["a"]'),
      400,
      '{"non_field_errors":["Invalid data. Expected a dictionary, but got list."]}',
    )
    const broken = await putBody('{"value":')
    assert.equal(broken.status, 400)
    assert.match(broken.text, /^\{"detail":"JSON parse error - /)
    assert.equal((await putBody('\xff{}')).status, 400)
    await expect(
      putBody('x', { 'content-type': 'text/plain' }),
      415,
      '{"detail":"Unsupported media type \\"text/plain\\" in request."}',
    )
    await expect(at(nodes[0], `${BASE}/kv/checked/`), 404, '{"detail":"Not found."}')
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    assert.match((await putBody('{"value":"curl -d"}', form)).text, /"value":"curl -d"/)
    assert.match((await putBody('value=a+form', form)).text, /"value":"a form"/)
    const long = await at(nodes[0], `${BASE}/kv/${'k'.repeat(256)}/`, { method: 'PUT', body: '{"value":""}' })
    assert.deepEqual(
      [long.status, long.text],
      [400, '{"key":["Ensure this field has no more than 255 characters."]}'],
    )
  })

  test('addresses end with a slash, and other methods and addresses are refused', async () => {
    const moved = await at(nodes[0], `${BASE}/kv/user123?a=b`)
    assert.deepEqual([moved.status, moved.headers.location], [301, `${BASE}/kv/user123/?a=b`])
    const kept = await at(nodes[0], `${BASE}/kv/user123`, { method: 'DELETE' })
    assert.deepEqual([kept.status, kept.headers.location], [308, `${BASE}/kv/user123/`])
    await expect(
      at(nodes[0], `${BASE}/kv/user123/`, { method: 'PATCH' }),
      405,
      '{"detail":"Method \\"PATCH\\" not allowed."}',
    )
    for (const path of ['/kv/a/b/', '/nothing/', '/kv/%ff/', '/kv/%2F/', '/kv/%zz/'])
      await expect(at(nodes[0], BASE + path), 404, '{"detail":"Not found."}')
    assert.equal((await at(nodes[0], `${BASE}/kv/user123/`, { method: 'HEAD' })).status, 200)
  })

  test('a batch takes all of its items or none, and shows them', async () => {
    const items = ['c', 'a', 'b'].map((name) => ({ key: `batch:${name}`, value: name.toUpperCase() }))
    const { status, text } = await batch(nodes[1], items)
    assert.equal(status, 200)
    const entries = JSON.parse(text) as Entry[]
    assert.deepEqual(
      entries.map(({ key, value, version }) => [key, value, version]),
      items.map(({ key, value }) => [key, value, 1]),
    )
    const refusals: readonly (readonly [unknown, string])[] = [
      [[], '{"items":["At least one item is required"]}'],
      [undefined, '{"items":["This field is required."]}'],
      [{}, '{"items":["Expected a list of items but got type \\"dict\\"."]}'],
      [
        [
          { key: 'k', value: '1' },
          { key: 'k', value: '2' },
        ],
        '{"items":["Duplicate keys detected in batch request"]}',
      ],
      [
        [{ key: 'k', value: '1' }, { key: '' }],
        '{"items":[{},{"key":["This field may not be blank."],"value":["This field is required."]}]}',
      ],
      [
        Array.from({ length: 10_001 }, (_, i) => ({ key: `${i}`, value: '' })),
        '{"items":["At most 10000 items are allowed"]}',
      ],
    ]
    for (const [given, wanted] of refusals) await expect(batch(nodes[0], given), 400, wanted)
    await expect(at(nodes[0], `${BASE}/kv/k/`), 404, '{"detail":"Not found."}')
  })

  test('a batch of ten thousand items is one change', async () => {
    const items = Array.from({ length: 10_000 }, (_, i) => ({
      key: `many:${String(i).padStart(5, '0')}`,
      value: `${i}`,
    }))
    // A slow machine may not know the outcome in time, and says so.
    const answer = await until('the batch to be applied', async () => {
      const one = await batch(nodes[2], items)
      return one.status === 504 ? null : one
    })
    assert.equal((JSON.parse(answer.text) as Entry[]).length, 10_000)
    const page = await range(nodes[0], 'start=many:&end=many:~')
    assert.deepEqual([page.count, page.has_more], [10_000, false])
  })
})

describe('ranges', () => {
  before(async () => {
    await batch(
      nodes[0],
      ['a', 'b', 'c', 'd', 'e'].map((key) => ({ key: `r:${key}`, value: key })),
    )
  })

  const keysOf = (page: Page): string[] => page.results.map(({ key }) => key)

  test('both ends belong to it, and it is sorted', async () => {
    for (const node of nodes) {
      const page = await range(node, 'start=r:a&end=r:b')
      assert.deepEqual(keysOf(page), ['r:a', 'r:b'])
      assert.deepEqual([page.count, page.has_more, page.next_cursor], [2, false, undefined])
    }
    const { text } = await at(nodes[0], `${BASE}/kv/?start=r:z&end=r:zz`)
    assert.equal(text, '{"count":0,"results":[],"has_more":false}')
  })

  test('a cursor is the last key of its page, and no row is lost between two', async () => {
    const first = await range(nodes[0], 'start=r:a&end=r:z&limit=2')
    assert.deepEqual([keysOf(first), first.has_more, first.next_cursor], [['r:a', 'r:b'], true, 'r:b'])
    for (const limit of [1, 2, 3, 4, 5]) {
      const seen: string[] = []
      let cursor = ''
      for (let pages = 0; pages < 6; pages++) {
        const page = await range(nodes[pages % 3] as NodeProcess, `start=r:a&end=r:e&limit=${limit}${cursor}`)
        seen.push(...keysOf(page))
        assert.equal(page.has_more, page.next_cursor !== undefined)
        if (page.next_cursor === undefined) break
        cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`
      }
      assert.deepEqual(seen, ['r:a', 'r:b', 'r:c', 'r:d', 'r:e'], `limit ${limit}`)
    }
  })

  test('rows of other doors whose keys are no text are listed once each, too', async () => {
    const keys = [
      Buffer.from('s:\xfe', 'latin1'),
      Buffer.from('s:\xff', 'latin1'),
      Buffer.from('s:\xff\xff', 'latin1'),
    ]
    for (const key of keys) await nodes[0].command('SET', key, 'x')
    let cursor = ''
    let count = 0
    for (let pages = 0; pages < 9; pages++) {
      const page: Page = await range(nodes[1], `start=s:&end=t&limit=1${cursor}`)
      count += page.count
      if (page.next_cursor === undefined) break
      cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`
    }
    assert.equal(count, keys.length)
  })

  test('a page of large values ends early and says so', async () => {
    const value = 'v'.repeat(3_000_000)
    for (let i = 0; i < 8; i++) await put(nodes[0], `u:${i}`, value)
    const first = await range(nodes[0], 'start=u:&end=u:z')
    assert.ok(first.count >= 5 && first.count < 8, String(first.count))
    const rest = await range(nodes[0], `start=u:&end=u:z&cursor=${first.next_cursor}`)
    assert.deepEqual(
      [...keysOf(first), ...keysOf(rest)],
      Array.from({ length: 8 }, (_, i) => `u:${i}`),
    )
    assert.equal(rest.has_more, false)
  })

  test('what cannot be a range is refused', async () => {
    const required = '{"detail":"start and end query parameters are required"}'
    for (const query of ['', '?start=a', '?end=a', '?start=&end=b'])
      await expect(at(nodes[0], `${BASE}/kv/${query}`), 400, required)
    const order = '{"detail":"start key must be lexicographically <= end key"}'
    await expect(at(nodes[0], `${BASE}/kv/?start=z&end=a`), 400, order)
    for (const limit of ['x', '0', '-1', '1.5', '1e9'])
      await expect(
        at(nodes[0], `${BASE}/kv/?start=a&end=b&limit=${limit}`),
        400,
        '{"detail":"limit must be a positive integer"}',
      )
    for (const cursor of ['zzz', '%00base64:%21', '%ff', 'r:b'.repeat(1_000), '%00']) {
      const page = await range(nodes[0], `start=r:a&end=r:e&limit=99999999&cursor=${cursor}`)
      assert.ok(page.count <= 5 && !page.has_more, cursor)
    }
  })
})

describe('hostile requests', () => {
  test('are answered, and harm nobody', async () => {
    const putBody = (body: string, headers: Record<string, string> = {}) =>
      at(nodes[0], `${BASE}/kv/hostile/`, { method: 'PUT', headers: { ...JSON_TYPE, ...headers }, body })
    assert.equal((await putBody('{"value":"x"}', { host: 'evil.example' })).status, 421)
    assert.equal((await putBody('{"value":"x"}', { origin: 'http://evil.example' })).status, 403)
    assert.equal((await putBody(`{"value":${'['.repeat(10_000)}`)).status, 400)
    assert.equal((await putBody('{"__proto__":{"value":"x"}}')).status, 400)
    const large = await putBody(`{"value":"${'v'.repeat(16 * 1024 * 1024 + 1)}"}`)
    assert.equal(large.status, 400)
    const huge = await putBody(`{"value":"${'v'.repeat(33 * 1024 * 1024)}"}`).catch((error: Error) => error)
    if (!(huge instanceof Error)) assert.equal(huge.status, 413)
    assert.equal((await batch(nodes[0], [{ key: 'a', value: 'x' }, null, 'y', [], { key: 1 }])).status, 400)
    assert.equal((await at(nodes[0], `${BASE}/kv/${'%00'.repeat(255)}/`)).status, 404)
    assert.equal((await at(nodes[0], `${BASE}/kv/hostile/`)).status, 404)
    await until('the node to be ready', async () => (await at(nodes[0], '/readyz')).status === 200)
  })
})

describe('the cluster', () => {
  test('health counts the nodes and names the others as REPLICA_NODES does', async () => {
    // A node that was not heard for a moment counts as unhealthy for that moment.
    for (const node of nodes)
      await until(`${node.name} to hear all`, async () => {
        await assertHealthy(node)
        return true
      })
  })

  test('writers on all nodes at once agree in the end: versions count every write', async () => {
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) => put(nodes[i % 3] as NodeProcess, 'contended', `${i}`)),
    )
    const versions = answers.map(({ text }) => (JSON.parse(text) as Entry).version).sort((a, b) => a - b)
    assert.deepEqual(
      versions,
      Array.from({ length: 30 }, (_, i) => i + 1),
    )
    assert.equal(answers.filter(({ status }) => status === 201).length, 1)
    const bodies = await Promise.all(
      nodes.map(async (node) => (await at(node, `${BASE}/kv/contended/`)).text),
    )
    assert.equal(new Set(bodies).size, 1)
  })

  test('one down: writes go on; two down: 500 at once and stale reads; healed: all agree', async () => {
    await nodes[2].kill()
    for (const node of [nodes[0], nodes[1]]) {
      // Refused for a moment, when the other one stands still.
      await until('a write to be taken', async (saw) => {
        const answer = await put(node, `one-down:${node.name}`, 'yes')
        saw(answer.text)
        return answer.status === 201 || answer.status === 200
      })
    }
    // What is stale afterwards is then whole.
    await cluster.settled()
    await nodes[1].kill()
    await until('the loss to be known', async () => {
      const { text } = await at(nodes[0], `${BASE}/health/`)
      return (JSON.parse(text) as { cluster: { has_quorum: boolean } }).cluster.has_quorum === false
    })
    const failed = (what: string): string =>
      `{"detail":"Replication failed: Failed to replicate ${what} of nodes. Successful: 1 nodes"}`
    await expect(put(nodes[0], 'two-down', 'no'), 500, failed('to quorum'))
    await expect(at(nodes[0], `${BASE}/kv/user123/`, { method: 'DELETE' }), 500, failed('delete to quorum'))
    await expect(batch(nodes[0], [{ key: 'two-down', value: 'no' }]), 500, failed('batch to quorum'))
    const read = await at(nodes[0], `${BASE}/kv/user123/`)
    assert.deepEqual([read.status, read.headers['x-kvorum-consistency']], [200, 'stale'])
    const page = await range(nodes[0], 'start=one-down:&end=one-down:~')
    assert.equal(page.count, 2)

    nodes[1].start()
    nodes[2].start()
    await cluster.ready()
    for (const node of nodes) {
      await expect(at(node, `${BASE}/kv/two-down/`), 404, '{"detail":"Not found."}')
      const { text, headers } = await at(node, `${BASE}/kv/user123/`)
      assert.equal(text, read.text)
      assert.equal(headers['x-kvorum-consistency'], 'linearizable')
      assert.equal((await range(node, 'start=one-down:&end=one-down:~')).count, 2)
    }
  })
})
