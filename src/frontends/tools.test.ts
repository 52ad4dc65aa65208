/** What administrators and their tools use: CONFIG, CLIENT, SLOWLOG, LATENCY, MONITOR, MEMORY, and the odd ones. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type DoorFixture, eventually, openFixture, type RawClient } from '../testing/doors/door-fixture.ts'
import { FakeExecutor } from '../testing/doors/fake-executor.ts'
import { HandClock } from '../testing/doors/hand-clock.ts'

let fixture: DoorFixture
before(async () => {
  fixture = await openFixture()
})
after(() => fixture.close())

/** Everything that comes for these inline lines. */
async function replies(client: RawClient, ...lines: readonly string[]): Promise<string> {
  client.send(`${lines.join('\r\n')}\r\nECHO end-of-replies\r\n`)
  const text = await client.takeUntil('$14\r\nend-of-replies\r\n')
  return text.slice(0, -'$14\r\nend-of-replies\r\n'.length)
}

async function clientId(client: RawClient): Promise<number> {
  return Number((await replies(client, 'CLIENT ID')).slice(1))
}

describe('CONFIG', () => {
  test('SET changes what can change, all or nothing, and says why it does not change the rest', async () => {
    const client = await fixture.client()
    assert.equal(await replies(client, 'CONFIG SET maxclients 77 timeout 0'), '+OK\r\n')
    assert.equal(await replies(client, 'CONFIG GET maxclients'), '*2\r\n$10\r\nmaxclients\r\n$2\r\n77\r\n')
    assert.match(
      await replies(client, 'CONFIG SET maxclients 78 maxmemory 1'),
      /^-ERR CONFIG SET failed.*'maxmemory'/,
    )
    assert.match(await replies(client, 'CONFIG GET maxclients'), /77/)
    assert.match(await replies(client, 'CONFIG SET maxclients 0'), /between 1 and 1000000/)
    assert.match(await replies(client, 'CONFIG SET maxclients many'), /integer/)
    assert.match(await replies(client, 'CONFIG SET nosuch 1'), /^-ERR Unknown option .* 'nosuch'/)
    assert.match(await replies(client, 'CONFIG SET timeout 1 timeout 2'), /duplicate parameter/)
    assert.equal(
      await replies(client, 'CONFIG REWRITE'),
      '-ERR The server is running without a config file\r\n',
    )
    assert.equal(await replies(client, 'CONFIG SET maxclients 10000'), '+OK\r\n')
  })

  test('a setting of the cluster is replicated before it is answered', async () => {
    const client = await fixture.client()
    assert.equal(await replies(client, 'CONFIG SET notify-keyspace-events Kx'), '+OK\r\n')
    assert.match(await replies(client, 'CONFIG GET notify-keyspace-events'), /\$2\r\nxK\r\n|\$2\r\nKx\r\n/)
    assert.match(await replies(client, 'CONFIG SET notify-keyspace-events !'), /^-ERR CONFIG SET failed/)
    assert.equal(await replies(client, 'CONFIG SET notify-keyspace-events ""'), '+OK\r\n')
  })

  test('RESETSTAT sets counters to zero', async () => {
    const client = await fixture.client()
    await replies(client, 'SET a 1', 'nosuch', 'CONFIG RESETSTAT')
    const info = await replies(client, 'INFO everything')
    assert.match(info, /\ntotal_error_replies:0\r/)
    assert.doesNotMatch(info, /cmdstat_set:/)
  })

  test('timeout closes connections that say nothing, but no monitor', async () => {
    const own = await openFixture()
    const [idle, monitor] = [await own.client(), await own.client()]
    await replies(idle, 'PING')
    monitor.send('MONITOR\r\n')
    assert.equal(await monitor.take(5), '+OK\r\n')
    own.doors.door.tuning.idleSeconds = 1
    for (const client of own.doors.door.clients.resp.values()) client.lastActiveMs -= 10_000
    await idle.until(() => idle.isClosed || idle.hasEnded)
    assert.equal(monitor.isClosed, false)
    await own.close()
  })
})

