/**
 * VikDB's interface against a cluster that was started with its flags: every request line that its users know, what its
 * documents promised and it did not keep, and the loss of nodes.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { replyText } from '../../client/reply.ts'
import { type HttpAnswer, type HttpOptions, httpRequest } from '../clients/http-client.ts'
import type { TestCluster } from '../processes/cluster.ts'
import { vikCluster } from '../processes/compat-cluster.ts'
import { runProgram } from '../processes/kvorum.ts'
import { listeningPorts } from '../processes/listening-ports.ts'
import type { NodeProcess } from '../processes/node-process.ts'
import { steady } from '../processes/steady.ts'
import { until } from '../processes/wait.ts'

const REDIRECTING = '{"success":false,"error":"not the leader, redirecting to leader"}\n'
const NO_LEADER = '{"success":false,"error":"not the leader, leader address unknown"}\n'
const STORED = '{"success":true,"message":"key stored successfully"}\n'

let cluster: TestCluster
let leader: NodeProcess
let follower: NodeProcess

before(async () => {
  cluster = await vikCluster()
  for (const node of cluster.nodes) node.start()
  await cluster.ready()
  await lookForLeader()
})

after(() => cluster.close())

async function lookForLeader(): Promise<void> {
  leader = await cluster.leader()
  follower = cluster.others(leader)[0] as NodeProcess
}

/** A test whose leader stays one. */
function steadyTest(name: string, check: () => Promise<void>): void {
  test(name, () => steady(cluster, check, lookForLeader))
}

function at(node: NodeProcess, path: string, options: HttpOptions = {}): Promise<HttpAnswer> {
  return httpRequest(node.options.httpPort, path, options)
}

const b64 = (text: string): string => Buffer.from(text).toString('base64')

/** A node that led in the last seconds executes writes itself: waits until it redirects. */
function redirectOf(node: NodeProcess, path: string, options: HttpOptions): Promise<HttpAnswer> {
  return until(`${node.name} to redirect`, async () => {
    const answer = await at(node, path, options)
    return answer.status === 307 ? answer : null
  })
}

function pathOf(key: string): string {
  return `/kv/${b64(key).replaceAll('+', '-').replaceAll('/', '_')}`
}

function put(node: NodeProcess, key: string, value: string): Promise<HttpAnswer> {
  return at(node, pathOf(key), { method: 'PUT', body: JSON.stringify({ value: b64(value) }) })
}

/** method, path, body, status, the whole answer; at the leader. An answer that ends with '…' is a beginning. */
type Row = readonly [string, string, string | undefined, number, string]

async function expectRows(node: NodeProcess, rows: readonly Row[]): Promise<void> {
  for (const [method, path, body, status, answer] of rows) {
    const got = await at(node, path, { method, ...(body === undefined ? {} : { body }) })
    const line = `${method} ${path} ${body ?? ''}`.slice(0, 200)
    assert.equal(got.status, status, `${line}: ${got.text}`)
    assert.equal(got.headers['content-type'], 'application/json', line)
    const isBeginning = answer.endsWith('…')
    const wanted = isBeginning ? answer.slice(0, -1) : `${answer}\n`
    assert.equal(isBeginning ? got.text.slice(0, wanted.length) : got.text, wanted, line)
  }
}

