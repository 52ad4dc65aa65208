/** Pub/sub at one node's door: what goes over the wire, and when. */
import assert from 'node:assert/strict'
import { after, beforeEach, describe, test } from 'node:test'
import { limits } from '../../protocol/limits.ts'
import {
  type DoorFixture,
  eventually,
  openFixture,
  type RawClient,
} from '../../testing/doors/door-fixture.ts'
import { FakeExecutor } from '../../testing/doors/fake-executor.ts'

let fixture: DoorFixture = await openFixture()
after(() => fixture.close())
beforeEach(async () => {
  await fixture.close()
  fixture = await openFixture()
})

/** Bulk strings and integers in an array of the given type. */
function frame(type: '*' | '>', ...parts: (string | number)[]): string {
  const shown = parts.map((part) =>
    typeof part === 'number' ? `:${part}\r\n` : `$${part.length}\r\n${part}\r\n`,
  )
  return `${type}${parts.length}\r\n${shown.join('')}`
}

async function expect(client: RawClient, ...frames: string[]): Promise<void> {
  const text = frames.join('')
  assert.equal(await client.take(text.length), text)
}

async function subscriber(...words: string[]): Promise<RawClient> {
  const client = await fixture.client()
  client.command(...words)
  const kind = (words[0] as string).toLowerCase()
  await expect(client, ...words.slice(1).map((name, i) => frame('*', kind, name, i + 1)))
  return client
}

describe('messages', () => {
  test('go to the subscribers of the channel and of patterns that it matches, and PUBLISH counts them', async () => {
    const one = await subscriber('SUBSCRIBE', 'news', 'other')
    const two = await subscriber('PSUBSCRIBE', 'n*', '?ews')
    const publisher = await fixture.client()
    publisher.command('PUBLISH', 'news', 'hello')
    await expect(publisher, ':3\r\n')
    await expect(one, frame('*', 'message', 'news', 'hello'))
    await expect(
      two,
      frame('*', 'pmessage', 'n*', 'news', 'hello'),
      frame('*', 'pmessage', '?ews', 'news', 'hello'),
    )
    publisher.command('PUBLISH', 'else', 'hello')
    await expect(publisher, ':0\r\n')
  })

  test('are pushes in RESP3, beside which other commands work', async () => {
    const client = await fixture.client()
    client.command('HELLO', '3')
    await client.takeUntil('*0\r\n')
    client.command('SUBSCRIBE', 'a')
    await expect(client, frame('>', 'subscribe', 'a', 1))
    client.command('PUBLISH', 'a', 'x')
    client.command('PING')
    await expect(client, ':1\r\n', frame('>', 'message', 'a', 'x'), '+PONG\r\n')
  })

  test('of shard channels go to their own subscribers', async () => {
    const shard = await subscriber('SSUBSCRIBE', 'a')
    const plain = await subscriber('SUBSCRIBE', 'a')
    const publisher = await fixture.client()
    publisher.command('SPUBLISH', 'a', '1')
    publisher.command('PUBLISH', 'a', '2')
    await expect(publisher, ':1\r\n:1\r\n')
    await expect(shard, frame('*', 'smessage', 'a', '1'))
    await expect(plain, frame('*', 'message', 'a', '2'))
  })

  test('of a transaction come with their places and counts', async () => {
    const client = await subscriber('SUBSCRIBE', 'a', 'b')
    const publisher = await fixture.client()
    publisher.command('MULTI')
    publisher.command('PUBLISH', 'a', '1')
    publisher.command('SET', 'k', 'v')
    publisher.command('PUBLISH', 'none', '2')
    publisher.command('ECHO', 'local')
    publisher.command('PUBLISH', 'b', '3')
    publisher.command('EXEC')
    await expect(publisher, '+OK\r\n', '+QUEUED\r\n'.repeat(5))
    await expect(publisher, '*5\r\n:1\r\n+OK\r\n:0\r\n$5\r\nlocal\r\n:1\r\n')
    await expect(client, frame('*', 'message', 'a', '1'), frame('*', 'message', 'b', '3'))
  })

  test('a push takes its place behind the replies of commands that were read before', async () => {
    const executor = new FakeExecutor()
    await fixture.close()
    fixture = await openFixture({}, executor)
    const client = await fixture.client()
    client.command('HELLO', '3')
    await client.takeUntil('*0\r\n')
    client.command('SUBSCRIBE', 'a')
    await expect(client, frame('>', 'subscribe', 'a', 1))
    executor.isHolding = true
    client.command('GET', 'k')
    await eventually(() => executor.held === 1)
    executor.isHolding = false
    const publisher = await fixture.client()
    publisher.command('PUBLISH', 'a', 'x')
    await expect(publisher, ':1\r\n')
    assert.equal(client.received, '')
    executor.release()
    await expect(client, '_\r\n', frame('>', 'message', 'a', 'x'))
  })
})

