/** HTTP as it goes over the wire: conditions and lengths of GET and HEAD, pipelining, 100-continue, half-closing. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Client } from 'undici'
import { type HttpAnswer, httpRequest } from '../../testing/clients/http-client.ts'
import {
  type DoorFixture,
  eventually,
  openFixture,
  type RawClient,
} from '../../testing/doors/door-fixture.ts'
import { FakeExecutor } from '../../testing/doors/fake-executor.ts'

let fixture: DoorFixture
before(async () => {
  fixture = await openFixture()
})
after(() => fixture.close())

const ask = (path: string, method: string, headers: Record<string, string> = {}): Promise<HttpAnswer> =>
  httpRequest(fixture.doors.httpPort, path, { method, headers })

async function put(key: string, body: string | Buffer): Promise<string> {
  const answer = await httpRequest(fixture.doors.httpPort, `/v1/kv/${key}`, { method: 'PUT', body })
  return answer.headers.etag ?? ''
}

describe('HEAD and GET say the same', () => {
  test('of values small and large, whole and as JSON', async () => {
    for (const size of [0, 5, 300_000]) {
      const value = Buffer.alloc(size, 'x')
      const etag = await put('same', value)
      for (const query of ['', '?format=json', '?format=base64']) {
        const [head, got] = [
          await ask(`/v1/kv/same${query}`, 'HEAD'),
          await ask(`/v1/kv/same${query}`, 'GET'),
        ]
        assert.deepEqual([head.status, got.status, head.body.length], [200, 200, 0])
        assert.deepEqual([head.headers.etag, got.headers.etag], [etag, etag])
        assert.equal(head.headers['content-type'], got.headers['content-type'])
        // A length is told by both or by none; of a value as it is always.
        const length = head.headers['content-length']
        assert.equal(length, got.headers['content-length'])
        if (query === '') assert.deepEqual([length, got.body.equals(value)], [String(size), true])
        if (query === '') assert.equal(got.headers['accept-ranges'], 'none')
      }
    }
  })

  test('under every condition', async () => {
    const etag = await put('cond', 'hello')
    const cases: readonly [string, string, number][] = [
      ['if-none-match', etag, 304],
      ['if-none-match', `W/${etag}`, 304],
      ['if-none-match', `"0", W/"x", ${etag}`, 304],
      ['if-none-match', '*', 304],
      ['if-none-match', '"0"', 200],
      ['if-match', etag, 200],
      ['if-match', `"0" , ${etag}`, 200],
      ['if-match', '*', 200],
      ['if-match', `W/${etag}`, 412],
      ['if-match', '"0"', 412],
      ['if-none-match', 'hello', 400],
      ['range', 'bytes=0-1', 200],
    ]
    for (const method of ['GET', 'HEAD']) {
      for (const [name, value, status] of cases) {
        const answer = await ask('/v1/kv/cond', method, { [name]: value })
        assert.equal(answer.status, status, `${method} ${name}: ${value}`)
        if (status < 400) assert.equal(answer.headers.etag, etag)
        if (status === 304) {
          assert.deepEqual([answer.body.length, answer.headers['content-length']], [0, undefined])
        }
      }
    }
    for (const method of ['GET', 'HEAD']) {
      assert.equal((await ask('/v1/kv/none', method, { 'if-none-match': '*' })).status, 404)
    }
  })

  test('to undici, which goes on with the connection behind a 304', async () => {
    const etag = await put('undici', 'hello')
    const client = new Client(`http://127.0.0.1:${fixture.doors.httpPort}`)
    try {
      for (const method of ['GET', 'HEAD', 'GET'] as const) {
        const headers = { 'if-none-match': etag }
        const answer = await client.request({ path: '/v1/kv/undici', method, headers })
        assert.deepEqual([answer.statusCode, await answer.body.text()], [304, ''])
        const again = await client.request({ path: '/v1/kv/undici', method: 'GET' })
        assert.equal(await again.body.text(), 'hello')
      }
    } finally {
      await client.close()
    }
  })
})

const HOST = 'Host: localhost\r\n'
const count = (text: string, word: string): number => text.split(word).length - 1

async function answersOf(client: RawClient, wanted: number): Promise<string[]> {
  await client.until(() => count(client.received, 'HTTP/1.1 ') >= wanted || client.isClosed)
  return client.received.split(/(?=HTTP\/1\.1 )/)
}

describe('requests sent before their answers came', () => {
  test('see what was sent before them, and nothing later', async () => {
    const client = await fixture.webClient()
    const value = (text: string): string =>
      `PUT /v1/kv/line HTTP/1.1\r\n${HOST}Content-Length: ${text.length}\r\n\r\n${text}`
    const read = `GET /v1/kv/line HTTP/1.1\r\n${HOST}\r\n`
    const gone = `DELETE /v1/kv/line HTTP/1.1\r\n${HOST}\r\n`
    client.send([value('one'), read, read, value('two'), read, gone, read].join(''))
    await client.until(() => count(client.received, 'HTTP/1.1 ') === 7 && client.received.endsWith('}'))
    const answers = await answersOf(client, 7)
    assert.deepEqual(
      answers.map((answer) => Number(answer.split(' ')[1])),
      [201, 200, 200, 204, 200, 204, 404],
    )
    assert.deepEqual(
      [1, 2, 4].map((at) => answers[at]?.slice(-3)),
      ['one', 'one', 'two'],
    )
  })

  test('may be very many: they are read as they are answered', async () => {
    const client = await fixture.webClient()
    const many = 3_000
    const write = `PUT /v1/kv/many HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\n1`
    client.send(write.repeat(many))
    await client.until(() => count(client.received, 'HTTP/1.1 ') === many)
    client.send(`GET /v1/kv/many?format=json HTTP/1.1\r\n${HOST}\r\n`)
    await client.until(() => client.received.includes('"version":'))
    assert.match(client.received, new RegExp(`"version":${many},`))
  })

  test('are not read behind an answer without an end, however many come', async () => {
    const client = await fixture.webClient()
    const { stats } = fixture.doors.door
    client.send(`GET /v1/watch HTTP/1.1\r\n${HOST}\r\n`)
    await client.until(() => client.received.includes('retry:'))
    const before = stats.httpRequests
    const many = 40_000
    client.send(`PUT /v1/kv/endless HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\n1`.repeat(many))
    const others = 100
    for (let i = 0; i < others; i++) await ask('/v1/kv/none', 'GET')
    assert.ok(stats.httpRequests - before - others < many / 2)
    client.destroy()
  })
})

describe('what cannot be read is refused in its place', () => {
  const write = `PUT /v1/kv/order HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabc`
  const read = `GET /v1/kv/order HTTP/1.1\r\n${HOST}\r\n`
  const chunked = `PUT /v1/kv/cut HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`

  /** The statuses that come when `bytes` were sent before anything was answered. */
  async function statusesOf(bytes: string, isHalfClosed = false): Promise<number[]> {
    const executor = new FakeExecutor({ isHolding: true })
    const slow = await openFixture({}, executor)
    const client = await slow.webClient()
    client.send(bytes)
    if (isHalfClosed) client.socket.end()
    await eventually(() => executor.held > 0)
    // All of it has arrived, and is read before a request that comes later.
    assert.equal((await httpRequest(slow.doors.httpPort, '/livez')).status, 200)
    executor.isHolding = false
    executor.release()
    const answer = await client.rest()
    await slow.close()
    return answer.split(/(?=HTTP\/1\.1 )/).map((one) => Number(one.split(' ')[1]))
  }

  test('a write that was sent before is answered first: it took effect', async () => {
    assert.deepEqual(await statusesOf(`${write}\0\r\n\r\n`), [201, 400])
    assert.deepEqual(await statusesOf(`${write}${write}${read}${read}\0\r\n\r\n`), [201, 204, 200, 200, 400])
    const large = `GET / HTTP/1.1\r\n${HOST}X: ${'x'.repeat(20_000)}\r\n\r\n`
    assert.deepEqual(await statusesOf(`${write}${large}`), [201, 431])
    assert.deepEqual(await statusesOf(`${write}CONNECT x:1 HTTP/1.1\r\n${HOST}\r\n`), [201, 400])
  })

  test('a request whose body breaks off is not executed, and those before it are', async () => {
    assert.deepEqual(await statusesOf(`${write}${chunked}zz\r\n`), [201, 400])
    assert.deepEqual(await statusesOf(`${read}${read}${chunked}1\r\na\r\nzz\r\n`), [404, 404, 400])
    assert.deepEqual(await statusesOf(`${write}${chunked}1\r\na\r\n`, true), [201, 400])
  })

  test("behind 'Connection: close' there are no requests, and no answers", async () => {
    const last = write.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')
    assert.deepEqual(await statusesOf(`${last}${read}`), [201])
  })

  test('an answer without an end is cut, with nothing in it that is no event', async () => {
    const slow = await openFixture({ httpHeadersMs: 300 })
    const client = await slow.webClient()
    client.send(`GET /v1/watch HTTP/1.1\r\n${HOST}\r\n\0\r\n\r\n`)
    await client.until(() => client.isClosed || client.hasEnded)
    assert.match(client.received, /^HTTP\/1\.1 200 /)
    assert.equal(count(client.received, 'HTTP/1.1'), 1)
    await slow.close()
  })
})

