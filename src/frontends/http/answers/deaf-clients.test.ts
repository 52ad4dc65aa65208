/**
 * R20: many clients that ask for much and read nothing. What the node holds for them stays within its shares and is
 * given back, and everybody else is served meanwhile.
 */
import assert from 'node:assert/strict'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { limits } from '../../../protocol/limits.ts'
import { httpRequest } from '../../../testing/clients/http-client.ts'
import {
  type DoorFixture,
  eventually,
  openFixture,
  type RawClient,
} from '../../../testing/doors/door-fixture.ts'

const KiB = 1024
const BYTES_MAX = 16 * 1024 * KiB
const SMALL_BYTES_MAX = 16 * 1024 * KiB
/** Together they ask for several times what there is room for. */
const DEAF = 12
const KEYS = 16
const VALUE_BYTES = 512 * KiB
/** What one write may take beyond the rest, since it cannot be undone. */
const OVERDRAFT = limits.kvReplyBytes

let fixture: DoorFixture
const keyOf = (i: number): string => `k${String(i).padStart(2, '0')}`

before(async () => {
  // How long an answer waits for room is not what this is about: deaf clients are found by looks, not by time.
  const commandTimeoutMs = 600_000
  const bytes = { httpReplyBytes: BYTES_MAX, httpSmallReplyBytes: SMALL_BYTES_MAX }
  fixture = await openFixture({ ...bytes, commandTimeoutMs })
  for (let i = 0; i < KEYS; i++) await put(keyOf(i), Buffer.alloc(VALUE_BYTES, 'x'))
})
after(() => fixture.close())

async function put(key: string, body: Buffer | string): Promise<void> {
  const { status } = await httpRequest(fixture.doors.httpPort, `/v1/kv/${key}`, { method: 'PUT', body })
  assert.ok(status === 201 || status === 204)
}

/** More than once, so that more is asked for than the kernel takes for a connection. */
const TIMES = 4

