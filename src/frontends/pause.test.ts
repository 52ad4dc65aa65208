/** CLIENT PAUSE concerns every door, and every door's commands are counted. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { httpRequest } from '../testing/clients/http-client.ts'
import { type DoorFixture, eventually, openFixture, type RawClient } from '../testing/doors/door-fixture.ts'
import { FakeExecutor } from '../testing/doors/fake-executor.ts'
import { HandClock } from '../testing/doors/hand-clock.ts'

let clock: HandClock
let executor: FakeExecutor
let fixture: DoorFixture
let redis: RawClient

beforeEach(async () => {
  executor = new FakeExecutor()
  clock = new HandClock()
  fixture = await openFixture({ inline: 'plain' }, executor, null, clock)
  redis = await fixture.client()
})
afterEach(() => fixture.close())

/** A command in RESP. */
async function resp(...words: string[]): Promise<string> {
  redis.send(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`)
  await redis.until(() => redis.received.endsWith('\r\n'))
  return redis.takeUntil('\r\n')
}

function http(
  method: string,
  path: string,
  body?: string | object,
): Promise<{ status: number; text: string }> {
  return httpRequest(fixture.doors.httpPort, path, { method, ...(body === undefined ? {} : { body }) })
}

/** What changes something, by every door but RESP. */
function writes(): Promise<{ status: number }>[] {
  return [
    http('PUT', '/v1/kv/a', '1'),
    http('POST', '/v1/command', ['SET', 'b', '1']),
    http('PUT', '/kv/Yw==', { value: 'MQ==' }),
    http('PUT', '/kv-store/v1/kv/d/', { value: '1' }),
  ]
}

describe('CLIENT PAUSE', () => {
  test('WRITE holds writes of every door, and reads go on', async () => {
    await resp('CLIENT', 'PAUSE', '100000', 'WRITE')
    const { revision } = executor.engine
    const lines = await fixture.client()
    lines.send('GET a\nSET e 1\nGET e\n')
    const waiting = writes()
    await lines.until(() => lines.received === 'Key not found\n')
    for (const path of ['/v1/kv/a', '/kv/Yw==', '/kv-store/v1/kv/d/']) {
      assert.equal((await http('GET', path)).status, 404)
    }
    assert.equal((await http('GET', '/v1/kv')).status, 200)
    await eventually(() => fixture.doors.door.inFlight.commands === waiting.length + 2)
    assert.equal(executor.engine.revision, revision)
    await resp('CLIENT', 'UNPAUSE')
    assert.deepEqual(
      (await Promise.all(waiting)).map(({ status }) => status),
      [201, 200, 200, 201],
    )
    await lines.until(() => lines.received === 'Key not found\nOK\n1\n')
    assert.equal(fixture.doors.door.inFlight.commands, 0)
  })

  test('ALL holds reads and listings too, and ends by itself; health goes on', async () => {
    await resp('CLIENT', 'PAUSE', '150', 'ALL')
    const { stats } = fixture.doors.door
    const waiting = ['/v1/kv/a', '/v1/kv', '/kv/Yw==', '/kv-store/v1/kv/?start=a&end=b'].map((path) =>
      http('GET', path),
    )
    let answered = 0
    for (const answer of waiting) void answer.then(() => answered++)
    assert.equal((await http('GET', '/livez')).status, 200)
    assert.equal((await http('GET', '/metrics')).status, 200)
    await eventually(() => stats.httpRequests === waiting.length + 2)
    clock.pass(149)
    assert.equal((await http('GET', '/livez')).status, 200)
    assert.equal(answered, 0)
    clock.pass(1)
    assert.deepEqual(
      (await Promise.all(waiting)).map(({ status }) => status),
      [404, 200, 404, 200],
    )
  })
})

test('commands of text connections, of /v1/command and of the earlier APIs are counted', async () => {
  const lines = await fixture.client()
  lines.send('SET a 1\nGET a\n')
  await lines.until(() => lines.received === 'OK\n1\n')
  await http('POST', '/v1/command', ['GET', 'a'])
  await http('POST', '/v1/command', ['INCR', 'a', 'b'])
  await http('POST', '/v1/command', ['PING'])
  const { text } = await http('GET', '/metrics')
  for (const sample of [
    'kvorum_commands_total{command="set",outcome="ok"} 1',
    'kvorum_commands_total{command="get",outcome="ok"} 2',
    'kvorum_commands_total{command="incr",outcome="rejected"} 1',
    'kvorum_commands_total{command="ping",outcome="ok"} 1',
    'kvorum_commands_in_flight 0',
  ]) {
    assert.ok(text.includes(sample), sample)
  }
})