describe('requests and answers, to the byte', () => {
  steadyTest('put, get and delete', async () => {
    const rows: Row[] = [
      ['PUT', '/kv/azE=', '{"value":"djE="}', 200, '{"success":true,"message":"key stored successfully"}'],
      ['GET', '/kv/azE=', undefined, 200, '{"success":true,"value":"djE="}'],
      ['GET', '/kv/nokey', undefined, 404, '{"success":false,"error":"key not found"}'],
      ['PUT', '/kv/azE=', '{"value":""}', 200, '{"success":true,"message":"key stored successfully"}'],
      ['GET', '/kv/azE=', undefined, 200, '{"success":true}'],
      ['PUT', '/kv/azE=', '{}', 200, '{"success":true,"message":"key stored successfully"}'],
      ['DELETE', '/kv/azE=', undefined, 200, '{"success":true,"message":"key deleted successfully"}'],
      ['GET', '/kv/azE=', undefined, 404, '{"success":false,"error":"key not found"}'],
      ['DELETE', '/kv/azE=', undefined, 200, '{"success":true,"message":"key deleted successfully"}'],
      // The example of its cluster document.
      [
        'PUT',
        '/kv/bXkta2V5',
        '{"value":"bXktdmFsdWU="}',
        200,
        '{"success":true,"message":"key stored successfully"}',
      ],
      ['GET', '/kv/bXkta2V5', undefined, 200, '{"success":true,"value":"bXktdmFsdWU="}'],
    ]
    await expectRows(leader, rows)
    assert.equal(await keyNamed('my-key'), 'my-value')
  })

  steadyTest('what is wrong with a request is said in its words', async () => {
    const illegal = (position: number): string =>
      `{"success":false,"error":"invalid base64 value: illegal base64 data at input byte ${position}"}`
    await expectRows(leader, [
      ['PUT', '/kv/azE=', '{bad', 400, '{"success":false,"error":"invalid request body: …'],
      ['PUT', '/kv/azE=', '', 400, '{"success":false,"error":"invalid request body: EOF"}'],
      ['PUT', '/kv/azE=', '[]', 400, '{"success":false,"error":"invalid request body: …'],
      ['PUT', '/kv/azE=', '{"value":7}', 400, '{"success":false,"error":"invalid request body: …'],
      ['PUT', '/kv/azE=', '{"value":"%%"}', 400, illegal(0)],
      ['PUT', '/kv/azE=', '{"value":"ab=c"}', 400, illegal(3)],
      ['PUT', '/kv/azE=', '{"value":"abcde"}', 400, illegal(4)],
      ['PUT', '/kv/azE=', '{"value":"ab-_"}', 400, illegal(2)],
      ['PATCH', '/kv/azE=', undefined, 405, '{"success":false,"error":"method PATCH not allowed"}'],
      ['POST', '/kv/azE=', '{}', 405, '{"success":false,"error":"method POST not allowed"}'],
      ['GET', '/kv/', undefined, 400, '{"success":false,"error":"key is required"}'],
      ['GET', '/kv/%zz', undefined, 400, '{"success":false,"error":"invalid URL escape in key"}'],
      ['GET', '/kv/range', undefined, 400, '{"success":false,"error":"start parameter is required"}'],
      ['GET', '/kv/range?start=', undefined, 400, '{"success":false,"error":"start parameter is required"}'],
      ['POST', '/kv/range', '{}', 400, '{"success":false,"error":"start_key is required"}'],
      [
        'POST',
        '/kv/range',
        '{"start_key":"%"}',
        400,
        '{"success":false,"error":"invalid base64 start_key: …',
      ],
      [
        'POST',
        '/kv/range',
        '{"start_key":"YQ==","end_key":"%"}',
        400,
        '{"success":false,"error":"invalid base64 end_key: illegal base64 data at input byte 0"}',
      ],
      ['PUT', '/kv/range', '{}', 405, '{"success":false,"error":"method PUT not allowed"}'],
      ['GET', '/kv/batch', undefined, 405, '{"success":false,"error":"method GET not allowed"}'],
    ])
  })

  steadyTest('a batch is atomic, and wants as many keys as values', async () => {
    const batch = (keys: readonly string[], values: readonly string[]) => JSON.stringify({ keys, values })
    await expectRows(leader, [
      ['POST', '/kv/batch', batch([], []), 200, '{"success":true}'],
      [
        'POST',
        '/kv/batch',
        batch([b64('b1'), b64('b2')], ['MQ==', 'Mg==']),
        200,
        '{"success":true,"count":2}',
      ],
      ['GET', `/kv/${b64('b2')}`, undefined, 200, '{"success":true,"value":"Mg=="}'],
      [
        'POST',
        '/kv/batch',
        batch(['YQ=='], []),
        400,
        '{"success":false,"error":"keys and values arrays must have the same length"}',
      ],
      [
        'POST',
        '/kv/batch',
        batch(['YQ==', '*'], ['', '']),
        400,
        '{"success":false,"error":"invalid base64 key at index 1: illegal base64 data at input byte 0"}',
      ],
      [
        'POST',
        '/kv/batch',
        batch(['Yg=='], ['Y']),
        400,
        '{"success":false,"error":"invalid base64 value at index 0: illegal base64 data at input byte 0"}',
      ],
      ['POST', '/kv/batch', '{', 400, '{"success":false,"error":"invalid request body: …'],
      ['GET', '/kv/YQ==', undefined, 404, '{"success":false,"error":"key not found"}'],
    ])
  })

  steadyTest(
    'a range has its start and not its end, whether the bounds are base64 or plain text',
    async () => {
      for (let i = 1; i <= 5; i++) await put(leader, `key${i}`, `value${i}`)
      const item = (i: number): string => `{"key":"${b64(`key${i}`)}","value":"${b64(`value${i}`)}"}`
      const two = `{"success":true,"items":[${item(2)},${item(3)}]}`
      const rest = `{"success":true,"items":[${item(4)},${item(5)}`
      for (const node of [leader, follower]) {
        await expectRows(node, [
          ['GET', '/kv/range?start=a2V5Mg==&end=a2V5NA==', undefined, 200, two],
          ['GET', '/kv/range?start=key2&end=key4', undefined, 200, two],
          ['GET', '/kv/range?start=a2V5Mg==&end=key4', undefined, 200, two],
          ['POST', '/kv/range', JSON.stringify({ start_key: b64('key2'), end_key: b64('key4') }), 200, two],
          ['GET', '/kv/range?start=key4&end=key9', undefined, 200, `${rest}]}`],
          ['GET', '/kv/range?start=key4', undefined, 200, `${rest}…`],
          ['POST', '/kv/range', JSON.stringify({ start_key: b64('key4') }), 200, `${rest}…`],
          ['GET', '/kv/range?start=z&end=a', undefined, 200, '{"success":true,"items":[]}'],
          ['GET', '/kv/range?start=zzz', undefined, 200, '{"success":true,"items":[]}'],
        ])
      }
    },
  )

  steadyTest('a path is base64 only when it is exactly that: others are the key itself', async () => {
    const value = JSON.stringify({ value: b64('v') })
    const names: readonly (readonly [string, string | Buffer])[] = [
      ['nonexistent', 'nonexistent'],
      ['key1', Buffer.from('key1', 'base64')],
      ['a/b/c.txt', 'a/b/c.txt'],
      ['sp%20ace', 'sp ace'],
      ['YQ=', 'YQ='],
      ['YR==', 'YR=='],
      ['_-8=', Buffer.from([255, 239])],
      ['%ff%fe', Buffer.from([255, 254])],
    ]
    for (const [path, key] of names) {
      assert.equal((await at(leader, `/kv/${path}`, { method: 'PUT', body: value })).status, 200, path)
      const stored = await leader.command('GET', key)
      assert.equal(replyText(stored), 'v', path)
    }
  })

  steadyTest('writes that come at once are all taken', async () => {
    const writes = Array.from({ length: 60 }, (_, i) => put(leader, `burst:${i}`, `${i}`))
    for (const answer of await Promise.all(writes)) assert.equal(answer.text, STORED)
    const { items } = JSON.parse((await at(follower, '/kv/range?start=burst:&end=burst;')).text) as {
      items: object[]
    }
    assert.equal(items.length, 60)
  })

  steadyTest('a range larger than a page comes whole', async () => {
    const count = 600
    const value = b64('x'.repeat(20_000))
    for (let from = 0; from < count; from += 200) {
      const keys = Array.from({ length: 200 }, (_, i) => b64(`large:${String(from + i).padStart(4, '0')}`))
      const body = JSON.stringify({ keys, values: keys.map(() => value) })
      assert.equal(
        (await at(leader, '/kv/batch', { method: 'POST', body })).text,
        '{"success":true,"count":200}\n',
      )
    }
    const { text } = await at(follower, '/kv/range?start=large:&end=large;')
    const { items } = JSON.parse(text) as { items: { key: string; value: string }[] }
    assert.equal(items.length, count)
    assert.deepEqual(
      items.map(({ key }) => Buffer.from(key, 'base64').toString()),
      Array.from({ length: count }, (_, i) => `large:${String(i).padStart(4, '0')}`),
    )
    assert.ok(items.every((item) => item.value === value))
  })
})

