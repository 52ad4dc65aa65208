/** The doors of two earlier HTTP systems where no cluster is needed: errors of the cluster, redirects, base64. */
import assert from 'node:assert/strict'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { ExecuteDone, ExecuteOptions, NodeStatus } from '../../cluster/execute.ts'
import type { Command } from '../../protocol/commands.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import { limits } from '../../protocol/limits.ts'
import { errorCodeReply } from '../../protocol/reply.ts'
import { type HttpAnswer, type HttpOptions, httpRequest } from '../../testing/clients/http-client.ts'
import { type DoorFixture, eventually, openFixture } from '../../testing/doors/door-fixture.ts'
import { FakeExecutor } from '../../testing/doors/fake-executor.ts'
import { HandClock } from '../../testing/doors/hand-clock.ts'
import { boundOf, decodeStandard, keyOf } from './vik/base64.ts'
import { leaderAddress } from './vik/leader.ts'

/** Answers what is not stale with an error of the cluster. */
class RefusingExecutor extends FakeExecutor {
  refusal: ErrorCode | null = null

  override execute(command: Command, options: ExecuteOptions, done: ExecuteDone): void {
    const { refusal } = this
    if (refusal === null || options.consistency === 'stale') return super.execute(command, options, done)
    done({ reply: errorCodeReply(refusal), error: refusal })
  }
}

async function withFixture(
  use: (fixture: DoorFixture, executor: RefusingExecutor, ask: Ask, clock: HandClock) => Promise<void>,
): Promise<void> {
  const executor = new RefusingExecutor()
  const clock = new HandClock()
  const fixture = await openFixture({}, executor, null, clock)
  const ask: Ask = (path, options) => httpRequest(fixture.doors.httpPort, path, options)
  try {
    await use(fixture, executor, ask, clock)
  } finally {
    await fixture.close()
  }
}

type Ask = (path: string, options?: HttpOptions) => Promise<HttpAnswer>

const PUT_STORE = { method: 'PUT', body: '{"value":"v"}', headers: { 'content-type': 'application/json' } }
const PUT_VIK = { method: 'PUT', body: '{"value":"djE="}' }