describe('subscriptions', () => {
  test('take effect when the read of the index is answered', async () => {
    const { executor } = fixture
    executor.isHolding = true
    const client = await fixture.client()
    client.command('SUBSCRIBE', 'a')
    await eventually(() => executor.held === 1)
    executor.isHolding = false
    const publisher = await fixture.client()
    publisher.command('PUBLISH', 'a', 'before')
    await expect(publisher, ':0\r\n')
    executor.release()
    await expect(client, frame('*', 'subscribe', 'a', 1))
    publisher.command('PUBLISH', 'a', 'after')
    await expect(client, frame('*', 'message', 'a', 'after'))
  })

  test('are ended one by one, or all; the confirmation of none names none', async () => {
    const client = await subscriber('SUBSCRIBE', 'a', 'b', 'c')
    client.command('UNSUBSCRIBE', 'b', 'unknown')
    await expect(client, frame('*', 'unsubscribe', 'b', 2), frame('*', 'unsubscribe', 'unknown', 2))
    client.command('UNSUBSCRIBE')
    await expect(client, frame('*', 'unsubscribe', 'a', 1), frame('*', 'unsubscribe', 'c', 0))
    client.command('PUNSUBSCRIBE')
    await expect(client, '*3\r\n$12\r\npunsubscribe\r\n$-1\r\n:0\r\n')
    client.command('GET', 'k')
    await expect(client, '$-1\r\n')
  })

  test('confine a RESP2 connection to a few commands', async () => {
    const client = await subscriber('SUBSCRIBE', 'a')
    client.command('GET', 'k')
    const refusal =
      "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n"
    await expect(client, refusal)
    client.command('PING')
    client.command('PING', 'x')
    await expect(client, frame('*', 'pong', ''), frame('*', 'pong', 'x'))
    client.command('RESET')
    client.command('GET', 'k')
    await expect(client, '+RESET\r\n$-1\r\n')
    client.command('PUBLISH', 'a', 'x')
    await expect(client, ':0\r\n')
  })

  test('inside MULTI are made by EXEC', async () => {
    const client = await fixture.client()
    client.command('MULTI')
    client.command('SUBSCRIBE', 'a')
    client.command('EXEC')
    await expect(client, '+OK\r\n+QUEUED\r\n*1\r\n', frame('*', 'subscribe', 'a', 1))
    const publisher = await fixture.client()
    publisher.command('PUBLISH', 'a', 'x')
    await expect(client, frame('*', 'message', 'a', 'x'))
  })

  test('are confirmed also where CLIENT REPLY silences replies', async () => {
    const client = await fixture.client()
    client.send('CLIENT REPLY OFF\r\nSUBSCRIBE a\r\nUNSUBSCRIBE a\r\nPING\r\nCLIENT REPLY ON\r\n')
    await expect(client, frame('*', 'subscribe', 'a', 1), frame('*', 'unsubscribe', 'a', 0), '+OK\r\n')
  })

  test('are shown by PUBSUB', async () => {
    await subscriber('SUBSCRIBE', 'aa', 'ab')
    await subscriber('SUBSCRIBE', 'aa')
    await subscriber('PSUBSCRIBE', 'x*')
    await subscriber('SSUBSCRIBE', 'sh')
    const client = await fixture.client()
    client.command('PUBSUB', 'CHANNELS')
    client.command('PUBSUB', 'CHANNELS', '*b')
    client.command('PUBSUB', 'NUMSUB', 'aa', 'none')
    client.command('PUBSUB', 'NUMPAT')
    client.command('PUBSUB', 'SHARDCHANNELS')
    client.command('PUBSUB', 'SHARDNUMSUB', 'sh')
    client.command('PUBSUB', 'CHANNELS', 'a', 'b')
    await expect(
      client,
      frame('*', 'aa', 'ab'),
      frame('*', 'ab'),
      frame('*', 'aa', 2, 'none', 0),
      ':1\r\n',
      frame('*', 'sh'),
      frame('*', 'sh', 1),
      "-ERR unknown subcommand or wrong number of arguments for 'channels'. Try PUBSUB HELP.\r\n",
    )
  })

  test('end with the connection, and then nothing listens to the engine', async () => {
    const { effects } = fixture.executor
    const before = effects.listenerCount
    const client = await subscriber('SUBSCRIBE', 'a')
    assert.equal(effects.listenerCount, before + 1)
    client.destroy()
    await eventually(() => effects.listenerCount === before)
    assert.equal(fixture.doors.door.pubsub.subscriptions.isEmpty, true)
  })

  test('R20: beyond the limit they are refused', async () => {
    const client = await fixture.client()
    const names = Array.from({ length: limits.subscriptions + 1 }, (_, i) => String(i))
    client.command('SUBSCRIBE', ...names)
    assert.match(await client.takeUntil('\r\n'), /^-ERR too many subscriptions/)
    assert.equal(fixture.doors.door.pubsub.subscriptions.isEmpty, true)
  })

  test('R20: a subscriber that does not read is closed', async () => {
    const client = await subscriber('SUBSCRIBE', 'a')
    client.socket.pause()
    const publisher = await fixture.client()
    const payload = Buffer.alloc(1024 * 1024)
    const rounds = Math.ceil(limits.pushBytes / payload.length) + 16
    for (let i = 0; i < rounds; i++) {
      publisher.command('PUBLISH', 'a', payload)
      await publisher.take(4)
    }
    await eventually(() => fixture.doors.door.pubsub.subscriptions.isEmpty)
  })

  test('are cut off when a snapshot passed over messages', async () => {
    const client = await subscriber('SUBSCRIBE', 'a')
    fixture.executor.effects.reset()
    await client.until(() => client.isClosed || client.hasEnded)
  })
})

