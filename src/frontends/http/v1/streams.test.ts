/** Listings and watches over a fake executor: pages of one moment, events in order, slow clients. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EventSource, type MessageEvent } from 'undici'
import type { ExecuteDone, ExecuteOptions } from '../../../cluster/execute.ts'
import { must } from '../../../lib/assert.ts'
import type { Command } from '../../../protocol/commands.ts'
import { errorCodeReply } from '../../../protocol/reply.ts'
import { type HttpAnswer, type HttpOptions, httpRequest } from '../../../testing/clients/http-client.ts'
import {
  type DoorFixture,
  eventually,
  openFixture,
  type RawClient,
} from '../../../testing/doors/door-fixture.ts'
import { FakeExecutor } from '../../../testing/doors/fake-executor.ts'

interface Page {
  readonly items: { key: string; value?: string }[]
  readonly revision: number
  readonly next_cursor: string | null
}

type Http = (path: string, options?: HttpOptions) => Promise<HttpAnswer>

const ANY_WRITE: Command = {
  spec: must(new FakeExecutor().commands.get('incr'), 'INCR'),
  database: 0,
  args: [Buffer.from('n')],
}

async function withDoors(
  executor: FakeExecutor,
  use: (http: Http, fixture: DoorFixture) => Promise<void>,
): Promise<void> {
  const fixture = await openFixture({}, executor)
  try {
    await use((path, options) => httpRequest(fixture.doors.httpPort, path, options), fixture)
  } finally {
    await fixture.close()
  }
}

async function put(http: Http, key: string, value: string | Buffer): Promise<number> {
  const { status, headers } = await http(`/v1/kv/${key}`, { method: 'PUT', body: value })
  assert.ok(status < 300)
  return Number(headers['x-kvorum-revision'])
}

describe('GET /v1/kv', () => {
  test('every key once, of one moment, however the data changes in between', () =>
    withDoors(new FakeExecutor(), async (http) => {
      const keys = Array.from({ length: 25 }, (_, i) => `k${String(i).padStart(2, '0')}`)
      for (const key of keys) await put(http, key, `v${key}`)
      for (const reverse of [false, true]) {
        const seen: string[] = []
        let path = `/v1/kv?prefix=k&limit=4${reverse ? '&reverse' : ''}`
        const revisions = new Set<number>()
        while (path !== '') {
          const answer = await http(path)
          const page = answer.json<Page>()
          // Asked for again, a page is the same page, until the listing is complete.
          const isBetween = path.includes('cursor') && page.next_cursor !== null
          if (isBetween) assert.deepEqual((await http(path)).json<Page>().items, page.items)
          seen.push(...page.items.map((item) => item.key))
          revisions.add(page.revision)
          assert.ok(page.items.every((item) => item.value === `v${item.key}`))
          const next = page.next_cursor
          assert.equal(answer.headers.link !== undefined, next !== null)
          path = next === null ? '' : `/v1/kv?cursor=${next}&limit=4`
          await put(http, 'k00', 'vk00')
          await put(http, `k00-${revisions.size}${seen.length}`, 'new')
          await http('/v1/kv/k24', { method: 'DELETE' })
          await put(http, 'k24', 'vk24')
        }
        assert.deepEqual(
          seen.filter((key) => !key.includes('-')),
          reverse ? [...keys].reverse() : keys,
        )
        for (const { key } of (await http('/v1/kv?prefix=k00-')).json<Page>().items) {
          await http(`/v1/kv/${key}`, { method: 'DELETE' })
        }
      }
    }))

  test('ranges, keys alone, and pages that values fill', () =>
    withDoors(new FakeExecutor(), async (http) => {
      for (const key of ['a', 'b', 'c', 'd']) await put(http, key, Buffer.alloc(3 * 1024 * 1024, key))
      const names = async (query: string) =>
        (await http(`/v1/kv?${query}`)).json<Page>().items.map(({ key }) => key)
      assert.deepEqual(await names('start=b&end=d&keys_only'), ['b', 'c'])
      assert.deepEqual(await names('start=c&keys_only'), ['c', 'd'])
      assert.deepEqual(await names('prefix=e'), [])
      const page = (await http('/v1/kv?keys_only&limit=1')).json<Page>()
      assert.deepEqual(Object.keys(page.items[0] ?? {}).includes('value'), false)
      const large = (await http('/v1/kv?limit=100')).json<Page>()
      assert.ok(large.items.length < 4 && large.next_cursor !== null)
    }))
})

/** One event of either form. */
interface WatchLine {
  readonly id: string
  readonly event: string
  readonly key?: string
  readonly item?: { value: string }
}

