/** The native API over a fake executor: what each route answers, to the status and the header. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { limits } from '../../../protocol/limits.ts'
import { errorCodeReply } from '../../../protocol/reply.ts'
import { type HttpAnswer, type HttpOptions, httpRequest } from '../../../testing/clients/http-client.ts'
import { type DoorFixture, openFixture } from '../../../testing/doors/door-fixture.ts'
import { FakeExecutor } from '../../../testing/doors/fake-executor.ts'
import { openApiOf } from './openapi.ts'
import { routes } from './routes.ts'

let fixture: DoorFixture
let executor: FakeExecutor

before(async () => {
  executor = new FakeExecutor()
  fixture = await openFixture({ corsOrigins: ['https://app.example.com'] }, executor)
})
after(() => fixture.close())

const { paths } = openApiOf(routes, 'test') as {
  paths: Record<string, Record<string, { responses: Record<string, unknown> }>>
}

/** Every answer in this file must have a status that /openapi.json has for the route. */
async function http(method: string, path: string, options: HttpOptions = {}): Promise<HttpAnswer> {
  const answer = await httpRequest(fixture.doors.httpPort, path, { method, ...options })
  const route = (path.split('?')[0] as string).replace(/^\/v1\/kv\/.*/, '/v1/kv/{key}')
  const documented = paths[route]?.[method === 'HEAD' ? 'get' : method.toLowerCase()]?.responses
  if (documented === undefined) assert.ok([204, 404, 405].includes(answer.status), `${method} ${path}`)
  else assert.ok(String(answer.status) in documented, `${method} ${path} is ${answer.status}`)
  return answer
}

interface Item {
  readonly revision: number
  readonly type: string | null
  readonly value?: string
}

/** Status and ETag, the essence of an answer. */
async function brief(method: string, path: string, options: HttpOptions = {}): Promise<string> {
  const { status, headers } = await http(method, path, options)
  return `${status}${headers.etag === undefined ? '' : ` ${headers.etag}`}`
}

function problem(answer: HttpAnswer): { status: number; code: string; detail: string } {
  assert.equal(answer.headers['content-type'], 'application/problem+json')
  const { status, code, detail = '', type } = answer.json<Record<string, string>>()
  assert.equal(Number(status), answer.status)
  assert.equal(type, `/docs#${code}`)
  return { status: answer.status, code: code ?? '', detail }
}

