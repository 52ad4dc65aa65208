/** CLIENT TRACKING at one node's door: who is told of which change, in which order. */
import assert from 'node:assert/strict'
import { after, beforeEach, describe, test } from 'node:test'
import { limits } from '../../protocol/limits.ts'
import {
  type DoorFixture,
  eventually,
  openFixture,
  type RawClient,
} from '../../testing/doors/door-fixture.ts'
import { TrackingTable } from './table.ts'

let fixture: DoorFixture = await openFixture()
after(() => fixture.close())
beforeEach(async () => {
  await fixture.close()
  fixture = await openFixture()
})

/** A RESP3 connection. */
async function open3(): Promise<RawClient> {
  const client = await fixture.client()
  client.command('HELLO', '3')
  await client.takeUntil('*0\r\n')
  return client
}

async function expect(client: RawClient, ...frames: string[]): Promise<void> {
  const text = frames.join('')
  assert.equal(await client.take(text.length), text)
}

/** Sends the commands and takes their replies; one line each. */
async function run(client: RawClient, ...commands: string[]): Promise<void> {
  for (const command of commands) {
    client.command(...command.split(' '))
    await client.until(() => client.received.endsWith('\r\n'))
    await client.takeUntil('\r\n')
  }
}

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`
}

function invalidate(...keys: string[]): string {
  return `>2\r\n${bulk('invalidate')}*${keys.length}\r\n${keys.map(bulk).join('')}`
}

const INVALIDATE_ALL = `>2\r\n${bulk('invalidate')}_\r\n`

/** Nothing but the reply of a PING comes. */
async function hearsNothing(client: RawClient): Promise<void> {
  client.command('PING')
  await expect(client, '+PONG\r\n')
}

describe('a tracking connection', () => {
  test('is told once when a key that it read changes', async () => {
    const reader = await open3()
    const writer = await fixture.client()
    await run(reader, 'CLIENT TRACKING on', 'GET a', 'MGET b c')
    await run(writer, 'SET a 1', 'SET unread 1', 'SET a 2', 'DEL c', 'SET c 3')
    await expect(reader, invalidate('a'), invalidate('c'))
    await hearsNothing(reader)
    await run(reader, 'GET a')
    await run(writer, 'INCR a')
    await expect(reader, invalidate('a'))
  })

  test('is told of its own change behind the reply, and with NOLOOP not at all', async () => {
    const client = await open3()
    await run(client, 'CLIENT TRACKING on', 'GET a')
    client.command('SET', 'a', '1')
    await expect(client, '+OK\r\n', invalidate('a'))
    await run(client, 'CLIENT TRACKING on NOLOOP', 'GET a', 'SET a 2')
    await hearsNothing(client)
    const other = await fixture.client()
    await run(other, 'SET a 3')
    await expect(client, invalidate('a'))
  })

  test('is told that everything changed by flushes, swaps and snapshots', async () => {
    const client = await open3()
    const writer = await fixture.client()
    await run(client, 'CLIENT TRACKING on', 'GET a')
    await run(writer, 'SET other 1', 'FLUSHALL')
    await expect(client, INVALIDATE_ALL)
    await run(writer, 'SET other 1', 'SWAPDB 0 1')
    await expect(client, INVALIDATE_ALL)
    fixture.executor.effects.reset()
    await expect(client, INVALIDATE_ALL)
    await hearsNothing(client)
  })

  test('is told when a key that it read expires', async () => {
    const client = await open3()
    const writer = await fixture.client()
    await run(writer, 'SET a 1 PX 1')
    await run(client, 'CLIENT TRACKING on', 'GET a')
    fixture.executor.expireDue()
    await expect(client, invalidate('a'))
  })

  test('is told of what a transaction read and changed itself', async () => {
    const client = await open3()
    await run(client, 'CLIENT TRACKING on', 'MULTI', 'GET a', 'GET b', 'SET a 1')
    client.command('EXEC')
    await expect(client, '*3\r\n_\r\n_\r\n+OK\r\n', invalidate('a'))
    await run(await fixture.client(), 'SET b 1')
    await expect(client, invalidate('b'))
  })

  test('is told of nothing that it read before, or after it turned tracking off', async () => {
    const client = await open3()
    const writer = await fixture.client()
    const listenersBefore = fixture.executor.effects.listenerCount
    await run(client, 'GET a', 'CLIENT TRACKING on', 'GET b', 'CLIENT TRACKING off')
    await run(writer, 'SET a 1', 'SET b 1')
    await hearsNothing(client)
    assert.equal(fixture.executor.effects.listenerCount, listenersBefore)
  })

  test('a change between the read and its reply is told behind the reply', async () => {
    const { executor } = fixture
    const reader = await open3()
    await run(reader, 'CLIENT TRACKING on')
    executor.isHolding = true
    reader.command('GET', 'first')
    reader.command('GET', 'a')
    await eventually(() => executor.held === 2)
    executor.isHolding = false
    // The second read is executed, but its reply waits for the first one's.
    executor.releaseLast()
    await run(await fixture.client(), 'SET a 1')
    assert.equal(reader.received, '')
    executor.release()
    await expect(reader, '_\r\n', '_\r\n', invalidate('a'))
  })
})

describe('OPTIN and OPTOUT', () => {
  test('OPTIN tracks only what is read behind CLIENT CACHING YES', async () => {
    const client = await open3()
    const writer = await fixture.client()
    await run(client, 'CLIENT TRACKING on OPTIN', 'GET a', 'CLIENT CACHING yes', 'GET b', 'GET c')
    await run(writer, 'MSET a 1 b 1 c 1')
    await expect(client, invalidate('b'))
    await hearsNothing(client)
  })

  test('OPTOUT tracks all but what is read behind CLIENT CACHING NO', async () => {
    const client = await open3()
    const writer = await fixture.client()
    await run(
      client,
      'CLIENT TRACKING on OPTOUT',
      'GET a',
      'CLIENT CACHING no',
      'GET b',
      'CLIENT CACHING no',
      'PING',
    )
    await run(client, 'GET c')
    await run(writer, 'MSET a 1 b 1 c 1')
    await expect(client, invalidate('a'), invalidate('c'))
  })

  test('CLIENT CACHING inside a transaction holds for it, and not for what follows', async () => {
    const client = await open3()
    const writer = await fixture.client()
    await run(client, 'CLIENT TRACKING on OPTIN')
    client.send('MULTI\r\nCLIENT CACHING yes\r\nGET a\r\nGET b\r\nEXEC\r\nGET c\r\n')
    await expect(client, '+OK\r\n', '+QUEUED\r\n'.repeat(3), '*3\r\n+OK\r\n_\r\n_\r\n', '_\r\n')
    await run(writer, 'MSET a 1 b 1 c 1')
    await expect(client, invalidate('a'), invalidate('b'))
    await hearsNothing(client)
  })

  test('CLIENT CACHING holds for a whole transaction', async () => {
    const client = await open3()
    const writer = await fixture.client()
    await run(
      client,
      'CLIENT TRACKING on OPTIN',
      'CLIENT CACHING yes',
      'MULTI',
      'GET a',
      'GET b',
      'EXEC',
      'GET c',
    )
    await run(writer, 'MSET a 1 b 1 c 1')
    await expect(client, invalidate('a'), invalidate('b'))
    await hearsNothing(client)
  })
})

describe('BCAST', () => {
  test('tells of every change of keys with the prefixes, read or not', async () => {
    const client = await open3()
    const writer = await fixture.client()
    await run(client, 'CLIENT TRACKING on BCAST PREFIX user: PREFIX x')
    await run(writer, 'MSET user:1 a y b user:2 c', 'DEL x', 'SET x 1')
    await expect(client, invalidate('user:1', 'user:2'), invalidate('x'))
    await hearsNothing(client)
  })

  test('without a prefix tells of every change', async () => {
    const client = await open3()
    await run(client, 'CLIENT TRACKING on BCAST NOLOOP', 'SET own 1')
    await run(await fixture.client(), 'SET a 1')
    await expect(client, invalidate('a'))
  })
})

describe('REDIRECT', () => {
  test('sends a RESP2 subscriber of __redis__:invalidate messages', async () => {
    const listener = await fixture.client()
    listener.command('CLIENT', 'ID')
    const id = (await listener.takeUntil('\r\n')).slice(1, -2)
    listener.command('SUBSCRIBE', '__redis__:invalidate')
    await listener.takeUntil(':1\r\n')
    const client = await fixture.client()
    await run(client, `CLIENT TRACKING on REDIRECT ${id}`, 'GET a')
    client.command('CLIENT', 'GETREDIR')
    await expect(client, `:${id}\r\n`)
    await run(await fixture.client(), 'SET a 1', 'FLUSHALL')
    const head = `*3\r\n${bulk('message')}${bulk('__redis__:invalidate')}`
    await expect(listener, `${head}*1\r\n${bulk('a')}`, `${head}$-1\r\n`)
  })

  test('to a connection that is gone says so', async () => {
    const listener = await open3()
    listener.command('CLIENT', 'ID')
    const id = (await listener.takeUntil('\r\n')).slice(1, -2)
    const client = await open3()
    await run(client, `CLIENT TRACKING on REDIRECT ${id}`, 'GET a')
    listener.destroy()
    await eventually(() => !fixture.doors.door.clients.resp.has(Number(id)))
    await run(await fixture.client(), 'SET a 1')
    await expect(client, `>2\r\n${bulk('tracking-redir-broken')}:${id}\r\n`)
    client.command('CLIENT', 'TRACKINGINFO')
    const shown = `%3\r\n${bulk('flags')}~2\r\n${bulk('on')}${bulk('broken_redirect')}`
    await expect(client, `${shown}${bulk('redirect')}:${id}\r\n${bulk('prefixes')}*0\r\n`)
  })
})

test('what contradicts itself is refused as in Redis', async () => {
  const client = await open3()
  const replies = async (...words: string[]): Promise<string> => {
    client.command('CLIENT', ...words)
    return client.takeUntil('\r\n')
  }
  assert.match(await replies('TRACKING', 'on', 'PREFIX', 'a'), /^-ERR PREFIX option requires BCAST/)
  assert.match(await replies('TRACKING', 'on', 'OPTIN', 'OPTOUT'), /^-ERR You can't specify both OPTIN/)
  assert.match(await replies('TRACKING', 'on', 'BCAST', 'OPTIN'), /^-ERR OPTIN and OPTOUT are not compatible/)
  assert.match(await replies('TRACKING', 'on', 'REDIRECT', '999'), /^-ERR The client ID you want redirect/)
  assert.match(await replies('TRACKING', 'on', 'PREFIX'), /^-ERR syntax error/)
  assert.match(await replies('CACHING', 'yes'), /^-ERR CLIENT CACHING can be called only/)
  assert.match(
    await replies('TRACKING', 'on', 'BCAST', 'PREFIX', 'a', 'PREFIX', 'ab'),
    /'a' overlaps with another/,
  )
  assert.equal(await replies('TRACKING', 'on', 'OPTIN'), '+OK\r\n')
  assert.match(await replies('TRACKING', 'on', 'OPTOUT'), /^-ERR You can't switch OPTIN\/OPTOUT/)
  assert.match(await replies('TRACKING', 'on', 'BCAST'), /^-ERR You can't switch BCAST/)
  assert.match(await replies('CACHING', 'no'), /^-ERR CLIENT CACHING NO is only valid/)
})

test('R20: beyond the limit the key remembered first is given up', () => {
  const table = new TrackingTable()
  table.add('first', 1)
  table.add('first', 2)
  table.add('first', 2)
  const wide = 'x'.repeat(limits.trackingBytes / 2)
  table.add(`1${wide}`, 1)
  assert.equal(table.isTooLarge, false)
  table.add(`2${wide}`, 1)
  assert.equal(table.isTooLarge, true)
  assert.equal(table.oldest(), 'first')
  assert.deepEqual(table.take('first'), [1, 2])
  assert.deepEqual(table.take('first'), [])
  assert.deepEqual(table.take(`1${wide}`), [1])
  assert.equal(table.isTooLarge, false)
})
