/**
 * Real clients, unmodified, against the door: handshake, commands, pipelines, transactions, scans, reconnect.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { type DoorFixture, openFixture } from '../testing/doors/door-fixture.ts'

/** Theirs are 5 and 10 s, in which a busy machine may not come to look at the socket. */
const connectTimeout = 120_000
const commandOptions = { timeout: 120_000 }

let fixture: DoorFixture
let locked: DoorFixture
before(async () => {
  fixture = await openFixture()
  locked = await openFixture({ password: 'secret' })
})
after(async () => {
  await fixture.close()
  await locked.close()
})

/** How each client introduced itself, as CLIENT LIST shows it. */
function clientList(list: string, name: string): string {
  return list.split('\n').find((line) => line.includes(` name=${name} `)) ?? ''
}

for (const [module, protocol] of [
  ['ioredis5', 2],
  ['ioredis6', 3],
] as const) {
  describe(module, () => {
    test('connects, names itself, chooses a database, reads and writes', async () => {
      const { Redis } = await import(module)
      const redis = new Redis({
        port: fixture.doors.redisPort,
        connectionName: module,
        db: 2,
        connectTimeout,
        retryStrategy: null,
      })
      assert.equal(await redis.set('k', 'v'), 'OK')
      assert.equal(await redis.get('k'), 'v')
      assert.equal(await redis.get('nothing'), null)
      assert.deepEqual(await redis.mget('k', 'nothing'), ['v', null])
      assert.equal(await redis.incrby(`${module}:n`, 5), 5)
      const line = clientList(await redis.client('LIST'), module)
      assert.match(line, new RegExp(` db=2 .* resp=${protocol} lib-name=ioredis lib-ver=\\d`))
      await assert.rejects(redis.call('nosuch'), /ERR unknown command 'nosuch'/)
      await redis.flushall()
      assert.equal(await redis.quit(), 'OK')
    })

    test('pipelines, transactions with WATCH, binary values, scan streams', async () => {
      const { Redis } = await import(module)
      const redis = new Redis({ port: fixture.doors.redisPort, connectTimeout, retryStrategy: null })
      const pipeline = redis.pipeline()
      for (let i = 0; i < 100; i++) pipeline.set(`scan:${i}`, String(i))
      assert.equal((await pipeline.exec())?.length, 100)
      const bytes = Buffer.from([0, 255, 13, 10, 36])
      await redis.set('bytes', bytes)
      assert.deepEqual(await redis.getBuffer('bytes'), bytes)
      await redis.watch('n')
      assert.deepEqual(await redis.multi().set('n', 1).incr('n').exec(), [
        [null, 'OK'],
        [null, 2],
      ])
      await redis.watch('n')
      const other = redis.duplicate()
      await other.set('n', 10)
      assert.equal(await redis.multi().incr('n').exec(), null)
      const keys = new Set<string>()
      for await (const page of redis.scanStream({ match: 'scan:*', count: 7 }))
        for (const key of page) keys.add(key)
      assert.equal(keys.size, 100)
      await redis.flushall()
      redis.disconnect()
      other.disconnect()
    })

    test('authenticates', async () => {
      const { Redis } = await import(module)
      const redis = new Redis({
        port: locked.doors.redisPort,
        password: 'secret',
        connectTimeout,
        retryStrategy: null,
      })
      assert.equal(await redis.ping(), 'PONG')
      redis.disconnect()
      const wrong = new Redis({
        port: locked.doors.redisPort,
        password: 'nope',
        connectTimeout,
        retryStrategy: null,
        lazyConnect: true,
      })
      wrong.on('error', () => {})
      await assert.rejects(async () => {
        await wrong.connect()
        await wrong.get('k')
      })
      wrong.disconnect()
    })
  })
}