describe('/v1/kv/{key}', () => {
  test('any value under any key comes back with its media type', async () => {
    const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    const cases: [string, Buffer | string, string | null][] = [
      ['plain', 'hello', 'text/plain; charset=utf-8'],
      ['empty', '', null],
      ['a/b//c/', 'slashes', 'application/json'],
      ['%00%FF%2F%3F', every, 'image/png'],
      ['', 'the empty key', null],
      [`big`, Buffer.alloc(limits.valueBytes, 'x'), null],
    ]
    for (const [key, value, type] of cases) {
      const headers = type === null ? {} : { 'content-type': type }
      const put = await http('PUT', `/v1/kv/${key}`, { body: value, headers })
      assert.equal(put.status, 201)
      const got = await http('GET', `/v1/kv/${key}`)
      assert.equal(got.status, 200)
      assert.ok(got.body.equals(typeof value === 'string' ? Buffer.from(value) : value), key)
      assert.equal(got.headers['content-type'], type ?? 'application/octet-stream')
      assert.equal(got.headers.etag, put.headers.etag)
      const head = await http('HEAD', `/v1/kv/${key}`)
      assert.equal(head.headers['content-length'], String(got.body.length))
      assert.equal(head.body.length, 0)
    }
  })

  test('one byte more than the limit is refused', async () => {
    const answer = await http('PUT', '/v1/kv/big', { body: Buffer.alloc(limits.valueBytes + 1) })
    assert.equal(problem(answer).code, 'TOO_LARGE')
  })

  test('says who answers and at which revision', async () => {
    const { headers } = await http('PUT', '/v1/kv/served', { body: '1' })
    assert.equal(headers['x-kvorum-node'], 'node1')
    assert.equal(headers['x-kvorum-leader'], 'node1')
    assert.equal(headers['x-kvorum-term'], '3')
    assert.equal(`"${headers['x-kvorum-revision']}"`, headers.etag)
    assert.equal(headers['cache-control'], 'no-store')
  })

  test('?format', async () => {
    await http('PUT', '/v1/kv/f%FF?ttl=1h', { body: Buffer.from([255, 1]) })
    const item = (await http('GET', '/v1/kv/f%FF?format=json')).json()
    assert.equal(item.key_base64, 'Zv8=')
    assert.equal(item.value_base64, '/wE=')
    assert.equal(item.version, 1)
    assert.ok((item.ttl_ms as number) > 3_590_000 && (item.ttl_ms as number) <= 3_600_000)
    assert.equal((await http('GET', '/v1/kv/f%FF?format=base64')).text, '/wE=')
    assert.equal(
      problem(await http('GET', '/v1/kv/f?format=xml')).detail,
      '?format is "xml"; wanted raw, json, base64',
    )
  })

  test('a stored page cannot act on this origin', async () => {
    await http('PUT', '/v1/kv/page', { body: '<script>1</script>', headers: { 'content-type': 'text/html' } })
    const { headers } = await http('GET', '/v1/kv/page')
    assert.match(headers['content-security-policy'] ?? '', /sandbox/)
    assert.equal(headers['x-content-type-options'], 'nosniff')
  })

  test('conditions: create only, update only, lists, not modified', async () => {
    const put = (headers: Record<string, string>, body = 'x') =>
      brief('PUT', '/v1/kv/cond', { body, headers })
    assert.equal(await put({ 'if-match': '*' }), '412')
    assert.equal(await put({ 'if-match': '"1"' }), '412')
    const created = await put({ 'if-none-match': '*' })
    assert.match(created, /^201 "\d+"$/)
    const etag = created.slice(4)
    assert.equal(await put({ 'if-none-match': '*' }), `412 ${etag}`)
    assert.equal(await put({ 'if-match': '"999999", "abc"' }), `412 ${etag}`)
    assert.equal(await put({ 'if-match': 'W/"1"' }), '412')
    assert.equal(await put({ 'if-none-match': `"999999", ${etag}` }), `412 ${etag}`)
    const updated = await put({ 'if-match': `"999999", ${etag}` })
    assert.match(updated, /^204 "\d+"$/)
    const now = updated.slice(4)
    assert.notEqual(now, etag)
    const get = (headers: Record<string, string>) => brief('GET', '/v1/kv/cond', { headers })
    assert.equal(await get({ 'if-none-match': now }), `304 ${now}`)
    assert.equal(await get({ 'if-none-match': `W/${now}` }), `304 ${now}`)
    assert.equal(await get({ 'if-none-match': etag }), `200 ${now}`)
    assert.equal(await get({ 'if-match': etag }), `412 ${now}`)
    assert.equal(await brief('PUT', '/v1/kv/cond?cas=1', { body: '' }), `412 ${now}`)
    assert.match(await brief('PUT', `/v1/kv/cond?cas=${now.slice(1, -1)}`, { body: '' }), /^204/)
    assert.equal(
      await brief('DELETE', '/v1/kv/cond', { headers: { 'if-match': now } }).then((s) => s.slice(0, 3)),
      '412',
    )
    assert.equal(await brief('DELETE', '/v1/kv/cond', { headers: { 'if-match': '*' } }), '204')
    assert.equal(await brief('PUT', '/v1/kv/cond?cas=0', { body: '' }).then((s) => s.slice(0, 3)), '201')
  })

  test('deleting says whether there was a key', async () => {
    await http('PUT', '/v1/kv/gone', { body: '1' })
    assert.equal(await brief('DELETE', '/v1/kv/gone'), '204')
    assert.equal(problem(await http('DELETE', '/v1/kv/gone')).code, 'NOT_FOUND')
    assert.equal(problem(await http('GET', '/v1/kv/gone')).code, 'NOT_FOUND')
  })

  test('databases are apart', async () => {
    await http('PUT', '/v1/kv/dbkey?db=3', { body: 'three' })
    assert.equal((await http('GET', '/v1/kv/dbkey')).status, 404)
    assert.equal((await http('GET', '/v1/kv/dbkey?db=3')).text, 'three')
    assert.match(problem(await http('GET', '/v1/kv/a?db=16')).detail, /from 0 to 15/)
  })

  test('a replacement drops the time to live unless told to keep it', async () => {
    const ttl = async () => (await http('GET', '/v1/kv/ttl?format=json')).json().ttl_ms
    await http('PUT', '/v1/kv/ttl?ttl=90s', { body: '1' })
    assert.ok(Number(await ttl()) > 80_000)
    await http('PUT', '/v1/kv/ttl?keep_ttl', { body: '2' })
    assert.ok(Number(await ttl()) > 80_000)
    await http('PUT', '/v1/kv/ttl', { body: '3' })
    assert.equal(await ttl(), null)
  })
})

