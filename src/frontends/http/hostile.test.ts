/**
 * Hostile and broken HTTP requests, byte for byte: each gets its documented answer (docs/http.md), and only its own
 * connection suffers.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { limits } from '../../protocol/limits.ts'
import { httpRequest } from '../../testing/clients/http-client.ts'
import {
  type DoorFixture,
  eventually,
  openFixture,
  type RawClient,
} from '../../testing/doors/door-fixture.ts'
import { FakeExecutor } from '../../testing/doors/fake-executor.ts'

const executor = new FakeExecutor()
let fixture: DoorFixture
/** A client that behaves, and stays connected while all others do not. */
let witness: RawClient

before(async () => {
  fixture = await openFixture({}, executor)
  witness = await fixture.webClient()
  witness.send('PUT /v1/kv/witness HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nalive')
  await witness.until(() => witness.received.includes('\r\n\r\n'))
  await witness.takeUntil('')
})
after(() => fixture.close())

/** `ends`: the connection is closed behind the answer. */
interface Case {
  readonly name: string
  readonly bytes: string
  readonly wanted: RegExp
  readonly ends?: boolean
}

const HOST = 'Host: localhost\r\n'
const get = (path: string, headers = ''): string => `GET ${path} HTTP/1.1\r\n${HOST}${headers}\r\n`
const send = (method: string, path: string, headers: string, body = ''): string =>
  `${method} ${path} HTTP/1.1\r\n${HOST}${headers}\r\n${body}`
const post = (path: string, body: string, headers = ''): string =>
  send('POST', path, `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n${headers}`, body)
/** A key of 64 KiB and one byte, which no URL can carry. */
const longKey = JSON.stringify({ ops: [{ op: 'get', key: 'k'.repeat(limits.keyBytes + 1) }] })
const elsewhere = `${'A'.repeat(20)}1.${Buffer.from('node9').toString('base64url')}`
const unknownHere = `${'A'.repeat(20)}1.${Buffer.from('node1').toString('base64url')}`