test('timeout does not close a client that spoke while the node stood still', async () => {
  const clock = new HandClock()
  const own = await openFixture({}, new FakeExecutor(), null, clock)
  const client = await own.client()
  assert.equal(await replies(client, 'PING'), '+PONG\r\n')
  own.doors.door.tuning.idleSeconds = 5
  // Timers come first in a turn of the loop: nobody has looked at the socket when time is over.
  await new Promise((resolve) => setTimeout(resolve, 0))
  client.send('PING\r\n')
  clock.pass(60_000)
  assert.equal(await client.take(7), '+PONG\r\n')
  await own.close()
})

describe('CLIENT', () => {
  test('KILL by address, by id, by age, and not oneself unless asked', async () => {
    const own = await openFixture()
    const [self, other, third] = [await own.client(), await own.client(), await own.client()]
    const address = /laddr|addr=(\S+) /.exec(await replies(other, 'CLIENT INFO'))?.[1] ?? ''
    assert.equal(await replies(self, 'CLIENT KILL 1.2.3.4:5'), '-ERR No such client\r\n')
    assert.equal(await replies(self, `CLIENT KILL ${address}`), '+OK\r\n')
    await other.rest()
    const id = await clientId(third)
    assert.equal(await replies(self, `CLIENT KILL ID ${id} TYPE pubsub`), ':0\r\n')
    assert.equal(await replies(self, `CLIENT KILL ID ${id} USER default MAXAGE 3600`), ':0\r\n')
    assert.equal(await replies(self, `CLIENT KILL ID ${id} TYPE normal`), ':1\r\n')
    await third.rest()
    assert.match(await replies(self, 'CLIENT KILL ID 0'), /greater than 0/)
    assert.match(await replies(self, 'CLIENT KILL USER nobody'), /No such user/)
    self.send('CLIENT KILL SKIPME no\r\n')
    assert.equal(await self.rest(), ':1\r\n')
    await own.close()
  })

  test('PAUSE WRITE holds writes and what is behind them, UNPAUSE lets them go in order', async () => {
    const own = await openFixture()
    const [writer, reader] = [await own.client(), await own.client()]
    assert.equal(await replies(reader, 'CLIENT PAUSE 100000 WRITE'), '+OK\r\n')
    writer.send('GET p\r\nSET p 1\r\nGET p\r\n')
    assert.equal(await writer.take(5), '$-1\r\n')
    assert.equal(await replies(reader, 'GET p'), '$-1\r\n')
    assert.equal(writer.received, '')
    assert.equal(await replies(reader, 'CLIENT UNPAUSE'), '+OK\r\n')
    assert.equal(await writer.take(12), '+OK\r\n$1\r\n1\r\n')
    await own.close()
  })

  test('PAUSE ALL ends by itself, and a connection that closes meanwhile loses nothing of others', async () => {
    const own = await openFixture()
    const [one, two] = [await own.client(), await own.client()]
    await replies(two, 'PING')
    assert.equal(await replies(one, 'CLIENT PAUSE x'), '-ERR timeout is not an integer or out of range\r\n')
    one.send('CLIENT PAUSE 150\r\nSET q 1\r\n')
    two.send('GET q\r\n')
    two.destroy()
    assert.equal(await one.take(10), '+OK\r\n+OK\r\n')
    await own.close()
  })

  test('UNBLOCK ends WAIT, with its count or with an error', async () => {
    const [waiting, other] = [await fixture.client(), await fixture.client()]
    const id = await clientId(waiting)
    assert.equal(await replies(other, `CLIENT UNBLOCK ${id}`), ':0\r\n')
    for (const [how, reply] of [
      ['TIMEOUT', ':0\r\n'],
      ['ERROR', '-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n'],
    ] as const) {
      waiting.send('WAIT 9 0\r\n')
      await eventually(() => fixture.doors.door.clients.resp.get(id)?.unblocker != null)
      assert.match(await replies(other, 'CLIENT LIST'), / flags=b /)
      assert.equal(await replies(other, `CLIENT UNBLOCK ${id} ${how}`), ':1\r\n')
      assert.equal(await waiting.take(reply.length), reply)
    }
  })

  test('CONSISTENCY, READONLY and READWRITE choose what reads are; RESET goes back', async () => {
    const executor = new FakeExecutor()
    const own = await openFixture({}, executor)
    const client = await own.client()
    executor.isRecording = true
    await replies(client, 'GET a', 'CLIENT CONSISTENCY STALE', 'GET a', 'CLIENT CONSISTENCY leader', 'GET a')
    await replies(client, 'READONLY', 'GET a', 'READWRITE', 'GET a', 'READONLY', 'RESET', 'GET a')
    const levels = executor.seen.map(({ options }) => options.consistency)
    assert.deepEqual(levels, ['linearizable', 'stale', 'leader', 'stale', 'linearizable', 'linearizable'])
    assert.match(await replies(client, 'CLIENT CONSISTENCY strong'), /^-ERR consistency is one of/)
    await own.close()
  })
})