describe('PATCH', () => {
  const merge = { 'content-type': 'application/merge-patch+json' }

  test('merges into the stored document and keeps what is known of the key', async () => {
    const headers = { 'content-type': 'application/vnd.x+json' }
    await http('PUT', '/v1/kv/doc?ttl=1h', { body: '{"a":1,"b":{"c":2,"d":3}}', headers })
    assert.match(
      await brief('PATCH', '/v1/kv/doc', { body: '{"a":null,"b":{"c":9}}', headers: merge }),
      /^204 "\d+"$/,
    )
    const got = await http('GET', '/v1/kv/doc')
    assert.deepEqual(got.json(), { b: { c: 9, d: 3 } })
    assert.equal(got.headers['content-type'], 'application/vnd.x+json')
    assert.ok(Number(got.headers['x-kvorum-ttl-ms']) > 3_500_000)
  })

  test('without a body it changes the time to live alone', async () => {
    await http('PUT', '/v1/kv/doc2', { body: 'not json' })
    assert.match(await brief('PATCH', '/v1/kv/doc2?ttl=5m'), /^204/)
    const item = (await http('GET', '/v1/kv/doc2?format=json')).json()
    assert.equal(item.value, 'not json')
    assert.ok(Number(item.ttl_ms) > 290_000)
    await http('PATCH', '/v1/kv/doc2?persist')
    assert.equal((await http('GET', '/v1/kv/doc2?format=json')).json().ttl_ms, null)
    assert.match(problem(await http('PATCH', '/v1/kv/doc2')).detail, /a body, \?ttl or \?persist/)
  })

  test('what cannot be patched is refused', async () => {
    const patch = (key: string, body: string, headers: Record<string, string> = merge) =>
      http('PATCH', `/v1/kv/${key}`, { body, headers })
    assert.equal(problem(await patch('absent', '{}')).code, 'NOT_FOUND')
    assert.equal(problem(await patch('doc2', '{}')).code, 'WRONG_TYPE')
    assert.equal(problem(await patch('doc', '{')).code, 'BAD_REQUEST')
    assert.equal(problem(await patch('doc', '{}', { 'content-type': 'text/plain' })).code, 'UNSUPPORTED_TYPE')
    assert.equal(problem(await patch('doc', '['.repeat(200) + ']'.repeat(200))).code, 'BAD_REQUEST')
    assert.equal(
      problem(await patch('doc', '{}', { ...merge, 'if-match': '"1"' })).code,
      'PRECONDITION_FAILED',
    )
  })

  test('twenty at a time all take effect', async () => {
    await http('PUT', '/v1/kv/many', { body: '{}' })
    const patches = Array.from({ length: 20 }, (_, i) =>
      http('PATCH', '/v1/kv/many', { body: { [`m${i}`]: i }, headers: merge }),
    )
    for (const answer of await Promise.all(patches)) assert.equal(answer.status, 204)
    assert.equal(Object.keys((await http('GET', '/v1/kv/many')).json()).length, 20)
  })
})

