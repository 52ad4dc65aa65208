/** The doors as a whole: who may talk, how many, in which language, and how they close. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { networkInterfaces } from 'node:os'
import { describe, test } from 'node:test'
import { eventually, openFixture, RawClient } from '../testing/doors/door-fixture.ts'
import { FakeExecutor } from '../testing/doors/fake-executor.ts'
import { HandClock } from '../testing/doors/hand-clock.ts'
import { isLoopback } from './listener.ts'
import { sniff } from './sniffer.ts'

interface Answer {
  readonly status: number
  readonly body: string
  readonly headers: Record<string, string | string[] | undefined>
}

function http(
  port: number,
  path: string,
  options: { method?: string; host?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', path, agent: false, ...options }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }))
    })
    sent.on('error', reject)
    sent.end()
  })
}

describe('sniff()', () => {
  const cases: [string, string | null][] = [
    ['', null],
    ['*', 'resp'],
    ['GET key', null],
    ['GET key\r\n', 'resp'],
    ['GET / HTTP/1.1\r\n', 'http'],
    ['GET / HTTP/1.0\n', 'http'],
    ['PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\n', 'http'],
    ['SET a HTTP/1.1x\r\n', 'resp'],
    [' HTTP/1.1\r\n', 'resp'],
    ['\r\n', 'resp'],
    ['x'.repeat(70_000), 'resp'],
  ]
  for (const [bytes, speech] of cases) {
    test(`${JSON.stringify(bytes.slice(0, 30))} is ${speech ?? 'undecided'}`, () => {
      assert.equal(sniff(Buffer.from(bytes)), speech)
    })
  }
})

test('R19: loopback addresses in all spellings', () => {
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])
    assert.ok(isLoopback(address), address)
  for (const address of ['10.0.0.1', '192.168.1.1', '::ffff:10.0.0.1', 'fe80::1%eth0', '']) {
    assert.ok(!isLoopback(address), address)
  }
})

describe('both ports', () => {
  test('speak RESP, inline text and HTTP, told apart by the first line', async () => {
    const fixture = await openFixture()
    for (const port of [fixture.doors.redisPort, fixture.doors.httpPort]) {
      const { status, body } = await http(port, '/livez')
      assert.deepEqual([status, body], [200, 'ok\n'])
    }
    for (const client of [await fixture.client(), await fixture.webClient()]) {
      client.send('SET manual_key manual_value\r\n')
      assert.equal(await client.take(5), '+OK\r\n')
      client.command('GET', 'manual_key')
      assert.equal(await client.take(19), '$12\r\nmanual_value\r\n')
    }
    await fixture.close()
  })

  test('a first line in pieces, and HTTP pipelined behind it', async () => {
    const fixture = await openFixture()
    const client = await fixture.client()
    for (const piece of [
      'GET /li',
      'vez HT',
      'TP/1.1\r',
      '\nHost: localhost\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n',
    ]) {
      client.send(piece)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await client.until(() => client.received.split('ok\n').length === 3)
    await fixture.close()
  })

  test('the Redis port serves health only', async () => {
    const fixture = await openFixture()
    const { redisPort, httpPort } = fixture.doors
    for (const path of ['/livez', '/readyz', '/readyz/leader', '/health', '/version']) {
      assert.equal((await http(redisPort, path)).status, 200, path)
      assert.equal((await http(httpPort, path, { method: 'HEAD' })).status, 200, path)
    }
    assert.match((await http(redisPort, '/v1/kv/a')).body, /serves health and metrics only/)
    assert.match((await http(httpPort, '/nothing')).body, /there is nothing at GET \/nothing/)
    await fixture.close()
  })

  test('R20: connections beyond the limit are refused, and served again when one leaves', async () => {
    const fixture = await openFixture({ maxClients: 1 })
    const first = await fixture.client()
    first.command('PING')
    await first.take(7)
    const second = await fixture.client()
    assert.equal(await second.rest(), '-ERR max number of clients reached\r\n')
    first.destroy()
    await eventually(() => fixture.doors.door.clients.resp.size === 0)
    const third = await fixture.client()
    third.command('PING')
    assert.equal(await third.take(7), '+PONG\r\n')
    await fixture.close()
  })
})

describe('readiness', () => {
  test('says what is missing', async () => {
    const executor = new FakeExecutor()
    const fixture = await openFixture({}, executor)
    assert.deepEqual(
      (await http(fixture.doors.httpPort, '/readyz?verbose')).body,
      '[+]node ok\n[+]disk ok\nreadyz check passed\n',
    )
    executor.overrides = {
      ready: false,
      leader: '',
      role: 'follower',
      quorum: false,
      reasons: ['node2 is missing'],
    }
    const answer = await http(fixture.doors.httpPort, '/readyz')
    assert.equal(answer.status, 503)
    assert.equal(
      answer.body,
      '[+]node ok\n[-]fake failed: node2 is missing\n[+]disk ok\nreadyz check failed\n',
    )
    assert.equal((await http(fixture.doors.httpPort, '/livez')).status, 200)
    assert.equal((await http(fixture.doors.httpPort, '/readyz/leader')).status, 503)
    const health = JSON.parse((await http(fixture.doors.httpPort, '/health')).body) as Record<string, unknown>
    assert.equal(health.status, 'unhealthy')
    assert.equal(health.role, 'single-node')
    await fixture.close()
  })

  test('R17: is gone as soon as the node leaves, while it still serves', async () => {
    const fixture = await openFixture()
    fixture.doors.drain()
    const { status, body } = await http(fixture.doors.httpPort, '/readyz')
    assert.equal(status, 503)
    assert.ok(body.startsWith('[-]node failed: it is shutting down\n'))
    const client = await fixture.client()
    client.command('PING')
    assert.equal(await client.take(7), '+PONG\r\n')
    await fixture.close()
  })
})

describe('R18: web safety', () => {
  test('the Host header must name this node', async () => {
    const fixture = await openFixture({ allowedHosts: ['db.example.com'], advertiseHttp: 'node1.lan:8080' })
    const port = fixture.doors.httpPort
    for (const host of [
      'localhost',
      'localhost:99',
      '127.0.0.1',
      '[::1]:8080',
      '10.1.2.3',
      'DB.example.com.',
      'node1.lan',
      'node1',
    ]) {
      assert.equal((await http(port, '/livez', { headers: { host } })).status, 200, host)
    }
    for (const host of ['evil.com', 'localhost.evil.com', 'node1.lan.evil.com']) {
      assert.equal((await http(port, '/livez', { headers: { host } })).status, 421, host)
    }
    await fixture.close()
  })

  test('pages of other sites may not send what can change state', async () => {
    const fixture = await openFixture()
    const port = fixture.doors.httpPort
    const status = async (headers: Record<string, string>): Promise<number> =>
      (await http(port, '/nothing', { method: 'POST', headers: { host: `localhost:${port}`, ...headers } }))
        .status
    assert.equal(await status({ origin: 'https://evil.com' }), 403)
    assert.equal(await status({ origin: 'null' }), 403)
    assert.equal(await status({ 'sec-fetch-site': 'cross-site' }), 403)
    assert.equal(await status({ 'sec-fetch-site': 'same-site' }), 403)
    assert.equal(await status({ origin: `http://localhost:${port}` }), 404)
    assert.equal(await status({ 'sec-fetch-site': 'same-origin' }), 404)
    assert.equal(await status({}), 404)
    await fixture.close()
  })

  test('headers beyond the limit are refused', async () => {
    const fixture = await openFixture()
    const client = await fixture.webClient()
    client.send(`GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`)
    await client.until(() => client.isClosed || client.hasEnded)
    assert.match(client.received, /^HTTP\/1.1 431 /)
    await fixture.close()
  })

  test('R20: a client that is slow to send its headers is cut off', async () => {
    const fixture = await openFixture({ httpHeadersMs: 30 })
    const client = await fixture.webClient()
    client.send('GET /livez HTTP/1.1\r\nHost: localhost\r\n')
    assert.match(await client.rest(), /^HTTP\/1.1 408 /)
    await fixture.close()
  })

  test('bytes that are no HTTP behind an HTTP line are refused', async () => {
    const fixture = await openFixture()
    const client = await fixture.webClient()
    client.send('GET /livez HTTP/1.1\r\n\x00\x01\r\n\r\n')
    assert.match(await client.rest(), /^HTTP\/1.1 400 /)
    await fixture.close()
  })
})

/** An address of this machine that other machines could call it by. */
function outerAddress(): string | null {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? [])
  return all.find((address) => address.family === 'IPv4' && !address.internal)?.address ?? null
}