const BAD = /^HTTP\/1\.1 400 /
const is = (status: number, code: string): RegExp =>
  new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*"code":"${code}"`)
const says = (code: string, words: string): RegExp => new RegExp(`"code":"${code}"[\\s\\S]*${words}`)

const framing: readonly Case[] = [
  { name: 'no Host in HTTP/1.1', bytes: 'GET /livez HTTP/1.1\r\n\r\n', wanted: BAD, ends: true },
  {
    name: 'a header without a colon',
    bytes: get('/livez', 'nonsense\r\n'),
    wanted: is(400, 'PROTOCOL'),
    ends: true,
  },
  {
    name: 'a space before the colon',
    bytes: get('/livez', 'X : 1\r\n'),
    wanted: is(400, 'PROTOCOL'),
    ends: true,
  },
  {
    name: 'a zero byte in a header',
    bytes: get('/livez', 'X: a\0b\r\n'),
    wanted: is(400, 'PROTOCOL'),
    ends: true,
  },
  {
    name: 'a bare CR in a header',
    bytes: get('/livez', 'X: a\rb\r\n'),
    wanted: is(400, 'PROTOCOL'),
    ends: true,
  },
  { name: 'an unknown method', bytes: send('BREW', '/v1/kv/a', ''), wanted: is(400, 'PROTOCOL'), ends: true },
  { name: 'a URL with a space', bytes: get('/v1/kv/a b'), wanted: is(400, 'PROTOCOL'), ends: true },
  {
    name: 'two lengths that differ',
    bytes: send('PUT', '/v1/kv/h', 'Content-Length: 1\r\nContent-Length: 2\r\n', 'ab'),
    wanted: is(400, 'PROTOCOL'),
    ends: true,
  },
  {
    name: 'a length and chunks',
    bytes: send('PUT', '/v1/kv/h', 'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    wanted: is(400, 'PROTOCOL'),
    ends: true,
  },
  {
    name: 'an encoding behind chunked',
    bytes: send('PUT', '/v1/kv/h', 'Transfer-Encoding: chunked, identity\r\n', '0\r\n\r\n'),
    wanted: is(400, 'PROTOCOL'),
    ends: true,
  },
  {
    name: 'a compression before the chunks',
    bytes: send('PUT', '/v1/kv/h', 'Transfer-Encoding: gzip, chunked\r\n', '0\r\n\r\n'),
    wanted: is(400, 'PROTOCOL'),
    ends: true,
  },
  {
    name: 'an encoding that only some servers drop',
    bytes: send(
      'PUT',
      '/v1/kv/h',
      'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n',
      '0\r\n\r\n',
    ),
    wanted: is(400, 'PROTOCOL'),
    ends: true,
  },
  {
    name: 'chunks in HTTP/1.0',
    bytes: `PUT /v1/kv/h HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    wanted: is(400, 'PROTOCOL'),
    ends: true,
  },
  {
    name: 'a tunnel',
    bytes: 'CONNECT elsewhere.example:443 HTTP/1.1\r\nHost: elsewhere.example:443\r\n\r\n',
    wanted: says('PROTOCOL', 'not a proxy'),
    ends: true,
  },
  {
    name: 'a header that trailers bring',
    bytes: send('PUT', '/v1/kv/h', 'Transfer-Encoding: chunked\r\n', '0\r\nContent-Length: 5\r\n\r\n'),
    wanted: is(400, 'PROTOCOL'),
    ends: true,
  },
  {
    name: 'a flood of trailers',
    bytes: send(
      'PUT',
      '/v1/kv/h',
      'Transfer-Encoding: chunked\r\n',
      `0\r\n${'X: trailer\r\n'.repeat(4_000)}\r\n`,
    ),
    wanted: is(431, 'HEADERS_TOO_LARGE'),
    ends: true,
  },
  {
    name: 'a chunk longer than it says',
    bytes: send('PUT', '/v1/kv/h', 'Transfer-Encoding: chunked\r\n', '3\r\nabcd\r\n0\r\n\r\n'),
    wanted: is(400, 'PROTOCOL'),
    ends: true,
  },
  {
    name: 'lines that end with LF alone',
    bytes: 'GET /livez HTTP/1.1\nHost: localhost\n\n',
    wanted: is(400, 'PROTOCOL'),
    ends: true,
  },
  {
    name: 'a folded header',
    bytes: get('/livez', 'X: a\r\n b\r\n'),
    wanted: is(400, 'PROTOCOL'),
    ends: true,
  },
  {
    name: 'bytes beyond ASCII in a URL',
    bytes: get('/v1/kv/\xc3\xa9'),
    wanted: is(400, 'PROTOCOL'),
    ends: true,
  },
  {
    name: 'a wish for a WebSocket',
    bytes: get(
      '/v1/kv/witness',
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
    ),
    wanted: /^HTTP\/1\.1 200 [\s\S]*alive$/,
  },
  {
    name: 'a wish for HTTP/2',
    bytes: get(
      '/v1/kv/witness',
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n',
    ),
    wanted: /^HTTP\/1\.1 200 [\s\S]*alive$/,
  },
  {
    name: 'a length that is no number',
    bytes: send('PUT', '/v1/kv/h', 'Content-Length: 0x10\r\n', 'a'),
    wanted: is(400, 'PROTOCOL'),
    ends: true,
  },
  {
    name: 'a negative length',
    bytes: send('PUT', '/v1/kv/h', 'Content-Length: -1\r\n', 'a'),
    wanted: is(400, 'PROTOCOL'),
    ends: true,
  },
  {
    name: 'a chunk of no size',
    bytes: send('PUT', '/v1/kv/h', 'Transfer-Encoding: chunked\r\n', 'zz\r\nab\r\n'),
    wanted: is(400, 'PROTOCOL'),
    ends: true,
  },
  {
    name: 'a chunk of an absurd size',
    bytes: send('PUT', '/v1/kv/h', 'Transfer-Encoding: chunked\r\n', 'FFFFFFFFFFFFFFFFF\r\nab\r\n'),
    wanted: is(400, 'PROTOCOL'),
    ends: true,
  },
  {
    name: 'a flood of chunk extensions',
    bytes: send('PUT', '/v1/kv/h', 'Transfer-Encoding: chunked\r\n', `1;${'x'.repeat(40_000)}\r\na\r\n`),
    wanted: is(413, 'TOO_LARGE'),
    ends: true,
  },
  {
    name: 'a flood of headers',
    bytes: get('/livez', 'X-Header: a value of some length\r\n'.repeat(1_000)),
    wanted: is(431, 'HEADERS_TOO_LARGE'),
    ends: true,
  },
  {
    name: 'a huge header',
    bytes: get('/livez', `X: ${'x'.repeat(20_000)}\r\n`),
    wanted: is(431, 'HEADERS_TOO_LARGE'),
    ends: true,
  },
  {
    name: 'a huge URL',
    bytes: get(`/v1/kv/${'k'.repeat(20_000)}`),
    wanted: is(431, 'HEADERS_TOO_LARGE'),
    ends: true,
  },
  {
    name: 'HTTP/2 without asking',
    bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    wanted: /^-ERR unknown command 'PRI'/,
  },
  {
    name: 'rubbish behind a request',
    bytes: `${get('/livez')}\0\0\0\r\n\r\n`,
    wanted: /ok\n[\s\S]* 400 /,
    ends: true,
  },
  {
    name: 'a body larger than the limit',
    bytes: send('PUT', '/v1/kv/h', `Content-Length: ${limits.valueBytes + 1}\r\n`),
    wanted: is(413, 'TOO_LARGE'),
  },
  {
    name: 'an absurd length',
    bytes: send('PUT', '/v1/kv/h', 'Content-Length: 9007199254740991\r\n'),
    wanted: is(413, 'TOO_LARGE'),
  },
]