describe('Idempotency-Key', () => {
  test('a repeat gets the first answer and changes nothing', async () => {
    const headers = { 'idempotency-key': 'k1' }
    const first = await http('PUT', '/v1/kv/once', { body: 'a', headers })
    await http('PUT', '/v1/kv/once', { body: 'b' })
    const again = await http('PUT', '/v1/kv/once', { body: 'a', headers })
    assert.deepEqual([again.status, again.headers.etag], [first.status, first.headers.etag])
    assert.equal(again.headers['idempotency-replayed'], 'true')
    assert.equal((await http('GET', '/v1/kv/once')).text, 'b')
  })

  test('with another request it is refused', async () => {
    const headers = { 'idempotency-key': 'k2' }
    await http('PUT', '/v1/kv/once2', { body: 'a', headers })
    for (const [path, body] of [
      ['/v1/kv/once2', 'other'],
      ['/v1/kv/once2?ttl=5', 'a'],
      ['/v1/kv/once3', 'a'],
    ] as const) {
      assert.equal(problem(await http('PUT', path, { body, headers })).code, 'IDEMPOTENCY_REUSED')
    }
  })

  test('a patch that took effect is not applied again, whatever happened since', async () => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'k3' }
    await http('PUT', '/v1/kv/p', { body: '{}' })
    const patch = () => http('PATCH', '/v1/kv/p', { body: '{"x":1}', headers })
    const first = await patch()
    assert.equal(first.status, 204)
    for (const change of ['{"x":2}', 'no json', null]) {
      if (change === null) await http('DELETE', '/v1/kv/p')
      else await http('PUT', '/v1/kv/p', { body: change })
      const again = await patch()
      assert.deepEqual([again.status, again.headers.etag], [204, first.headers.etag], String(change))
      assert.equal(again.headers['idempotency-replayed'], 'true')
    }
    assert.equal((await http('GET', '/v1/kv/p')).status, 404)
  })

  test('a patch that was refused stays refused', async () => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': 'k4' }
    const patch = () => http('PATCH', '/v1/kv/later', { body: '{"x":1}', headers })
    assert.equal((await patch()).status, 404)
    await http('PUT', '/v1/kv/later', { body: '{}' })
    assert.equal((await patch()).status, 404)
    assert.equal((await http('GET', '/v1/kv/later')).text, '{}')
  })

  test('batches, transactions and deletions know it, too', async () => {
    const headers = { 'idempotency-key': 'k5' }
    const body = { ops: [{ op: 'set', key: 'b', value: '1' }] }
    const first = await http('POST', '/v1/batch', { body, headers })
    const again = await http('POST', '/v1/batch', { body, headers })
    assert.equal(again.text, first.text)
    assert.equal(await brief('DELETE', '/v1/kv/b', { headers: { 'idempotency-key': 'k6' } }), '204')
    assert.equal(await brief('DELETE', '/v1/kv/b', { headers: { 'idempotency-key': 'k6' } }), '204')
    const long = { 'idempotency-key': 'x'.repeat(241) }
    assert.equal(problem(await http('DELETE', '/v1/kv/b', { headers: long })).code, 'BAD_REQUEST')
  })

  test('a command takes effect once, in its own database', async () => {
    const headers = { 'idempotency-key': 'c1' }
    const increment = () => http('POST', '/v1/command?db=3', { body: ['INCRBY', 'once', '5'], headers })
    const first = await increment()
    const again = await increment()
    assert.deepEqual([first.json().result, first.headers['idempotency-replayed']], [5, undefined])
    assert.deepEqual([again.json().result, again.headers['idempotency-replayed']], [5, 'true'])
    const other = await http('POST', '/v1/command?db=3', { body: ['INCRBY', 'once', '6'], headers })
    assert.equal(problem(other).code, 'IDEMPOTENCY_REUSED')
    assert.equal((await http('GET', '/v1/kv/once?db=3')).text, '5')
  })

  test('a command that failed did nothing, and may be repeated', async () => {
    const headers = { 'idempotency-key': 'c2' }
    const increment = () => http('POST', '/v1/command', { body: ['INCR', 'word'], headers })
    await http('PUT', '/v1/kv/word', { body: 'text' })
    assert.equal(problem(await increment()).code, 'COMMAND_FAILED')
    await http('PUT', '/v1/kv/word', { body: '1' })
    assert.equal((await increment()).json().result, 2)
    assert.equal((await increment()).json().result, 2)
  })

  test('what cannot take it refuses it', async () => {
    const headers = { 'idempotency-key': 'c3' }
    for (const [path, body] of [
      ['/v1/command', ['PUBLISH', 'news', 'x']],
      ['/v1/command', ['CONFIG', 'RESETSTAT']],
      ['/v1/cluster/leader', {}],
    ] as const) {
      assert.match(problem(await http('POST', path, { body, headers })).detail, /takes no Idempotency-Key/)
    }
  })
})