describe('R19: protected mode', () => {
  test('without a password a peer beyond this machine gets DENIED, and health only', async (t) => {
    const host = outerAddress()
    if (host === null) return t.skip('this machine has no address but loopback')
    const fixture = await openFixture({ host: '0.0.0.0' })
    const client = await RawClient.open(fixture.doors.redisPort, host)
    client.command('PING')
    assert.match(await client.rest(), /^-DENIED .*--password.*--insecure.*\r\n$/)
    client.destroy()
    const port = fixture.doors.httpPort
    assert.equal((await http(port, '/readyz', { host })).status, 200)
    assert.equal((await http(port, '/v1/kv/a', { host })).status, 403)
    assert.equal((await http(port, '/v1/kv/a')).status, 404)
    await fixture.close()
    return undefined
  })

  test('a password or --insecure lets it in', async (t) => {
    const host = outerAddress()
    if (host === null) return t.skip('this machine has no address but loopback')
    for (const config of [{ password: 'secret' }, { insecure: true }]) {
      const fixture = await openFixture({ host: '0.0.0.0', ...config })
      const client = await RawClient.open(fixture.doors.redisPort, host)
      client.send('AUTH default secret\r\nPING\r\n')
      assert.equal(await client.takeUntil('PONG\r\n'), '+OK\r\n+PONG\r\n')
      client.destroy()
      await fixture.close()
    }
    return undefined
  })
})