const web: readonly Case[] = [
  {
    name: 'two hosts',
    bytes: 'GET /v1/kv/a HTTP/1.1\r\nHost: localhost\r\nHost: evil.test\r\n\r\n',
    wanted: says('BAD_REQUEST', 'two Host headers'),
  },
  {
    name: 'another host in the address than in the header',
    bytes: 'GET http://evil.test/v1/kv/a HTTP/1.1\r\nHost: localhost\r\n\r\n',
    wanted: is(421, 'UNKNOWN_HOST'),
  },
  {
    name: 'a user in the address',
    bytes: 'GET http://localhost@evil.test/v1/kv/a HTTP/1.1\r\nHost: localhost\r\n\r\n',
    wanted: is(421, 'UNKNOWN_HOST'),
  },
  {
    name: 'an address as for proxies',
    bytes: 'GET HTTP://localhost:80/v1/kv/witness HTTP/1.1\r\nHost: localhost\r\n\r\n',
    wanted: /^HTTP\/1\.1 200 [\s\S]*alive$/,
  },
  {
    name: 'a look whether anybody is here',
    bytes: send('OPTIONS', '*', ''),
    wanted: /^HTTP\/1\.1 204 /,
  },
  {
    name: 'a compressed body',
    bytes: send('PUT', '/v1/kv/h', 'Content-Encoding: gzip\r\nContent-Length: 1\r\n', 'a'),
    wanted: is(415, 'UNSUPPORTED_TYPE'),
  },
  {
    name: 'DNS rebinding',
    bytes: 'GET /v1/kv/a HTTP/1.1\r\nHost: evil.test\r\n\r\n',
    wanted: is(421, 'UNKNOWN_HOST'),
  },
  {
    name: 'a host that ends like ours',
    bytes: 'GET /v1/kv/a HTTP/1.1\r\nHost: localhost.evil.test\r\n\r\n',
    wanted: is(421, 'UNKNOWN_HOST'),
  },
  {
    name: 'a form of another site',
    bytes: send(
      'POST',
      '/v1/command',
      'Origin: https://evil.test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n',
      'a=b',
    ),
    wanted: is(403, 'CROSS_SITE'),
  },
  {
    name: 'a form that says it is JSON text',
    bytes: send(
      'POST',
      '/v1/command',
      'Sec-Fetch-Site: cross-site\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n',
      '["FLUSHALL"]',
    ),
    wanted: is(403, 'CROSS_SITE'),
  },
  {
    name: 'an opaque origin',
    bytes: send('DELETE', '/v1/kv/a', 'Origin: null\r\n'),
    wanted: is(403, 'CROSS_SITE'),
  },
  {
    name: 'a preflight that nobody is configured for',
    bytes: send('OPTIONS', '/v1/kv/a', 'Origin: https://evil.test\r\nAccess-Control-Request-Method: PUT\r\n'),
    wanted: /^HTTP\/1\.1 204 (?![\s\S]*access-control-allow)/,
  },
  {
    name: 'a change in the clothes of a GET',
    bytes: get('/v1/command', 'X-HTTP-Method-Override: POST\r\n'),
    wanted: is(405, 'METHOD_NOT_ALLOWED'),
  },
  {
    name: 'a line break in a key',
    bytes: get('/v1/kv/a%0d%0aSet-Cookie:%20x=1'),
    wanted: /^HTTP\/1\.1 404 (?![\s\S]*\r\nset-cookie)/i,
  },
]