describe('/v1/batch and /v1/txn', () => {
  test('a batch is one revision', async () => {
    const ops = [
      { op: 'set', key: 't1', value: 'a' },
      { op: 'set', key: 't2', value_base64: '/w==', type: 'x/y', ttl: '1h' },
      { op: 'get', key: 't1' },
      { op: 'delete', key: 't1', previous: true },
      { op: 'get', key: 't1' },
    ]
    const reply = (await http('POST', '/v1/batch', { body: { ops } })).json<{
      revision: number
      results: { found: boolean; item?: Item | null; previous?: Item }[]
    }>()
    const [set1, set2, get, gone, absent] = reply.results
    assert.equal(set1?.item?.revision, reply.revision)
    assert.equal(set2?.item?.type, 'x/y')
    assert.equal(get?.item?.value, 'a')
    assert.deepEqual([gone?.found, gone?.previous?.value], [true, 'a'])
    assert.deepEqual([absent?.found, absent?.item], [false, null])
  })

  test('a transaction runs one of two lists', async () => {
    const body = {
      compare: [{ key: 'seat', exists: false }],
      then: [{ op: 'set', key: 'seat', value: 'Ada' }],
      else: [{ op: 'get', key: 'seat' }],
    }
    const first = (await http('POST', '/v1/txn', { body })).json()
    assert.deepEqual([first.succeeded, first.failed_compare], [true, null])
    const second = (await http('POST', '/v1/txn', { body })).json()
    assert.deepEqual([second.succeeded, second.failed_compare], [false, 0])
    assert.equal((second.results as { item: { value: string } }[])[0]?.item.value, 'Ada')
  })

  test('a refused element refuses the whole, by its place', async () => {
    const ops = [{ op: 'set', key: 'never', value: '1' }, { op: 'drop' }]
    assert.match(
      problem(await http('POST', '/v1/batch', { body: { ops } })).detail,
      /^ops\[1\]\.op is "drop"/,
    )
    assert.equal((await http('GET', '/v1/kv/never')).status, 404)
    for (const body of [[], { ops: [] }, { ops: 5 }, { op: [] }, { ops: [null] }]) {
      assert.equal(
        problem(await http('POST', '/v1/batch', { body })).code,
        'BAD_REQUEST',
        JSON.stringify(body),
      )
    }
    assert.equal(problem(await http('POST', '/v1/txn', { body: {} })).code, 'BAD_REQUEST')
    const text = { body: '{"ops":[]}', headers: { 'content-type': 'text/plain' } }
    assert.equal(problem(await http('POST', '/v1/batch', text)).code, 'UNSUPPORTED_TYPE')
  })
})

describe('/v1/command', () => {
  const run = async (...body: unknown[]) => (await http('POST', '/v1/command', { body })).json()

  test('runs reads, writes and what the node answers itself', async () => {
    assert.deepEqual(await run('SET', 'c', 5), { type: 'status', result: 'OK' })
    assert.deepEqual(await run('incrby', 'c', '2'), { type: 'integer', result: 7 })
    assert.deepEqual(await run('GET', { base64: 'Yw==' }), { type: 'string', result: '7' })
    assert.deepEqual(await run('PING'), { type: 'status', result: 'PONG' })
    assert.deepEqual(await run('OBJECT', 'ENCODING', 'c'), { type: 'string', result: 'int' })
    const page = (await run('SCAN', '0', 'MATCH', 'c')).result as [string, string[]]
    assert.ok(Array.isArray(page[1]))
  })

  test('errors are problems with the words of the command', async () => {
    await http('PUT', '/v1/kv/word', { body: 'x' })
    const failed = problem(await http('POST', '/v1/command', { body: ['INCR', 'word'] }))
    assert.deepEqual(failed.code, 'COMMAND_FAILED')
    assert.match(failed.detail, /not an integer/)
    assert.match(
      problem(await http('POST', '/v1/command', { body: ['GET'] })).detail,
      /wrong number of arguments/,
    )
    assert.match(problem(await http('POST', '/v1/command', { body: ['NOPE'] })).detail, /"nope"/)
    assert.match(problem(await http('POST', '/v1/command', { body: ['GET', {}] })).detail, /argument 1/)
    assert.match(problem(await http('POST', '/v1/command', { body: {} })).detail, /wanted an array/)
  })

  for (const name of [
    'MULTI',
    'SUBSCRIBE',
    'WATCH',
    'SELECT',
    'HELLO',
    'AUTH',
    'QUIT',
    'MONITOR',
    'CLIENT',
  ]) {
    test(`${name} belongs to a connection`, async () => {
      const { code, detail } = problem(await http('POST', '/v1/command', { body: [name, 'x'] }))
      if (fixture.doors.door.commands.find(name) === null) return assert.equal(code, 'BAD_REQUEST')
      assert.equal(code, 'COMMAND_FAILED')
      return assert.match(detail, /belongs to a connection/)
    })
  }
})