/** Clients that send `bytes` and never read. */
async function deafClients(bytes: string): Promise<RawClient[]> {
  const clients = await Promise.all(Array.from({ length: DEAF }, () => fixture.webClient()))
  for (const client of clients) {
    client.socket.pause()
    client.send(bytes.repeat(TIMES))
  }
  return clients
}

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`
const post = (path: string, body: unknown): string => {
  const text = JSON.stringify(body)
  const headers = `Host: localhost\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n`
  return `POST ${path} HTTP/1.1\r\n${headers}\r\n${text}`
}
const keys = Array.from({ length: KEYS }, (_, i) => keyOf(i))
const ops = keys.map((key) => ({ op: 'get', key }))

const GREEDY: Readonly<Record<string, string>> = {
  listings: get('/v1/kv?limit=10000'),
  'batches of reads': post('/v1/batch', { ops }),
  'reads in a transaction that writes': post('/v1/txn', {
    then: [{ op: 'set', key: 'w', value: '' }, ...ops],
  }),
  MGET: post('/v1/command', ['MGET', ...keys]),
  'ranges of VikDB': get('/kv/range?start=a'),
  'ranges of the Django store': get('/kv-store/v1/kv/?start=a&end=z'),
  watches: get('/v1/watch?after=0'),
}

describe('while clients that read nothing ask for', () => {
  for (const [name, bytes] of Object.entries(GREEDY)) {
    test(name, async () => {
      const { large, small } = fixture.doors.door.httpReplies
      const clients = await deafClients(bytes)
      try {
        let most = 0
        const ask = async (path: string, options = {}): Promise<number> => {
          const { status } = await httpRequest(fixture.doors.httpPort, path, options)
          most = Math.max(most, large.bytes)
          return status
        }
        await eventually(() => large.bytes > 0)
        for (let i = 0; i < 2; i++) {
          assert.ok([201, 204].includes(await ask('/v1/kv/mine', { method: 'PUT', body: 'small' })))
          assert.equal(await ask('/v1/kv/mine'), 200)
          assert.equal(await ask('/livez'), 200)
          assert.equal(await ask('/metrics'), 200)
          assert.equal(await ask('/v1/kv?prefix=mine'), 200)
        }
        assert.ok(most > 0 && most <= BYTES_MAX + OVERDRAFT, `${most} bytes were held`)
        assert.ok(small.bytes <= SMALL_BYTES_MAX)
      } finally {
        for (const client of clients) client.destroy()
      }
      await eventually(() => large.bytes === 0 && small.bytes === 0 && large.waiting === 0)
    })
  }
})

test('what they do get is right, whenever they read it', async () => {
  const { large } = fixture.doors.door.httpReplies
  const client = await fixture.webClient()
  client.socket.pause()
  client.send(get('/v1/kv?prefix=k&limit=10000').replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'))
  await eventually(() => large.bytes > 0)
  client.socket.resume()
  const body = unchunked(await client.rest())
  const { items } = JSON.parse(body) as { items: { key: string; value: string }[] }
  assert.deepEqual(
    items.map(({ key }) => key),
    keys.slice(0, items.length),
  )
  assert.ok(items.length > 1 && items.every(({ value }) => value === 'x'.repeat(VALUE_BYTES)))
  await eventually(() => large.bytes === 0)
})

test('a large value waits for its turn', async () => {
  const { large } = fixture.doors.door.httpReplies
  const others = new ServerResponse(new IncomingMessage(new Socket()))
  const claim = large.claim(others, BYTES_MAX)
  const path = `/v1/kv/${keyOf(0)}`
  const answers = ['GET', 'HEAD'].map((method) => httpRequest(fixture.doors.httpPort, path, { method }))
  await eventually(() => large.waiting === 2)
  claim?.release()
  const sizes = (await Promise.all(answers)).map(({ status, body }) => [status, body.length])
  assert.deepEqual(sizes, [
    [200, VALUE_BYTES],
    [200, 0],
  ])
  await eventually(() => large.bytes === 0)
})

describe('a client that leaves', () => {
  for (const path of ['/kv/range?start=a', '/kv-store/v1/kv/?start=a&end=z']) {
    test(`while ${path} waits for room leaves no snapshot behind`, async () => {
      const { door } = fixture.doors
      const { large } = door.httpReplies
      await put('larger', Buffer.alloc(2 * VALUE_BYTES, 'x'))
      const others = new ServerResponse(new IncomingMessage(new Socket()))
      const claim = large.claim(others, BYTES_MAX)
      const client = await fixture.webClient()
      client.send(get(path))
      await eventually(() => large.waiting === 1)
      const pinned = fixture.executor.listings.size
      client.destroy()
      await eventually(() => fixture.executor.listings.size < pinned)
      claim?.release()
    })
  }

  test('at any moment of a large answer is no failure of ours', async () => {
    const { clients, httpReplies } = fixture.doors.door
    const ops4 = Array.from({ length: 4 }, () => ops.slice(0, 15)).flat()
    for (let i = 0; i < 5; i++) {
      const leaving = await Promise.all(Array.from({ length: DEAF }, () => fixture.webClient()))
      for (const client of leaving) client.send(post('/v1/batch', { ops: ops4 }) + get('/kv/range?start=a'))
      await eventually(() => httpReplies.large.bytes > 0)
      for (const client of leaving) client.destroy()
      await eventually(() => clients.all.size === 0 && httpReplies.large.bytes === 0)
    }
    assert.deepEqual(
      fixture.logs.filter(({ level }) => level === 'error'),
      [],
    )
  })
})

/** The body of an answer that came in chunks. */
function unchunked(answer: string): string {
  let rest = answer.slice(answer.indexOf('\r\n\r\n') + 4)
  let body = ''
  for (;;) {
    const line = rest.indexOf('\r\n')
    const size = Number.parseInt(rest.slice(0, line), 16)
    if (size === 0) return body
    body += rest.slice(line + 2, line + 2 + size)
    rest = rest.slice(line + 4 + size)
  }
}
