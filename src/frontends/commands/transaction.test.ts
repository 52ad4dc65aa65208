/** Commands of the connection and of the node within MULTI: they run at EXEC, in their places, and take their time. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import {
  type DoorFixture,
  eventually,
  openFixture,
  type RawClient,
} from '../../testing/doors/door-fixture.ts'
import { FakeExecutor } from '../../testing/doors/fake-executor.ts'
import { HandClock } from '../../testing/doors/hand-clock.ts'

let fixture: DoorFixture
before(async () => {
  fixture = await openFixture()
})
after(() => fixture.close())

/** What the commands answer, one after the other on one connection. */
async function replies(client: RawClient, ...commands: string[]): Promise<string> {
  client.send([...commands, 'ECHO end-of-replies', ''].join('\r\n'))
  const all = await client.takeUntil('$14\r\nend-of-replies\r\n')
  return all.slice(0, -'$14\r\nend-of-replies\r\n'.length)
}

test('CONFIG, CLIENT, INFO and others stand between commands on keys, and run when these took effect', async () => {
  const client = await fixture.client()
  const inside = [
    'SET a 1',
    'CONFIG SET slowlog-max-len 77',
    'CONFIG GET slowlog-max-len',
    'CLIENT SETNAME me',
    'INCR a',
    'CLIENT GETNAME',
    'SLOWLOG LEN',
    'OBJECT ENCODING a',
    'CONFIG SET nosuch 1',
    'GET a',
  ]
  const all = await replies(client, 'MULTI', ...inside, 'EXEC')
  assert.equal(
    all.slice(all.indexOf('*')),
    '*10\r\n+OK\r\n+OK\r\n*2\r\n$15\r\nslowlog-max-len\r\n$2\r\n77\r\n+OK\r\n:2\r\n$2\r\nme\r\n:0\r\n$3\r\nint\r\n' +
      "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'\r\n$1\r\n2\r\n",
  )
})

test('what takes time is waited for, and nothing behind EXEC comes before its reply', async () => {
  const client = await fixture.client()
  const all = await replies(
    client,
    'MULTI',
    'DEBUG SLEEP 0.01',
    'CONFIG SET notify-keyspace-events Kx',
    'ECHO x',
    'DEBUG SLEEP 0',
    'EXEC',
    'PING',
  )
  assert.ok(all.endsWith('*4\r\n+OK\r\n+OK\r\n$1\r\nx\r\n+OK\r\n+PONG\r\n'), all)
  assert.equal(fixture.executor.setting('notify-keyspace-events'), 'xK')
  await replies(client, 'CONFIG SET notify-keyspace-events ""')
})

test('nothing of a transaction runs when a watched key has changed', async () => {
  const [client, rival] = [await fixture.client(), await fixture.client()]
  await replies(client, 'SET w 1', 'WATCH w')
  await replies(rival, 'SET w 2')
  const all = await replies(
    client,
    'MULTI',
    'CLIENT SETNAME never',
    'DEBUG SLEEP 60',
    'GET w',
    'EXEC',
    'CLIENT GETNAME',
  )
  assert.ok(all.endsWith('*-1\r\n$-1\r\n'), all)
})

test('a client that goes while its transaction sleeps leaves nothing behind', async () => {
  const clock = new HandClock()
  const own = await openFixture({}, new FakeExecutor(), null, clock)
  const { door } = own.doors
  const client = await own.client()
  const before = clock.timers
  client.send('MULTI\r\nDEBUG SLEEP 0.05\r\nDEBUG SLEEP 0.05\r\nSET late 1\r\nEXEC\r\n')
  await eventually(() => clock.timers > before)
  client.destroy()
  await eventually(() => door.clients.all.size === 0)
  for (let sleeps = 0; sleeps < 2; sleeps++) clock.pass(50)
  await eventually(() => door.inFlight.commands === 0)
  assert.equal(clock.timers, before)
  await own.close()
})

test('a client that is gone when its transaction succeeds subscribes to nothing', async () => {
  const executor = new FakeExecutor({ isHolding: true })
  const own = await openFixture({}, executor)
  const { door } = own.doors
  const client = await own.client()
  client.send('MULTI\r\nSET a 1\r\nSUBSCRIBE news\r\nEXEC\r\n')
  await eventually(() => door.inFlight.commands === 1)
  client.socket.resetAndDestroy()
  await eventually(() => door.clients.all.size === 0)
  executor.release()
  await eventually(() => door.inFlight.commands === 0)
  assert.equal(door.pubsub.subscriptions.channel.size, 0)
  await own.close()
})