/** A watch as raw bytes; `events` are those that have arrived in whole. */
async function openWatch(fixture: DoorFixture, query: string, headers = ''): Promise<RawClient> {
  const client = await fixture.webClient()
  client.send(`GET /v1/watch?${query} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`)
  await client.until(() => client.received.includes('\r\n\r\n'))
  return client
}

function eventsOf(client: RawClient): WatchLine[] {
  const lines = client.received.split('\n').filter((line) => /^(data: )?\{.*\}\r?$/.test(line))
  return lines.map((line) => JSON.parse(line.replace(/^data: /, '')) as WatchLine)
}

const ids = (client: RawClient): string =>
  eventsOf(client)
    .map(({ id }) => id)
    .join(' ')

/** Knows of no change yet; a linearizable read finds revision `reached`, or nobody who confirms it (null). */
class LaggingExecutor extends FakeExecutor {
  readonly #reached: number | null

  constructor(reached: number | null) {
    super()
    this.#reached = reached
    this.overrides = { revision: 0 }
  }

  override execute(command: Command, options: ExecuteOptions, done: ExecuteDone): void {
    if (this.#reached === null) return done({ reply: errorCodeReply('NO_QUORUM'), error: 'NO_QUORUM' })
    while (this.engine.revision < this.#reached) super.execute(ANY_WRITE, options, () => {})
    super.execute(command, options, done)
  }
}

describe('GET /v1/watch', () => {
  test('events as SSE and as NDJSON, in order, of the range alone', () =>
    withDoors(new FakeExecutor(), async (http, fixture) => {
      const sse = await openWatch(fixture, 'prefix=w')
      const ndjson = await openWatch(fixture, 'key=w2', 'Accept: application/x-ndjson\r\n')
      assert.match(sse.received, /content-type: text\/event-stream/)
      assert.match(ndjson.received, /content-type: application\/x-ndjson/)
      for (const key of ['w1', 'x', 'w2']) await put(http, key, key)
      await http('/v1/kv/w2', { method: 'DELETE' })
      await eventually(() => ids(sse) === '1-0 3-0 4-0' && ids(ndjson) === '3-0 4-0')
      assert.match(sse.received, /retry: 500\n\n/)
      assert.match(
        sse.received,
        /id: 1-0\ndata: \{"id":"1-0","event":"put","revision":1,"key":"w1","item":\{"value":"w1"/,
      )
      assert.match(sse.received, /id: 4-0\ndata: \{"id":"4-0","event":"delete","revision":4,"key":"w2"\}\n\n/)
    }))

  test('is resumed behind any event, within one revision too', () =>
    withDoors(new FakeExecutor(), async (http, fixture) => {
      await put(http, 'a', '1')
      const ops = ['a', 'b', 'c'].map((key) => ({ op: 'set', key, value: '2' }))
      await http('/v1/batch', { method: 'POST', body: { ops } })
      await put(http, 'a', '3')
      for (const [query, header, wanted] of [
        ['after=0', '', '1-0 2-0 2-1 2-2 3-0'],
        ['after=1', '', '2-0 2-1 2-2 3-0'],
        ['after=2-0', '', '2-1 2-2 3-0'],
        ['after=0', 'Last-Event-ID: 2-1\r\n', '2-2 3-0'],
        ['after=3', '', ''],
      ] as const) {
        const client = await openWatch(fixture, query, header)
        const last = await put(http, 'z', 'end')
        await eventually(() => ids(client).endsWith(`${last}-0`))
        const before = ids(client)
          .split(' ')
          .filter((id) => Number(id.split('-')[0]) <= 3)
        assert.equal(before.join(' '), wanted, query + header)
      }
    }))

  test('is resumed where it began when no event came', () =>
    withDoors(new FakeExecutor(), async (http, fixture) => {
      await put(http, 'a', '1')
      for (const [query, header, wanted] of [
        ['', '', 'id: 1\nretry'],
        ['after=0', '', '\nretry'],
        ['', 'Last-Event-ID: 0-3\r\n', '\nretry'],
      ] as const) {
        const client = await openWatch(fixture, query, header)
        await client.until(() => client.received.includes('retry: 500\n\n'))
        const first = client.received.indexOf('retry')
        assert.ok(client.received.slice(0, first + 5).endsWith(wanted), client.received)
      }
    }))

  test('a revision of another history is 410, and one that this node has not reached is waited for', async () => {
    await withDoors(new FakeExecutor(), async (http) => {
      await put(http, 'a', '1')
      const answer = await http('/v1/watch?after=2')
      assert.deepEqual([answer.status, answer.json<{ newest: number }>().newest], [410, 1])
    })
    for (const reached of [2, null]) {
      const behind = new LaggingExecutor(reached)
      await withDoors(behind, async (_http, fixture) => {
        const client = await openWatch(fixture, 'after=2')
        assert.match(client.received, /^HTTP\/1\.1 200 /)
      })
    }
  })

  test('is resumed by an EventSource that had seen nothing yet', () =>
    withDoors(new FakeExecutor(), async (http, fixture) => {
      const source = new EventSource(`http://127.0.0.1:${fixture.doors.httpPort}/v1/watch`)
      try {
        await new Promise((resolve) => source.addEventListener('open', resolve, { once: true }))
        for (const client of fixture.doors.door.clients.all.values()) client.destroy()
        await put(http, 'missed', '1')
        const event = await new Promise<MessageEvent>((resolve) => {
          source.onmessage = resolve
        })
        assert.equal(JSON.parse(event.data).key, 'missed')
      } finally {
        source.close()
      }
    }))

  test('a revision that is no longer kept is 410, with the oldest that is', () =>
    withDoors(new FakeExecutor({ watchHistoryBytes: 256 * 1024 }), async (http) => {
      for (let i = 0; i < 20; i++) await put(http, 'a', 'x'.repeat(100_000))
      const answer = await http('/v1/watch?after=1')
      assert.equal(answer.status, 410)
      const { code, oldest } = answer.json<{ code: string; oldest: number }>()
      assert.equal(code, 'COMPACTED')
      assert.ok(oldest > 1 && oldest < 20)
    }))

  test('R20: a client that does not read holds little, is told that it fell behind, and ends', () =>
    withDoors(new FakeExecutor({ watchHistoryBytes: 4 * 1024 * 1024 }), async (http, fixture) => {
      const slow = await openWatch(fixture, 'prefix=a')
      slow.socket.pause()
      const value = Buffer.alloc(1024 * 1024, 'x')
      for (let i = 0; i < 40; i++) await put(http, `a${i}`, value)
      const witness = await openWatch(fixture, 'prefix=b')
      await put(http, 'b', '1')
      await eventually(() => eventsOf(witness).length === 1)
      slow.socket.resume()
      await slow.until(() => slow.received.endsWith('0\r\n\r\n') || slow.isClosed)
      const events = eventsOf(slow)
      assert.equal(events.at(-1)?.event, 'compacted')
      assert.ok(events.length < 40, `${events.length} events reached a client that did not read`)
      // What it got before has no gap.
      const revisions = events.slice(0, -1).map(({ id }) => Number(id.split('-')[0]))
      assert.deepEqual(
        revisions,
        revisions.map((_, i) => (revisions[0] ?? 0) + i),
      )
    }))

  test('R17: ends with the node, and in the meantime is no reason to wait', async () => {
    const fixture = await openFixture({}, new FakeExecutor())
    const watch = await openWatch(fixture, 'prefix=a')
    watch.socket.on('end', () => watch.socket.end())
    await new Promise<void>((resolve) => fixture.doors.close(resolve))
    assert.ok((await watch.rest()).endsWith('0\r\n\r\n'))
  })

  test('R17: one that waits to be opened when the node leaves ends as well, and is not refused', async () => {
    const executor = new FakeExecutor()
    const fixture = await openFixture({}, executor)
    const watch = await fixture.webClient()
    watch.send('PUT /v1/kv/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n1')
    await watch.until(() => watch.received.includes(' 201 '))
    // This node has not heard of it yet, and nobody confirms it.
    executor.overrides = { revision: 0 }
    executor.isHolding = true
    watch.send('GET /v1/watch?after=1 HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await eventually(() => executor.held === 1)
    const closed = new Promise<void>((resolve) => fixture.doors.close(resolve))
    executor.isHolding = false
    executor.release()
    const answer = await watch.rest()
    await closed
    assert.match(answer, /event-stream/)
    assert.ok(answer.endsWith('0\r\n\r\n'), answer)
  })

  test('one that is left is forgotten', () =>
    withDoors(new FakeExecutor(), async (_http, fixture) => {
      const executor = fixture.executor
      const watch = await openWatch(fixture, 'prefix=a')
      assert.equal(executor.watches.size, 1)
      watch.destroy()
      await eventually(() => executor.watches.size === 0)
    }))
})