describe('keyspace notices', () => {
  test('are told on both channels, in the order of the commands and of PUBLISH', async () => {
    await fixture.close()
    fixture = await openFixture({ notifyKeyspaceEvents: 'KEA' })
    const client = await subscriber('PSUBSCRIBE', '*')
    const writer = await fixture.client()
    writer.command('MULTI')
    writer.command('SET', 'k', '1')
    writer.command('PUBLISH', 'c', 'm')
    writer.command('DEL', 'k')
    writer.command('EXEC')
    const told = (channel: string, payload: string): string => frame('*', 'pmessage', '*', channel, payload)
    await expect(
      client,
      told('__keyspace@0__:k', 'set'),
      told('__keyevent@0__:set', 'k'),
      told('c', 'm'),
      told('__keyspace@0__:k', 'del'),
      told('__keyevent@0__:del', 'k'),
    )
  })

  test('are chosen by CONFIG SET for the whole cluster, also for those who listen already', async () => {
    const client = await subscriber('SUBSCRIBE', '__keyevent@0__:set')
    const writer = await fixture.client()
    writer.command('SET', 'k', '1')
    writer.command('CONFIG', 'SET', 'notify-keyspace-events', 'E$')
    writer.command('SET', 'k', '2')
    writer.command('CONFIG', 'GET', 'notify-keyspace-events')
    await expect(writer, '+OK\r\n+OK\r\n+OK\r\n*2\r\n$22\r\nnotify-keyspace-events\r\n$2\r\n$E\r\n')
    await expect(client, frame('*', 'message', '__keyevent@0__:set', 'k'))
    writer.command('CONFIG', 'SET', 'notify-keyspace-events', '')
    writer.command('SET', 'k', '3')
    writer.command('PUBLISH', '__keyevent@0__:set', 'end')
    await expect(client, frame('*', 'message', '__keyevent@0__:set', 'end'))
    assert.equal(fixture.executor.setting('notify-keyspace-events'), '')
  })

  test('are built only while somebody hears them', async () => {
    await fixture.close()
    fixture = await openFixture({ notifyKeyspaceEvents: 'KEA' })
    const told: number[] = []
    fixture.executor.listen({ effects: ({ notices }) => told.push(notices.length), reset: () => {} })
    const writer = await fixture.client()
    writer.command('SET', 'k', '1')
    await expect(writer, '+OK\r\n')
    const client = await subscriber('SUBSCRIBE', 'a')
    writer.command('SET', 'k', '1')
    await expect(writer, '+OK\r\n')
    client.command('UNSUBSCRIBE')
    await expect(client, frame('*', 'unsubscribe', 'a', 0))
    writer.command('SET', 'k', '1')
    await expect(writer, '+OK\r\n')
    assert.deepEqual(told, [0, 1, 0])
  })
})