describe('errors of the cluster', () => {
  test('the documented 500 is for writes that certainly did not happen; an unknown outcome is a 504', () =>
    withFixture(async (_fixture, executor, ask) => {
      const statuses: readonly (readonly [ErrorCode, number, number])[] = [
        ['NO_QUORUM', 500, 503],
        ['NO_LEADER', 500, 503],
        ['UNKNOWN_OUTCOME', 504, 504],
        ['REPLY_NOT_KEPT', 500, 500],
        ['DISK_FULL', 507, 507],
        ['OVERLOADED', 429, 429],
        ['SHUTTING_DOWN', 503, 503],
        ['NOT_READY', 503, 503],
      ]
      for (const [code, store, vik] of statuses) {
        executor.refusal = code
        const first = await ask('/kv-store/v1/kv/k/', PUT_STORE)
        assert.equal(first.status, store, code)
        const isDocumented = first.text.includes(
          'Replication failed: Failed to replicate to quorum of nodes. ',
        )
        assert.equal(isDocumented, code === 'NO_QUORUM' || code === 'NO_LEADER', code)
        const second = await ask('/kv/azE=', PUT_VIK)
        assert.equal(second.status, vik, code)
        assert.ok(second.text.startsWith('{"success":false,"error":"'), second.text)
        for (const { status, headers } of [first, second]) {
          assert.equal(headers['retry-after'], status === 503 || status === 429 ? '1' : undefined, code)
        }
      }
      executor.refusal = 'UNKNOWN_OUTCOME'
      assert.match(
        (await ask('/kv-store/v1/kv/k/', PUT_STORE)).text,
        /^\{"detail":"UNKNOWN the command was proposed/,
      )
    }))

  test('reads that no majority confirms are answered from here, and say so', () =>
    withFixture(async (_fixture, executor, ask) => {
      await ask('/kv-store/v1/kv/k/', PUT_STORE)
      for (const code of ['NO_QUORUM', 'NO_LEADER'] as const) {
        executor.refusal = code
        for (const path of ['/kv-store/v1/kv/k/', '/kv/k']) {
          const answer = await ask(path)
          assert.deepEqual([answer.status, answer.headers['x-kvorum-consistency']], [200, 'stale'], path)
        }
      }
      executor.refusal = 'CORRUPT'
      assert.equal((await ask('/kv-store/v1/kv/k/')).status, 500)
      assert.equal((await ask('/kv/k')).status, 500)
    }))
})

describe('writes of VikDB on a node that does not lead', () => {
  const follower: Partial<NodeStatus> = {
    role: 'follower',
    leader: 'node2',
    leaderHttpAddress: '10.0.0.2:8080',
  }
  const none: Partial<NodeStatus> = { role: 'follower', leader: '', leaderHttpAddress: '' }

  test('are redirected without the query, as its redirects were', () =>
    withFixture(async (_fixture, executor, ask) => {
      executor.overrides = follower
      const answer = await ask('/kv/azE=?x=1', PUT_VIK)
      assert.deepEqual([answer.status, answer.headers.location], [307, 'http://10.0.0.2:8080/kv/azE='])
    }))

  test('wait for a leader, at most a second', () =>
    withFixture(async (_fixture, executor, ask, clock) => {
      const held = async (): Promise<{ answer: Promise<HttpAnswer> }> => {
        const before = clock.timers
        const answer = ask('/kv/azE=', PUT_VIK)
        await eventually(() => clock.timers > before)
        return { answer }
      }
      executor.overrides = none
      const waiting = await held()
      executor.overrides = follower
      clock.pass(999)
      assert.equal((await waiting.answer).status, 307)
      executor.overrides = none
      const late = await held()
      clock.pass(1_000)
      const refused = await late.answer
      assert.equal(refused.status, 503)
      assert.equal(refused.text, '{"success":false,"error":"not the leader, leader address unknown"}\n')
    }))

  test('are executed by a node that led a moment ago, which may be the target of a redirect', () =>
    withFixture(async (_fixture, executor, ask) => {
      executor.overrides = follower
      executor.sinceLedMs = 10_000
      assert.equal((await ask('/kv/azE=', PUT_VIK)).status, 200)
      executor.sinceLedMs = 10_001
      assert.equal((await ask('/kv/azE=', PUT_VIK)).status, 307)
    }))

  test('are refused at once while there is no majority to elect one', () =>
    withFixture(async (_fixture, executor, ask) => {
      executor.overrides = { ...none, quorum: false }
      assert.equal((await ask('/kv/azE=', PUT_VIK)).status, 503)
    }))

  test('are executed when the leader is known and its address is not', () =>
    withFixture(async (_fixture, executor, ask) => {
      executor.overrides = { ...follower, leaderHttpAddress: '' }
      assert.equal((await ask('/kv/azE=', PUT_VIK)).status, 200)
    }))

  test('a leader that listens on all addresses is found where the nodes know it', () => {
    const member = { peerId: 2, name: 'node2', incarnation: 'i', peerAddress: 'db2.example:8081' }
    const peer = { member, voter: true, learner: false, reachable: true, matchIndex: 0, lastHeardMs: 0 }
    const peers = [{ ...peer, redisAddress: '', httpAddress: '' }]
    const at = (leaderHttpAddress: string): string | null =>
      leaderAddress({ leader: 'node2', leaderHttpAddress, peers } as unknown as NodeStatus)
    assert.equal(at('0.0.0.0:8080'), 'db2.example:8080')
    assert.equal(at(':::8080'), 'db2.example:8080')
    assert.equal(at('fe80::1:8080'), '[fe80::1]:8080')
    assert.equal(at('db:8080'), 'db:8080')
    assert.equal(at(''), null)
  })
})

test('a client that leaves in the middle of a long range leaves no snapshot behind', () =>
  withFixture(async (fixture, executor, ask) => {
    const value = Buffer.alloc(1_000_000).toString('base64')
    for (let i = 0; i < 12; i++) await ask(`/kv/big:${i}`, { method: 'PUT', body: JSON.stringify({ value }) })
    const client = await fixture.webClient()
    client.send('GET /kv/range?start=big: HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await client.until(() => client.received.length > 1_000)
    client.destroy()
    await eventually(() => executor.listings.size === 0)
    const { text } = await ask('/kv/range?start=big:')
    assert.equal((JSON.parse(text) as { items: unknown[] }).items.length, 12)
    assert.equal(executor.listings.size, 0)
  }))

test('VikDB’s fields are known in any case, and of two the last one counts', () =>
  withFixture(async (_fixture, _executor, ask) => {
    const post = (path: string, body: string): Promise<HttpAnswer> => ask(path, { method: 'POST', body })
    await ask('/kv/azE=', { method: 'PUT', body: '{"Value":"djE="}' })
    assert.equal((await ask('/kv/azE=')).text, '{"success":true,"value":"djE="}\n')
    await ask('/kv/azE=', { method: 'PUT', body: '{"value":"djE=","VALUE":"djI="}' })
    assert.equal((await ask('/kv/azE=')).text, '{"success":true,"value":"djI="}\n')
    assert.match((await post('/kv/batch', '{"Keys":["azI="],"Values":["djM="]}')).text, /"count":1/)
    assert.match((await post('/kv/range', '{"Start_Key":"azI="}')).text, /"value":"djM="/)
  }))

test('a node of its own says so, in VikDB’s words', () =>
  withFixture(async (_fixture, _executor, ask) => {
    assert.equal((await ask('/cluster/status')).text, '{"mode":"single-node","replication":false}\n')
    const { text } = await ask('/health', { method: 'POST' })
    assert.ok(
      text.startsWith(
        '{"status":"healthy","memtable_size":0,"wal_size":0,"sstable_count":0,"role":"single-node"',
      ),
    )
    assert.equal((await ask('/kv/azE=', PUT_VIK)).status, 200)
  }))

test('R18: the host under which the other nodes know this one is its name', () =>
  withFixture(async (_fixture, executor, ask) => {
    const headers = { host: 'kv1.example:8000' }
    assert.equal((await ask('/kv/a', { headers })).status, 421)
    const member = { peerId: 1, name: 'node1', incarnation: 'i', peerAddress: 'http://kv1.example:8000' }
    executor.overrides = { peers: [{ member } as unknown as NodeStatus['peers'][number]] }
    assert.equal((await ask('/kv/a', { headers })).status, 404)
    assert.equal((await ask('/kv/a', { headers: { host: 'kv2.example' } })).status, 421)
  }))

test('a single store of the Django kind says so', () =>
  withFixture(async (_fixture, _executor, ask) => {
    const { cluster } = JSON.parse((await ask('/kv-store/v1/health/')).text) as { cluster: object }
    assert.deepEqual(Object.values(cluster).slice(0, 7), [false, 1, 1, 0, 1, true, true])
  }))

describe('base64', () => {
  test('of values: what Go takes, and where it stops', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = Buffer.from(bytes).toString('base64')
        assert.deepEqual(decodeStandard(text), Buffer.from(bytes))
        const lines = text.replace(/(..)/g, '$1\r\n')
        assert.deepEqual(decodeStandard(lines), Buffer.from(bytes))
      }),
    )
    const illegal: readonly (readonly [string, number])[] = [
      ['%%', 0],
      ['abc', 0],
      ['abcde', 4],
      ['abcd=', 4],
      ['ab=', 3],
      ['a===', 1],
      ['ab==x', 4],
      ['abc=x', 4],
      ['abc==', 4],
      ['ab-_', 2],
    ]
    for (const [text, position] of illegal) assert.equal(decodeStandard(text), position, text)
  })

  test('of keys: every key can be named by it, and other text is itself', () => {
    const urlSafe = (bytes: Buffer): string =>
      bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_')
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), (bytes) => {
        assert.deepEqual(keyOf(Buffer.from(urlSafe(Buffer.from(bytes)))), Buffer.from(bytes))
      }),
    )
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (text) => {
        assert.deepEqual(boundOf(Buffer.from(urlSafe(Buffer.from(text)))), Buffer.from(text))
      }),
    )
    for (const text of ['key', 'a+b/', 'YR==', 'YQ=', '====', 'YQ==\n', 'nokey'])
      assert.equal(keyOf(Buffer.from(text)).toString(), text)
    assert.equal(boundOf(Buffer.from('key2')).toString(), 'key2')
    assert.notEqual(keyOf(Buffer.from('key2')).toString(), 'key2')
  })
})