describe('R19: passwords', () => {
  test('RESP wants AUTH, HTTP wants Bearer or Basic, health wants nothing', async () => {
    const fixture = await openFixture({ password: 'secret' })
    const client = await fixture.client()
    client.send('GET a\r\nnope\r\nAUTH wrong\r\nAUTH other secret\r\nAUTH secret\r\nGET a\r\n')
    const refused = '-NOAUTH Authentication required.\r\n'
    const wrong = '-WRONGPASS invalid username-password pair or user is disabled.\r\n'
    const expected = `${refused}${refused}${wrong}${wrong}+OK\r\n$-1\r\n`
    assert.equal(await client.take(expected.length), expected)
    const port = fixture.doors.httpPort
    const status = async (authorization: string): Promise<number> =>
      (await http(port, '/v1/kv/a', { headers: { authorization } })).status
    assert.equal((await http(port, '/readyz')).status, 200)
    assert.equal((await http(port, '/v1/kv/a')).status, 401)
    assert.equal(await status('Bearer nope'), 401)
    assert.equal(await status('Bearer secret'), 404)
    assert.equal(await status(`Basic ${Buffer.from('default:secret').toString('base64')}`), 404)
    assert.equal(await status(`Basic ${Buffer.from('root:secret').toString('base64')}`), 401)
    await fixture.close()
  })

  test('HELLO authenticates in the same step, and is refused without', async () => {
    const fixture = await openFixture({ password: 'secret' })
    const client = await fixture.client()
    client.send(
      'HELLO 3\r\nHELLO 3 AUTH default nope\r\nHELLO 3 AUTH default secret SETNAME me\r\nCLIENT GETNAME\r\n',
    )
    await eventually(() => client.received.endsWith('$2\r\nme\r\n'))
    assert.match(client.received, /^-NOAUTH HELLO must be called .*\r\n-WRONGPASS .*\r\n%7\r\n/)
    await fixture.close()
  })

  test('without a password AUTH of one word explains itself', async () => {
    const fixture = await openFixture()
    const client = await fixture.client()
    client.send('AUTH x\r\nAUTH default x\r\n')
    await eventually(() => client.received.endsWith('+OK\r\n'))
    assert.match(client.received, /^-ERR AUTH <password> called without any password configured/)
    await fixture.close()
  })
})

describe('R17: closing', () => {
  test('what was read is answered, then it half-closes; later bytes are not executed', async () => {
    const executor = new FakeExecutor({ isHolding: true })
    const fixture = await openFixture({}, executor, null, new HandClock())
    const client = await fixture.client()
    client.send('SET a 1\r\nGET a\r\n')
    await eventually(() => executor.held === 2)
    const closed = new Promise<void>((resolve) => fixture.doors.close(resolve))
    client.send('SET a 2\r\n')
    await assert.rejects(fixture.client())
    executor.release()
    assert.equal(await client.rest(), '+OK\r\n$1\r\n1\r\n')
    client.socket.end()
    await closed
    assert.equal(executor.held, 0)
    assert.equal(executor.openSessions, 0)
  })

  test('idle connections and connections that said nothing are closed at once', async () => {
    const fixture = await openFixture()
    const idle = await fixture.client()
    idle.command('PING')
    await idle.take(7)
    const silent = await fixture.client()
    const web = await fixture.webClient()
    web.send('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await web.until(() => web.received.endsWith('ok\n'))
    for (const client of [idle, silent, web]) client.socket.on('end', () => client.socket.end())
    await new Promise<void>((resolve) => fixture.doors.close(resolve))
  })
})
