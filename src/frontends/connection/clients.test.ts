/** Every client of the node is in CLIENT LIST, INFO and CLIENT KILL, whatever it speaks. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  type DoorFixture,
  eventually,
  openFixture,
  type RawClient,
} from '../../testing/doors/door-fixture.ts'

let fixture: DoorFixture
let admin: RawClient
before(async () => {
  fixture = await openFixture({ inline: 'plain' })
  admin = await fixture.client()
})
after(() => fixture.close())

async function ask(...words: string[]): Promise<string> {
  admin.command(...words)
  return admin.takeUntil('\r\n')
}

/** The text of CLIENT LIST, INFO and others that answer a bulk string. */
async function text(...words: string[]): Promise<string> {
  admin.command(...words)
  let head = ''
  while (!head.endsWith('\n')) head += await admin.take(1)
  return (await admin.take(Number(head.slice(1)) + 2)).trimEnd()
}

async function textClient(): Promise<RawClient> {
  const client = await fixture.client()
  client.send('SET key value\n')
  assert.equal(await client.takeUntil('\n'), 'OK\n')
  return client
}

async function webClient(): Promise<RawClient> {
  const client = await fixture.webClient()
  client.send('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await client.until(() => client.received.includes('\r\n\r\n'))
  return client
}

function lineOf(list: string, speaks: string): string {
  return list.split('\n').find((line) => line.endsWith(` speaks=${speaks}`)) ?? ''
}

test('text and HTTP connections are listed with what is known of them, and counted', async () => {
  const [plain, web] = [await textClient(), await webClient()]
  const list = await text('CLIENT', 'LIST')
  const port = (client: RawClient): string => `127.0.0.1:${client.socket.localPort}`
  assert.match(
    lineOf(list, 'plain'),
    new RegExp(`^id=\\d+ addr=${port(plain)} .* flags=N .* cmd=set .* resp=0 `),
  )
  assert.match(lineOf(list, 'http'), new RegExp(`^id=\\d+ addr=${port(web)} .* cmd=http\\|get .* resp=0 `))
  assert.match(lineOf(list, 'resp'), / cmd=client\|list .* resp=2 /)
  assert.match(await text('INFO', 'clients'), /connected_clients:3\r/)
  assert.deepEqual(
    list.split('\n').map((line) => Number(/^id=(\d+)/.exec(line)?.[1])),
    [...fixture.doors.door.clients.all.keys()],
  )
  for (const client of [plain, web]) client.destroy()
  await eventually(() => fixture.doors.door.clients.all.size === 1)
})

test('CLIENT KILL cuts them by number, by address and by type', async () => {
  const [plain, web] = [await textClient(), await webClient()]
  const id = /^id=(\d+)/.exec(lineOf(await text('CLIENT', 'LIST'), 'plain'))?.[1] ?? ''
  assert.equal(await ask('CLIENT', 'KILL', 'ID', id), ':1\r\n')
  await plain.until(() => plain.isClosed || plain.hasEnded)
  assert.equal(await ask('CLIENT', 'KILL', `127.0.0.1:${web.socket.localPort}`), '+OK\r\n')
  await web.until(() => web.isClosed || web.hasEnded)
  await eventually(() => fixture.doors.door.clients.all.size === 1)
  const others = [await textClient(), await webClient()]
  assert.equal(await ask('CLIENT', 'KILL', 'TYPE', 'pubsub'), ':0\r\n')
  assert.equal(await ask('CLIENT', 'KILL', 'TYPE', 'normal'), ':2\r\n')
  for (const client of others) await client.until(() => client.isClosed || client.hasEnded)
  assert.equal(await ask('PING'), '+PONG\r\n')
})

test('timeout closes text connections that say nothing, and leaves HTTP to its own rules', async () => {
  const [plain, web] = [await textClient(), await webClient()]
  for (const client of fixture.doors.door.clients.all.values()) {
    if (client.speaks !== 'resp') Object.assign(client, { lastActiveMs: client.lastActiveMs - 10_000 })
  }
  fixture.doors.door.tuning.idleSeconds = 5
  await plain.until(() => plain.isClosed || plain.hasEnded)
  fixture.doors.door.tuning.idleSeconds = 0
  assert.equal(web.isClosed || web.hasEnded, false)
})