describe('hostile requests', () => {
  steadyTest('are answered, and harm nobody', async () => {
    const long = 'k'.repeat(12_000)
    await expectRows(leader, [
      [
        'PUT',
        `/kv/${long}*`,
        '{"value":"djE="}',
        200,
        '{"success":true,"message":"key stored successfully"}',
      ],
      [
        'PUT',
        '/kv/YQ==',
        `{"value":${'['.repeat(5_000)}`,
        400,
        '{"success":false,"error":"invalid request body: …',
      ],
      ['PUT', '/kv/YQ==', '{"value":"\\ud800"}', 400, '{"success":false,"error":"invalid base64 value: …'],
      [
        'POST',
        '/kv/batch',
        '{"keys":{"length":1e9},"values":[]}',
        400,
        '{"success":false,"error":"invalid request…',
      ],
      [
        'GET',
        '/kv/range?start=%00&end=%ff%zz',
        undefined,
        400,
        '{"success":false,"error":"invalid URL escape…',
      ],
      ['DELETE', '/kv/%2e%2e%2fetc', undefined, 200, '{"success":true,"message":"key deleted successfully"}'],
    ])
    const huge = await at(leader, '/kv/YQ==', {
      method: 'PUT',
      body: `{"value":"${'A'.repeat(33 * 1024 * 1024)}"}`,
    }).catch((error: Error) => error)
    // The rest of a body that is refused is not read: a client that goes on sending may find a closed connection.
    if (!(huge instanceof Error)) assert.equal(huge.status, 413)
    const tooLarge = JSON.stringify({ value: Buffer.alloc(16 * 1024 * 1024 + 1).toString('base64') })
    assert.equal((await at(leader, '/kv/YQ==', { method: 'PUT', body: tooLarge })).status, 413)
    const longKey = JSON.stringify({ keys: [Buffer.alloc(65_537, 97).toString('base64')], values: [''] })
    assert.equal((await at(leader, '/kv/batch', { method: 'POST', body: longKey })).status, 413)
    const foreign = { host: 'evil.example' }
    assert.equal((await at(leader, '/kv/YQ==', { headers: foreign })).status, 421)
    const crossSite = { origin: 'http://evil.example' }
    assert.equal((await at(leader, '/kv/YQ==', { method: 'DELETE', headers: crossSite })).status, 403)
    assert.equal((await at(leader, '/readyz')).status, 200)
  })
})