const values: readonly Case[] = [
  { name: 'half a percent', bytes: get('/v1/kv/a%'), wanted: says('BAD_REQUEST', 'two hexadecimal') },
  {
    name: 'a percent of no digits',
    bytes: get('/v1/kv/%zz'),
    wanted: says('BAD_REQUEST', 'two hexadecimal'),
  },
  { name: 'a broken query', bytes: get('/v1/kv?prefix=%1'), wanted: says('BAD_REQUEST', 'two hexadecimal') },
  { name: 'a broken path elsewhere', bytes: get('/%ff%'), wanted: is(400, 'BAD_REQUEST') },
  {
    name: 'an unknown parameter',
    bytes: get('/v1/kv/a?ttl=5'),
    wanted: says('BAD_REQUEST', 'a parameter is'),
  },
  {
    name: 'a parameter twice',
    bytes: get('/v1/kv?limit=1&limit=2'),
    wanted: says('BAD_REQUEST', 'given twice'),
  },
  {
    name: 'a cursor that is none',
    bytes: get('/v1/kv?cursor=x'),
    wanted: says('BAD_REQUEST', 'next_cursor'),
  },
  {
    name: 'an endless cursor',
    bytes: get(`/v1/kv?cursor=${'A'.repeat(8_000)}`),
    wanted: is(400, 'BAD_REQUEST'),
  },
  {
    name: 'a cursor of another node',
    bytes: get(`/v1/kv?cursor=${elsewhere}`),
    wanted: says('CURSOR_EXPIRED', 'node9'),
  },
  {
    name: 'a cursor that is guessed',
    bytes: get(`/v1/kv?cursor=${unknownHere}`),
    wanted: is(410, 'CURSOR_EXPIRED'),
  },
  {
    name: 'a cursor with another range',
    bytes: get(`/v1/kv?cursor=${unknownHere}&prefix=x`),
    wanted: says('BAD_REQUEST', 'cannot stand beside'),
  },
  { name: 'no items', bytes: get('/v1/kv?limit=0'), wanted: says('BAD_REQUEST', 'from 1 to 10000') },
  { name: 'too many items', bytes: get('/v1/kv?limit=99999999999999999999'), wanted: is(400, 'BAD_REQUEST') },
  {
    name: 'a consistency of its own',
    bytes: get('/v1/kv/a?consistency=strong'),
    wanted: says('BAD_REQUEST', 'stale'),
  },
  {
    name: 'a tag without quotes',
    bytes: get('/v1/kv/a', 'If-Match: 5\r\n'),
    wanted: says('BAD_REQUEST', 'quotes'),
  },
  {
    name: 'a condition of seconds',
    bytes: send(
      'PUT',
      '/v1/kv/h',
      'If-Unmodified-Since: Sat, 29 Oct 1994 19:43:31 GMT\r\nContent-Length: 0\r\n',
    ),
    wanted: says('BAD_REQUEST', 'wanted If-Match'),
  },
  {
    name: 'a thousand tags',
    bytes: get('/v1/kv/a', `If-None-Match: ${'"1",'.repeat(1_000)}"1"\r\n`),
    wanted: says('BAD_REQUEST', 'more than 100'),
  },
  {
    name: 'an absurd revision',
    bytes: get('/v1/kv/a', 'X-Kvorum-Min-Revision: 1e99\r\n'),
    wanted: is(400, 'BAD_REQUEST'),
  },
  {
    name: 'an absurd event id',
    bytes: get('/v1/watch', 'Last-Event-ID: 1-2-3\r\n'),
    wanted: says('BAD_REQUEST', '42-0'),
  },
  {
    name: 'an unknown format',
    bytes: get('/v1/watch?format=xml'),
    wanted: says('BAD_REQUEST', 'sse, ndjson'),
  },
  {
    name: 'an endless idempotency key',
    bytes: send('PUT', '/v1/kv/h', `Idempotency-Key: ${'k'.repeat(300)}\r\nContent-Length: 0\r\n`),
    wanted: says('BAD_REQUEST', '1 to 240'),
  },
]