test('a client that sends no more is answered', async () => {
  await put('half', 'closed')
  const client = await fixture.webClient()
  client.socket.end(`GET /v1/kv/half HTTP/1.1\r\n${HOST}\r\nGET /v1/kv/half HTTP/1.1\r\n${HOST}\r\n`)
  const answer = await client.rest()
  assert.equal(count(answer, '\r\n\r\nclosed'), 2)
})

describe('Expect: 100-continue', () => {
  const put100 = (path: string, length: number): string =>
    `PUT ${path} HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`

  test('the body is asked for, then taken', async () => {
    const client = await fixture.webClient()
    client.send(put100('/v1/kv/expect', 2))
    await client.until(() => client.received.includes('HTTP/1.1 100 Continue\r\n\r\n'))
    client.send('ab')
    await client.until(() => client.received.includes('HTTP/1.1 201 '))
  })

  test('what is refused is refused before the body is sent, and the connection ends', async () => {
    for (const [head, status] of [
      [put100('/v1/kv/expect', 99_999_999), 413],
      [put100('/v1/kv/expect', 2).replace(HOST, 'Host: elsewhere.example\r\n'), 421],
      [put100('/nowhere', 2), 404],
      [put100('/livez', 2), 405],
    ] as const) {
      const client = await fixture.webClient()
      client.send(head)
      const answer = await client.rest()
      assert.ok(answer.startsWith(`HTTP/1.1 ${status} `), answer)
      assert.match(answer, /connection: close/i)
    }
  })

  test('other expectations are none of ours', async () => {
    const answer = await ask('/livez', 'GET', { expect: 'tea' })
    assert.equal(answer.status, 200)
  })
})