describe('SLOWLOG and LATENCY', () => {
  test('note what took long, bounded, without secrets', async () => {
    const executor = new FakeExecutor({ isHolding: true })
    const own = await openFixture({}, executor)
    const client = await own.client()
    await replies(
      client,
      'CONFIG SET slowlog-log-slower-than 0 latency-monitor-threshold 1',
      'CLIENT SETNAME me',
    )
    await replies(client, 'AUTH default hunter2', 'CONFIG SET slowlog-max-len 3', 'SLOWLOG RESET')
    client.send(`SET key ${'v'.repeat(200)}\r\n`)
    await eventually(() => executor.held === 1)
    const heldAtMs = performance.now()
    await eventually(() => performance.now() - heldAtMs >= 3)
    executor.release()
    assert.equal(await client.take(5), '+OK\r\n')
    const log = await replies(client, 'SLOWLOG GET 5')
    assert.match(
      log,
      /\$3\r\nset\r\n\$3\r\nkey\r\n\$\d+\r\nv{128}\.\.\. \(72 more bytes\)\r\n\$\d+\r\n127\.\S+\r\n\$2\r\nme\r\n/,
    )
    assert.doesNotMatch(log, /hunter2/)
    await replies(client, 'PING', 'PING', 'PING', 'PING')
    assert.equal(await replies(client, 'SLOWLOG LEN'), ':3\r\n')
    assert.match(await replies(client, 'LATENCY LATEST'), /\*4\r\n\$7\r\ncommand\r\n:\d+\r\n:\d+\r\n:\d+\r\n/)
    assert.match(await replies(client, 'LATENCY HISTORY command'), /^\*\d\r\n\*2\r\n:\d+\r\n:\d+\r\n/)
    assert.match(await replies(client, 'LATENCY GRAPH command'), /command - high \d+ ms/)
    assert.match(await replies(client, 'LATENCY DOCTOR'), /command: \d+ slow seconds/)
    assert.equal(await replies(client, 'LATENCY RESET command'), ':1\r\n')
    assert.equal(await replies(client, 'LATENCY HISTORY command'), '*0\r\n')
    assert.match(
      await replies(client, 'LATENCY HISTOGRAM set nosuch'),
      /^\*2\r\n\$3\r\nset\r\n.*calls\r\n:1\r\n/s,
    )
    assert.match(await replies(client, 'INFO commandstats'), /cmdstat_set:calls=1,usec=\d+,/)
    assert.match(await replies(client, 'INFO latencystats'), /latency_percentiles_usec_set:p50=\d+\.000,p99=/)
    await own.close()
  })
})

describe('SLOWLOG', () => {
  test('tells what the engine worked on, and not what waited for its turn', async () => {
    const executor = new FakeExecutor({ isHolding: true })
    const own = await openFixture({}, executor)
    const client = await own.client()
    await replies(client, 'CONFIG SET slowlog-log-slower-than 5000')
    client.send('SET waited 1\r\n')
    await eventually(() => executor.held === 1)
    const heldAtMs = performance.now()
    await eventually(() => performance.now() - heldAtMs >= 10)
    executor.release()
    assert.equal(await client.take(5), '+OK\r\n')
    assert.equal(await replies(client, 'SLOWLOG LEN'), ':0\r\n')
    client.send('SET worked 1\r\n')
    await eventually(() => executor.held === 1)
    executor.executedMs = 7
    executor.release()
    assert.equal(await client.take(5), '+OK\r\n')
    assert.match(
      await replies(client, 'SLOWLOG GET'),
      /^\*1\r\n\*6\r\n:0\r\n:\d+\r\n:7000\r\n\*3\r\n\$3\r\nset/,
    )
    await replies(client, 'SLOWLOG RESET')
    client.send('KEYS *\r\n')
    await eventually(() => executor.held === 1)
    executor.executedMs = 6
    executor.release()
    await client.takeUntil('worked\r\n')
    assert.match(await replies(client, 'SLOWLOG GET'), /:6000\r\n\*2\r\n\$4\r\nkeys/)
    await own.close()
  })
})