const bodies: readonly Case[] = [
  { name: 'no JSON', bytes: post('/v1/batch', '{"ops":'), wanted: says('BAD_REQUEST', 'not JSON') },
  { name: 'no body', bytes: post('/v1/batch', ''), wanted: is(400, 'BAD_REQUEST') },
  { name: 'no UTF-8', bytes: post('/v1/batch', '{"ops":"\xff"}'), wanted: says('BAD_REQUEST', 'not UTF-8') },
  {
    name: 'a tower of brackets',
    bytes: post('/v1/batch', '['.repeat(500_000)),
    wanted: is(400, 'BAD_REQUEST'),
  },
  {
    name: 'a prototype',
    bytes: post('/v1/batch', '{"__proto__":{"ops":[]}}'),
    wanted: says('BAD_REQUEST', '__proto__'),
  },
  {
    name: 'bad base64',
    bytes: post('/v1/batch', '{"ops":[{"op":"get","key_base64":"*"}]}'),
    wanted: says('BAD_REQUEST', 'base64'),
  },
  {
    name: 'a key beyond the limit',
    bytes: post('/v1/batch', longKey),
    wanted: says('BAD_REQUEST', 'limit is 65536'),
  },
  {
    name: 'too many operations',
    bytes: post('/v1/batch', `{"ops":[${'1,'.repeat(limits.kvOperations)}1]}`),
    wanted: is(413, 'TOO_LARGE'),
  },
  {
    name: 'a form',
    bytes: send('POST', '/v1/batch', 'Content-Length: 3\r\n', 'a=b'),
    wanted: is(415, 'UNSUPPORTED_TYPE'),
  },
  {
    name: 'a command of the connection',
    bytes: post('/v1/command', '["MULTI"]'),
    wanted: is(400, 'COMMAND_FAILED'),
  },
  {
    name: 'a command that does not exist',
    bytes: post('/v1/command', '["\\u0000"]'),
    wanted: is(400, 'BAD_REQUEST'),
  },
]

/** Sends the bytes of a case and gives all that comes back until the answer is complete. */
async function answerTo({ bytes, ends }: Case): Promise<string> {
  const client = await fixture.webClient()
  client.send(bytes)
  if (ends === true) {
    const answer = await client.rest()
    client.destroy()
    return answer
  }
  await client.until(() => isComplete(client.received) || client.hasEnded || client.isClosed)
  const answer = client.received
  client.destroy()
  return answer
}