describe('the cluster', () => {
  before(lookForLeader)

  steadyTest('status and health tell the truth, for any method', async () => {
    for (const node of cluster.nodes) {
      const isLeader = node === leader
      const { term } = await node.status()
      const { text, status } = await at(node, '/cluster/status', { method: isLeader ? 'GET' : 'POST' })
      const role = isLeader ? 'leader' : 'follower'
      const wanted = { is_leader: isLeader, node_id: node.name, replication: true, role, term }
      assert.equal(text, `${JSON.stringify(wanted)}\n`)
      assert.equal(status, 200)
      const health = await at(node, '/health', { method: 'PUT' })
      assert.equal(health.status, 200)
      assert.match(
        health.text,
        /^\{"status":"healthy","memtable_size":\d+,"wal_size":\d+,"sstable_count":\d+,/,
      )
      assert.equal(JSON.parse(health.text).role, role)
      // 12 MB went through a memtable of 1 MiB. It may be empty at this moment: until something is written again.
      await until('the sizes of what was written', async (saw) => {
        await put(leader, 'sizes', 'true')
        const { text } = await at(node, '/health')
        saw(text)
        const sizes = JSON.parse(text) as Record<string, unknown>
        return ['wal_size', 'memtable_size', 'sstable_count'].every((name) => Number(sizes[name]) > 0)
      })
    }
  })

  test('a node opens its own port and the one for the others, and nothing else', (t) => {
    if (process.platform !== 'linux') return t.skip('listening ports are read from /proc')
    for (const node of cluster.nodes) {
      const ports = listeningPorts(node.pid)
      assert.equal(ports.length, 2, `${node.name} listens on ${ports}`)
      assert.ok(ports.includes(node.options.httpPort), node.name)
    }
  })

  steadyTest('a follower redirects writes to the leader, whatever the write', async () => {
    const writes: readonly (readonly [string, string, string | undefined])[] = [
      ['PUT', '/kv/YzA=', '{"value":"djE="}'],
      ['DELETE', '/kv/YzA=', undefined],
      ['POST', '/kv/batch', '{"keys":["YQ=="],"values":["YQ=="]}'],
    ]
    for (const [method, path, body] of writes) {
      const answer = await redirectOf(follower, path, { method, ...(body === undefined ? {} : { body }) })
      assert.equal(answer.headers.location, `http://127.0.0.1:${leader.options.httpPort}${path}`)
      assert.equal(answer.text, REDIRECTING)
    }
  })

  steadyTest('curl -L follows it, with method and body', async () => {
    const url = `http://127.0.0.1:${follower.options.httpPort}/kv/${b64('curled')}`
    const options = ['-sS', '--max-time', '10', '-L', '-w', '%{http_code} %{num_redirects}']
    const words = [...options, '-X', 'PUT', '-d', `{"value":"${b64('yes')}"}`, url]
    const { stdout, stderr } = await runProgram('curl', words)
    assert.equal(stdout, `${STORED}200 1`, stderr)
    assert.equal(await keyNamed('curled'), 'yes')
  })

  test('one down: redirects to the new leader; two down: refused at once, reads go on; healed: all agree', async () => {
    const killed = leader
    await killed.kill()
    const [one, two] = cluster.running as [NodeProcess, NodeProcess]
    // Within the hold of a second, or told that nobody leads.
    const answers = await Promise.all([put(one, 'failover', '1'), put(two, 'failover', '2')])
    for (const { status } of answers) assert.ok([200, 307, 503].includes(status), String(status))
    await stored('one-down', 'yes')
    await until('a redirect to the new leader', async (saw) => {
      await lookForLeader()
      const { status, headers } = await at(follower, '/kv/YQ==', { method: 'DELETE' })
      saw([status, headers.location])
      return status === 307 && headers.location === `http://127.0.0.1:${leader.options.httpPort}/kv/YQ==`
    })

    // What is stale afterwards is then whole.
    await cluster.settled()
    await leader.kill()
    const last = cluster.running[0] as NodeProcess
    await until('the loss to be known', async () => !(await last.status()).quorum)
    const refused = await put(last, 'two-down', 'no')
    assert.equal(refused.status, 503)
    assert.equal(refused.text, NO_LEADER)
    assert.equal(refused.headers['retry-after'], '1')
    const read = await at(last, `/kv/${b64('one-down')}`)
    assert.equal(read.text, `{"success":true,"value":"${b64('yes')}"}\n`)
    assert.equal(read.headers['x-kvorum-consistency'], 'stale')
    const range = await at(last, '/kv/range?start=key2&end=key4')
    assert.equal((JSON.parse(range.text) as { items: unknown[] }).items.length, 2)
    assert.equal(range.headers['x-kvorum-consistency'], 'stale')
    assert.equal((JSON.parse((await at(last, '/health')).text) as { status: string }).status, 'unhealthy')

    for (const node of cluster.nodes) if (!node.isRunning) node.start()
    await cluster.ready()
    await stored('healed', 'yes')
    for (const node of cluster.nodes) {
      const answer = await at(node, '/kv/range?start=healed')
      assert.equal(answer.headers['x-kvorum-consistency'], 'linearizable')
      const items = (JSON.parse(answer.text) as { items: { key: string }[] }).items
      assert.deepEqual(items, JSON.parse((await at(leader, '/kv/range?start=healed')).text).items)
      assert.equal((await at(node, `/kv/${b64('two-down')}`)).status, 404)
    }
  })

  test('a deleted key stays deleted through flushes and restarts', async () => {
    await stored('gone', 'x')
    const { sstable_count: before } = JSON.parse((await at(leader, '/health')).text) as {
      sstable_count: number
    }
    assert.ok(before > 0)
    // More than a memtable: what is deleted next lies in a table.
    for (let i = 0; i < 3; i++) await stored(`filler:${i}`, `${i}`.repeat(1_000_000))
    await changed(`/kv/${b64('gone')}`, { method: 'DELETE' })
    await stored('kept', 'y')
    await Promise.all(cluster.nodes.map((node) => node.kill()))
    for (const node of cluster.nodes) node.start()
    await cluster.ready()
    await lookForLeader()
    for (const node of cluster.nodes) {
      assert.equal((await at(node, `/kv/${b64('gone')}`)).status, 404)
      assert.equal((await at(node, `/kv/${b64('kept')}`)).text, `{"success":true,"value":"${b64('y')}"}\n`)
    }
  })

  steadyTest(
    'a node that led a moment ago executes what was redirected to it, instead of sending it on',
    async () => {
      await lookForLeader()
      const old = leader
      await until('the new leader', async () => {
        await old.command('KVORUM', 'LEADER', 'TRANSFER', follower.name)
        return (await follower.status()).role === 'leader'
      })
      const answer = await put(old, 'late', 'redirect')
      assert.equal(answer.text, STORED)
      await lookForLeader()
      assert.notEqual(leader, old)
      assert.equal(await keyNamed('late'), 'redirect')
    },
  )
})

/** A write that is sent to whoever leads until it is done; the answer. */
function changed(path: string, options: HttpOptions): Promise<HttpAnswer> {
  return until(`${options.method} ${path} to be done`, async (saw) => {
    await lookForLeader()
    const answer = await at(leader, path, options)
    saw([answer.status, answer.text])
    return answer.status === 200 && answer
  })
}

async function stored(key: string, value: string): Promise<void> {
  const { text } = await changed(pathOf(key), { method: 'PUT', body: JSON.stringify({ value: b64(value) }) })
  assert.equal(text, STORED)
}

/** The value of a key, read through another door. */
async function keyNamed(key: string): Promise<string> {
  return replyText(await leader.command('GET', key)) ?? ''
}