describe('MONITOR', () => {
  test('shows what other connections send, quoted, secrets left out, until RESET', async () => {
    const [monitor, other] = [await fixture.client(), await fixture.client()]
    monitor.send('MONITOR\r\n')
    assert.equal(await monitor.take(5), '+OK\r\n')
    other.command('SET', 'k"\n', Buffer.from([0, 255]))
    await other.take(5)
    await replies(
      other,
      'SELECT 3',
      'CONFIG GET save',
      'HELLO 2 AUTH default hunter2',
      'HELLO 2 SETNAME auth AUTH default hunter2',
      'MIGRATE host 1 key 0 10 AUTH hunter2',
      'MIGRATE host 1 key 0 10 AUTH2 me hunter2',
      'ACL SETUSER me on >hunter2',
      'MULTI',
      'APPEND queued 1',
      'AUTH hunter2',
      'DISCARD',
      'GET k',
    )
    await monitor.until(
      () => monitor.received.includes('"GET" "k"') || monitor.received.includes('"get" "k"'),
    )
    const lines = monitor.received
    assert.match(lines, /^\+\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "set" "k\\"\\n" "\\x00\\xff"\r\n/)
    assert.match(lines, /\[3 127\.0\.0\.1:\d+\] "hello" "2" "AUTH" "\(redacted\)" "\(redacted\)"\r\n/)
    assert.match(lines, /"multi"\r\n.*"append" "queued" "1"\r\n.*"auth" "\(redacted\)"\r\n.*"discard"\r\n/)
    assert.doesNotMatch(lines, /hunter2|config/)
    monitor.send('RESET\r\n')
    await monitor.takeUntil('+RESET\r\n')
    assert.equal(fixture.doors.door.monitors.size, 0)
  })

  test('one that does not read is closed, others go on', async () => {
    const own = await openFixture()
    const [deaf, other] = [await own.client(), await own.client()]
    deaf.send('MONITOR\r\n')
    assert.equal(await deaf.take(5), '+OK\r\n')
    deaf.socket.pause()
    const value = 'x'.repeat(1024 * 1024)
    for (let i = 0; i < 64 && own.doors.door.monitors.size > 0; i++) {
      other.command('SET', 'big', value)
      assert.equal(await other.take(5), '+OK\r\n')
    }
    assert.equal(own.doors.door.monitors.size, 0)
    await own.close()
  })
})

describe('RANDOMKEY', () => {
  test('nil, then every key sooner or later, of this database only', async () => {
    const own = await openFixture()
    const client = await own.client()
    assert.equal(await replies(client, 'RANDOMKEY'), '$-1\r\n')
    await replies(client, 'MSET a 1 b 2 c 3', 'SELECT 1', 'SET other 1', 'SELECT 0')
    const seen = new Set<string>()
    while (seen.size < 3) seen.add(await replies(client, 'RANDOMKEY'))
    assert.deepEqual(
      [...seen].sort(),
      ['a', 'b', 'c'].map((key) => `$1\r\n${key}\r\n`),
    )
    await own.close()
  })
})

describe('the others', () => {
  test('MEMORY USAGE counts the rows of a key, the rest of MEMORY tells of the process', async () => {
    const client = await fixture.client()
    const first = await replies(client, 'SET m 123', 'MEMORY USAGE m')
    const second = await replies(client, 'SET m 1234', 'MEMORY USAGE m SAMPLES 5')
    const sizes = [first, second].map((text) => Number(text.slice('+OK\r\n:'.length)))
    assert.equal((sizes[1] as number) - (sizes[0] as number), 1)
    const expiring = Number((await replies(client, 'EXPIRE m 1000', 'MEMORY USAGE m')).slice(5))
    assert.ok(expiring > (sizes[1] as number))
    assert.equal(await replies(client, 'MEMORY USAGE nothing', 'MEMORY PURGE'), '$-1\r\n+OK\r\n')
    assert.match(await replies(client, 'MEMORY STATS'), /total\.allocated/)
    assert.match(await replies(client, 'MEMORY DOCTOR'), /memory/)
  })

  test('DEBUG SLEEP lets this connection wait and no other', async () => {
    const clock = new HandClock()
    const own = await openFixture({}, new FakeExecutor(), null, clock)
    const [sleeper, other] = [await own.client(), await own.client()]
    const before = clock.timers
    sleeper.send('DEBUG SLEEP 0.2\r\nPING\r\n')
    await eventually(() => clock.timers > before)
    clock.pass(199)
    assert.equal(await replies(other, 'PING'), '+PONG\r\n')
    assert.equal(sleeper.received, '')
    clock.pass(1)
    assert.equal(await sleeper.take(12), '+OK\r\n+PONG\r\n')
    assert.match(await replies(other, 'DEBUG SLEEP x'), /^-ERR value is not a valid float/)
    await own.close()
  })

  test('WAITAOF: local is 1, others are counted', async () => {
    const client = await fixture.client()
    assert.equal(await replies(client, 'WAITAOF 1 0 0'), '*2\r\n:1\r\n:0\r\n')
    assert.match(await replies(client, 'WAITAOF 2 0 0'), /^-ERR value is out of range/)
  })

  test('HELP of every container lists its subcommands', async () => {
    const client = await fixture.client()
    for (const name of [
      'CLIENT',
      'CONFIG',
      'MEMORY',
      'SLOWLOG',
      'LATENCY',
      'COMMAND',
      'DEBUG',
      'ACL',
      'MODULE',
    ]) {
      assert.match(
        await replies(client, `${name} HELP`),
        new RegExp(`^\\*\\d+\\r\\n\\+${name} <subcommand>`),
        name,
      )
    }
  })

  test('COMMAND GETKEYSANDFLAGS tells what happens to each key', async () => {
    const client = await fixture.client()
    assert.equal(
      await replies(client, 'COMMAND GETKEYSANDFLAGS COPY a b'),
      '*2\r\n*2\r\n$1\r\na\r\n*2\r\n+RO\r\n+access\r\n*2\r\n$1\r\nb\r\n*2\r\n+OW\r\n+update\r\n',
    )
  })

  test('COMMAND GETKEYS: a script may have no keys, other commands without any are refused as such', async () => {
    const client = await fixture.client()
    for (const words of ['EVAL s 0', 'EVAL s 5 a', 'EVALSHA_RO s x']) {
      assert.equal(await replies(client, `COMMAND GETKEYS ${words}`), '*0\r\n', words)
    }
    const none = '-ERR The command has no key arguments\r\n'
    for (const words of ['PING a b c', 'SSUBSCRIBE a', 'CLIENT LIST x']) {
      assert.equal(await replies(client, `COMMAND GETKEYS ${words}`), none, words)
    }
  })

  test('other types, functions and replication are refused with a reason, and break a MULTI', async () => {
    const client = await fixture.client()
    assert.match(await replies(client, 'LPUSH a b'), /^-ERR LPUSH is not supported yet: values are strings/)
    assert.match(
      await replies(client, 'FCALL x 0'),
      /^-ERR FCALL is not supported yet: send the script with EVAL/,
    )
    assert.match(await replies(client, 'BGSAVE'), /majority/)
    assert.match(await replies(client, 'MODULE LOAD x'), /no modules/)
    assert.match(
      await replies(client, 'MULTI', 'HSET a b c', 'EXEC'),
      /HSET is not supported[^\n]*\n-EXECABORT/,
    )
  })

  test('LOLWUT draws, ACL CAT and GENPASS answer', async () => {
    const client = await fixture.client()
    assert.match(await replies(client, 'LOLWUT'), /Kvorum ver\. /)
    assert.match(await replies(client, 'ACL CAT dangerous'), /monitor/)
    assert.match(await replies(client, 'ACL GENPASS 8'), /^\$2\r\n[0-9a-f]{2}\r\n$/)
    for (const words of ['ACL GENPASS x', 'LOLWUT VERSION x']) {
      assert.match(await replies(client, words), /^-ERR value is not an integer or out of range/)
    }
    assert.equal(await replies(client, 'ACL GETUSER nobody'), '$-1\r\n')
    assert.match(
      await replies(client, 'ACL GETUSER default'),
      /^\*12\r\n\$5\r\nflags\r\n\*2\r\n\+on\r\n\+nopass\r\n/,
    )
  })
})