/** Head and body by its length, or an answer that is no HTTP. */
function isComplete(text: string): boolean {
  if (text.startsWith('-')) return text.endsWith('\r\n')
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return false
  const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? 0)
  return text.length >= end + 4 + length
}

describe('requests that are not right get the documented answer', () => {
  for (const one of [...framing, ...web, ...values, ...bodies]) {
    test(one.name, async () => {
      assert.match(await answerTo(one), one.wanted)
      await assertWitness()
    })
  }
})

/** The client that behaves is still served, on the same connection. */
async function assertWitness(): Promise<void> {
  witness.send(get('/v1/kv/witness'))
  await witness.until(() => witness.received.endsWith('alive') || witness.isClosed)
  assert.match(await witness.takeUntil('alive'), /^HTTP\/1\.1 200 /)
}

describe('R20: clients that are slow, or leave', () => {
  test('a request that never ends is cut off, with 408', async () => {
    const impatient = await openFixture({ httpHeadersMs: 300 }, executor)
    const cases = ['GET /livez HTTP/1.1\r\nHost:', send('PUT', '/v1/kv/h', 'Content-Length: 10\r\n', 'abc')]
    const clients = await Promise.all(cases.map(() => impatient.webClient()))
    for (const [i, client] of clients.entries()) client.send(cases[i] as string)
    for (const client of clients) assert.match(await client.rest(), is(408, 'REQUEST_TIMEOUT'))
    await impatient.close()
  })

  test('a request that is cut short executes nothing', async () => {
    executor.isRecording = true
    for (const bytes of [
      'PUT /v1/kv/cut HT',
      send('PUT', '/v1/kv/cut', '').slice(0, -2),
      send('PUT', '/v1/kv/cut', 'Content-Length: 10\r\n', 'abc'),
      send('PUT', '/v1/kv/cut', 'Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n'),
    ]) {
      const client = await fixture.webClient()
      client.send(bytes)
      client.socket.end()
      const answer = await client.rest()
      assert.doesNotMatch(answer, /^HTTP\/1\.1 2/)
    }
    assert.deepEqual(executor.seen, [])
    executor.isRecording = false
    await assertWitness()
  })

  test('a client that does not take its answers is cut off', async () => {
    const large = new FakeExecutor()
    const patient = await openFixture({}, large)
    const path = '/v1/kv/large'
    await httpRequest(patient.doors.httpPort, path, {
      method: 'PUT',
      body: Buffer.alloc(limits.valueBytes, 'x'),
    })
    await patient.close()
    const impatient = await openFixture({ httpHeadersMs: 100 }, large)
    const client = await impatient.webClient()
    client.socket.pause()
    // More than the kernel's buffers take.
    const count = 6
    client.send(get(path).repeat(count))
    await eventually(() => impatient.doors.door.stats.httpRequests === count)
    // The connection's session ends with its socket.
    await eventually(() => large.openSessions === 0)
    client.socket.resume()
    await client.until(() => client.isClosed || client.hasEnded)
    assert.ok(client.received.length < count * limits.valueBytes)
    client.destroy()
    await impatient.close()
  })

  test('many large bodies at a time are refused before they are held', async () => {
    const count = Math.ceil(limits.httpBodiesBytes / limits.valueBytes) + 1
    const head = send('PUT', '/v1/kv/h', `Content-Length: ${limits.valueBytes}\r\n`)
    const clients = await Promise.all(Array.from({ length: count }, () => fixture.webClient()))
    for (const client of clients) client.send(head)
    const refused = (): RawClient[] => clients.filter((client) => client.received.includes('OVERLOADED'))
    await eventually(() => refused().length > 0)
    for (const client of clients) client.destroy()
    await assertWitness()
  })
})