test('R20: while large answers lie untaken small ones are given, and ranges are short', async () => {
  const fixture = await openFixture()
  const { httpPort, door } = fixture.doors
  const put = (key: string) =>
    httpRequest(httpPort, `/kv-store/v1/kv/${key}/`, { method: 'PUT', body: { value: 'x'.repeat(100_000) } })
  for (const key of ['a', 'b', 'c']) assert.equal((await put(key)).status, 201)
  const { large, small } = door.httpReplies
  const held = large.open(new ServerResponse(new IncomingMessage(new Socket())))
  held.resize(limits.httpReplyBytes)
  const ask = (path: string) => httpRequest(httpPort, path)
  assert.equal((await ask('/kv-store/v1/kv/a/')).json<{ value: string }>().value.length, 100_000)
  assert.equal((await ask('/kv/YQ==')).json<{ value: string }>().value.length, 133_336)
  const page = (await ask('/kv-store/v1/kv/?start=a&end=z')).json()
  assert.deepEqual([page.count, page.has_more, page.next_cursor], [1, true, 'a'])
  const all = (await ask('/kv/range?start=a')).json<{ items: { value: string }[] }>()
  assert.deepEqual(
    all.items.map(({ value }) => value.length),
    [133_336, 133_336, 133_336],
  )
  await httpRequest(httpPort, '/v1/kv/large', { method: 'PUT', body: Buffer.alloc(300_000, 'x') })
  const waiting = [ask('/kv/bGFyZ2U='), ask('/kv-store/v1/kv/large/')]
  await eventually(() => large.waiting === 2)
  held.release()
  const lengths = (await Promise.all(waiting)).map((answer) => answer.json<{ value: string }>().value.length)
  assert.deepEqual(lengths, [400_000, 300_000])
  assert.equal((await ask('/kv-store/v1/kv/?start=a&end=c')).json().count, 3)
  await eventually(() => large.bytes + small.bytes === 0)
  await fixture.close()
})
