/** One port for everything: clients of every language, and other nodes that come by Upgrade. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import { type DoorFixture, eventually, openFixture, RawClient } from '../testing/doors/door-fixture.ts'
import { HandClock } from '../testing/doors/hand-clock.ts'
import { UPGRADE_HEAD_MAX, UPGRADE_PATH, upgradeAgreed, upgradeRequest } from '../transport/upgrade.ts'

async function withDoors(
  acceptPeer: ((socket: Socket) => void) | null,
  use: (fixture: DoorFixture, client: RawClient) => Promise<void>,
): Promise<void> {
  const fixture = await openFixture({ onePort: true }, undefined, acceptPeer, new HandClock())
  const client = await RawClient.open(fixture.doors.httpPort)
  try {
    await use(fixture, client)
  } finally {
    client.destroy()
    await fixture.close()
  }
}

function takesNobody(): never {
  assert.fail('nobody asked to be taken')
}

test('one port speaks RESP, inline text and HTTP with every route', () =>
  withDoors(null, async (fixture, client) => {
    assert.equal(fixture.doors.redisPort, fixture.doors.httpPort)
    client.command('SET', 'a', '1')
    assert.equal(await client.take(5), '+OK\r\n')
    const inline = await fixture.webClient()
    inline.send('GET a\r\n')
    assert.equal(await inline.take(7), '$1\r\n1\r\n')
    const http = await fixture.webClient()
    http.send('GET /kv/a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    assert.match(await http.rest(), /\{"success":true,"value":"MQ=="\}\n$/)
  }))

describe('another node', () => {
  test('is handed over with what it sent behind its request, and is no client any more', async () => {
    const taken: Socket[] = []
    let heard = ''
    const accept = (socket: Socket): void => {
      taken.push(socket)
      socket.on('data', (chunk: Buffer) => {
        heard += chunk.toString()
        socket.write('frames back')
      })
    }
    await withDoors(accept, async (fixture, client) => {
      const request = upgradeRequest('localhost:1').toString()
      client.send(request.slice(0, 70))
      client.send(`${request.slice(70)}frames`)
      const wanted = `${upgradeAgreed}frames back`
      assert.equal(await client.take(wanted.length), wanted)
      assert.equal(heard, 'frames')
      // The doors close without it: its connection is the transport's.
      await new Promise<void>((resolve) => fixture.doors.close(resolve))
      assert.equal(taken[0]?.destroyed, false)
      taken[0]?.destroy()
    })
  })

  test('finds room where clients have taken all of theirs', async () => {
    const taken: Socket[] = []
    const clock = new HandClock()
    const accept = (socket: Socket): unknown => taken.push(socket)
    const fixture = await openFixture({ onePort: true, maxClients: 2 }, undefined, accept, clock)
    const clients = [await fixture.webClient(), await fixture.webClient()]
    for (const client of clients) {
      client.command('PING')
      await client.take(7)
    }
    const third = await fixture.webClient()
    third.command('PING')
    assert.equal(await third.rest(), '-ERR max number of clients reached\r\n')
    const unreserved = clock.timers
    const node = await fixture.webClient()
    await eventually(() => clock.timers > unreserved)
    // It has a second to speak, of those in which this process ran.
    clock.pass(60_000)
    node.send(upgradeRequest('localhost:1'))
    assert.equal(await node.take(upgradeAgreed.length), upgradeAgreed.toString())
    assert.equal(taken.length, 1)
    const before = clock.timers
    const silent = await fixture.webClient()
    await eventually(() => clock.timers > before)
    for (let passed = 0; passed < 2_000; passed += 100) clock.pass(100)
    assert.equal(await silent.rest(), '')
    taken[0]?.destroy()
    await fixture.close()
  })

  test('is refused where nodes have a port of their own', () =>
    withDoors(null, async (_fixture, client) => {
      client.send(upgradeRequest('localhost:1'))
      assert.match(await client.rest(), /^HTTP\/1\.1 404 /)
    }))

  test('that asks for something else, or sends too much, is refused', () =>
    withDoors(takesNobody, async (fixture, client) => {
      client.send(`GET ${UPGRADE_PATH} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n`)
      assert.match(await client.rest(), /^HTTP\/1\.1 404 /)
      const endless = await fixture.webClient()
      endless.send(`GET ${UPGRADE_PATH} HTTP/1.1\r\nHost: ${'x'.repeat(UPGRADE_HEAD_MAX)}`)
      assert.match(await endless.rest(), /^HTTP\/1\.1 404 /)
      const leaving = await fixture.webClient()
      leaving.send(`GET ${UPGRADE_PATH} HTTP/1.1\r\n`)
      leaving.socket.end()
      assert.equal(await leaving.rest(), '')
    }))
})