describe('refusals of the cluster', () => {
  for (const [code, retryAfter] of [
    ['NO_LEADER', '1'],
    ['NO_QUORUM', '1'],
    ['OVERLOADED', '1'],
    ['DISK_FULL', '1'],
    ['UNKNOWN_OUTCOME', undefined],
  ] as const) {
    test(`R16: ${code} by its row`, async (t) => {
      t.mock.method(executor, 'execute', (_command: unknown, _options: unknown, done: (r: unknown) => void) =>
        done({ reply: errorCodeReply(code), error: code }),
      )
      const answer = await http('PUT', '/v1/kv/a', { body: '1' })
      assert.equal(problem(answer).code, code)
      assert.equal(answer.headers['retry-after'], retryAfter)
    })
  }
})

describe('cross-origin pages', () => {
  const port = (): string => `localhost:${fixture.doors.httpPort}`

  test('one that is named may read and write; another may not', async () => {
    const mine = { host: port(), origin: 'https://app.example.com' }
    const put = await http('PUT', '/v1/kv/cors', { body: '1', headers: mine })
    assert.equal(put.status, 201)
    assert.equal(put.headers['access-control-allow-origin'], 'https://app.example.com')
    assert.match(put.headers['access-control-expose-headers'] ?? '', /etag.*x-kvorum-consistency/)
    const other = { host: port(), origin: 'https://evil.example.com' }
    assert.equal(problem(await http('PUT', '/v1/kv/cors', { body: '2', headers: other })).code, 'CROSS_SITE')
    const read = await http('GET', '/v1/kv/cors', { headers: other })
    assert.equal(read.headers['access-control-allow-origin'], undefined)
  })

  test('preflights are answered without a password', async () => {
    const headers = {
      host: port(),
      origin: 'https://app.example.com',
      'access-control-request-method': 'PUT',
    }
    const answer = await http('OPTIONS', '/v1/kv/cors', { headers })
    assert.equal(answer.status, 204)
    assert.match(answer.headers['access-control-allow-methods'] ?? '', /PATCH/)
    assert.match(answer.headers['access-control-allow-headers'] ?? '', /idempotency-key/)
  })
})

test('a command that Kvorum does not have says so in its own words', async () => {
  const { code, detail } = problem(await http('POST', '/v1/command', { body: ['LPUSH', 'a', 'b'] }))
  assert.equal(code, 'COMMAND_FAILED')
  assert.doesNotMatch(detail, /belongs to a connection/)
})

test('without a leader a change of the cluster is 503, and nothing is tried', async () => {
  executor.overrides = { leader: '' }
  const answer = await http('POST', '/v1/cluster/leader', { body: {} })
  executor.overrides = {}
  assert.deepEqual([problem(answer).code, answer.headers['retry-after']], ['NO_LEADER', '1'])
})

test('GET changes nothing, whatever it asks for', async () => {
  const paths = [
    '/v1/kv/a?ttl=5',
    '/v1/batch',
    '/v1/txn',
    '/v1/command',
    '/v1/cluster/leader',
    '/v1/kv/x?cas=0',
  ]
  executor.isRecording = true
  executor.seen.length = 0
  for (const path of paths) await http('GET', path)
  assert.deepEqual(
    executor.seen.filter(({ command }) => command.spec.kind !== 'read'),
    [],
  )
  executor.isRecording = false
})