for (const module of ['redis5', 'redis6'] as const) {
  describe(module, () => {
    for (const RESP of [2, 3] as const) {
      test(`RESP${RESP}: connects, names itself, chooses a database, reads, writes, scans`, async () => {
        const { createClient } = await import(module)
        const socket = { port: fixture.doors.redisPort, reconnectStrategy: false as const, connectTimeout }
        const client = createClient({ RESP, name: `${module}-${RESP}`, database: 3, socket, commandOptions })
        await client.connect()
        assert.equal(await client.set('k', 'v'), 'OK')
        assert.deepEqual(await client.mGet(['k', 'nothing']), ['v', null])
        const list = await client.sendCommand(['CLIENT', 'LIST'])
        assert.match(
          clientList(String(list), `${module}-${RESP}`),
          new RegExp(` db=3 .* resp=${RESP} lib-name=node-redis`),
        )
        const replies = await client.multi().set('n', '1').incr('n').get('n').exec()
        assert.deepEqual(replies, ['OK', 2, '2'])
        await Promise.all(Array.from({ length: 50 }, (_, i) => client.set(`scan:${i}`, 'v')))
        let count = 0
        for await (const keys of client.scanIterator({ MATCH: 'scan:*', COUNT: 9 })) count += keys.length
        assert.equal(count, 50)
        await assert.rejects(client.sendCommand(['nosuch']), /ERR unknown command 'nosuch'/)
        await client.flushAll()
        await client.close()
      })
    }

    test('WATCH, and authentication', async () => {
      const { createClient } = await import(module)
      const socket = { port: locked.doors.redisPort, reconnectStrategy: false as const, connectTimeout }
      const client = createClient({ password: 'secret', socket, commandOptions })
      const other = createClient({ password: 'secret', socket, commandOptions })
      await Promise.all([client.connect(), other.connect()])
      await client.watch('w')
      await other.set('w', '1')
      await assert.rejects(client.multi().set('w', '2').exec(), /watched keys/i)
      await Promise.all([client.close(), other.close()])
      const wrong = createClient({ password: 'nope', socket, commandOptions })
      wrong.on('error', () => {})
      await assert.rejects(wrong.connect(), /WRONGPASS/)
    })
  })
}

/** Runs redis-cli, which must be there where CI is. */
function redisCli(args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile('redis-cli', args, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    )
    child.stdin?.end(input)
  })
}

async function hasRedisCli(): Promise<boolean> {
  try {
    await redisCli(['--version'])
    return true
  } catch (error) {
    if (process.env.CI !== undefined) throw error
    return false
  }
}

describe('redis-cli', () => {
  test('one-shot commands, RESP3, scan, pipe', async (t) => {
    if (!(await hasRedisCli())) return t.skip('redis-cli is not installed')
    const port = ['-p', String(fixture.doors.redisPort)]
    assert.equal(await redisCli([...port, 'set', 'mykey', 'Hello, World!']), 'OK\n')
    assert.equal(await redisCli([...port, 'get', 'mykey']), 'Hello, World!\n')
    assert.match(await redisCli([...port, '-3', 'hello', '3']), /server redis\nversion \d/)
    assert.equal(await redisCli([...port, '-n', '3', '--json', '-3', 'mget', 'mykey']), '[null]\n')
    assert.equal(await redisCli([...port, '--scan', '--pattern', 'my*']), 'mykey\n')
    const lines = Array.from({ length: 1_000 }, (_, i) => `SET pipe${i} ${i}\r\n`).join('')
    assert.match(await redisCli([...port, '--pipe'], lines), /errors: 0, replies: 1000/)
    assert.equal(
      await redisCli(['-u', `redis://default:secret@127.0.0.1:${locked.doors.redisPort}`, 'ping']),
      'PONG\n',
    )
    return undefined
  })

  test('an interactive session asks for COMMAND DOCS and gets them', async (t) => {
    if (!(await hasRedisCli())) return t.skip('redis-cli is not installed')
    const output = await redisCli([
      '-3',
      '-p',
      String(fixture.doors.redisPort),
      '--json',
      'command',
      'docs',
      'get',
    ])
    const docs = JSON.parse(output) as Record<string, { summary: string }>
    assert.equal(typeof docs.get?.summary, 'string')
    return undefined
  })
})
