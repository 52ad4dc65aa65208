/**
 * Libraries that stand on Redis, unmodified, in the uses that their own documentation shows, against a real node; those
 * that need scripts are in scripts.test.ts.
 */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import KeyvRedis, { createClient, createKeyv, type RedisClientConnectionType } from '@keyv/redis'
import { createCache } from 'cache-manager'
import { RedisStore } from 'connect-redis'
import { Redis as Redis5 } from 'ioredis5'
import { Redis as Redis6 } from 'ioredis6'
import { Keyv } from 'keyv'
import { createClient as createClient5 } from 'redis5'
import { createClient as createClient6 } from 'redis6'
import { createStorage } from 'unstorage'
import redisDriver from 'unstorage/drivers/redis'
import { type TestCluster, withCluster } from '../processes/cluster.ts'
import { PATIENT } from '../processes/load.ts'
import { until } from '../processes/wait.ts'

/** Packages without types. */
const load = createRequire(import.meta.url)

let cluster: TestCluster
let port = 0
let end: () => void = () => {}
let ended: Promise<void>
before(async () => {
  await new Promise<void>((ready, failed) => {
    ended = withCluster({ size: 1 }, (started) => {
      cluster = started
      port = started.node(0).options.redisPort
      ready()
      return new Promise<void>((resolve) => {
        end = resolve
      })
    })
    ended.catch(failed)
  })
})
after(async () => {
  end()
  await ended
})

function url(database = 0): string {
  return `redis://127.0.0.1:${port}/${database}`
}

describe('keyv with @keyv/redis', () => {
  test('values, time to live, namespaces, many at once, iteration, clear', async () => {
    const users = new Keyv({ store: new KeyvRedis(url(1)), namespace: 'users' })
    const cache = new Keyv({ store: new KeyvRedis(url(1)), namespace: 'cache' })
    assert.equal(await users.set('foo', { name: 'Ann' }), true)
    assert.equal(await cache.set('foo', 'cache'), true)
    assert.deepEqual(await users.get('foo'), { name: 'Ann' })
    assert.equal(await users.set('brief', 1, 50), true)
    await until('the key to expire', async () => (await users.get('brief')) === undefined)
    assert.equal(await users.has('foo'), true)
    assert.equal(await users.delete('nothing'), false)
    await users.setMany([
      { key: 'a', value: 1 },
      { key: 'b', value: 2 },
    ])
    assert.deepEqual(await users.getMany(['a', 'b', 'c']), [1, 2, undefined])
    const found: string[] = []
    for await (const [key] of users.iterator?.({}) ?? []) found.push(String(key))
    assert.deepEqual(found.sort(), ['a', 'b', 'foo'])
    await users.clear()
    assert.equal(await users.get('foo'), undefined)
    assert.equal(await cache.get('foo'), 'cache')
    await Promise.all([users.disconnect(), cache.disconnect()])
  })

  test('createKeyv, a client of its own, and every option that its documentation names', async (t) => {
    const options = { namespace: 'test', keyPrefixSeparator: '->', clearBatchSize: 2, useUnlink: true }
    const client = createClient({ url: url(5) }) as RedisClientConnectionType
    const [created, given] = [createKeyv(url(5), options), new Keyv(new KeyvRedis(client))]
    await created.setMany(Array.from({ length: 7 }, (_, i) => ({ key: `k${i}`, value: i })))
    await given.set('stands apart', 1)
    const raw = new Redis5(url(5))
    t.after(() => raw.disconnect())
    t.after(() => Promise.all([created, given].map((one) => one.disconnect())))
    assert.equal(await raw.exists('test->k0', 'test->k6'), 2)
    assert.deepEqual(await created.hasMany(['k0', 'none']), [true, false])
    assert.equal(await created.deleteMany(['k0', 'k1']), true)
    assert.equal((await created.getRaw('k2'))?.value, 2)
    await created.clear()
    assert.deepEqual(await raw.keys('test->*'), [])
    assert.equal(await given.get('stands apart'), 1)

    const everything = createKeyv(url(5), { noNamespaceAffectsAll: true })
    t.after(() => everything.disconnect())
    await everything.clear()
    assert.equal(await raw.dbsize(), 0)
  })
})

describe('cache-manager', () => {
  test('set, get, wrap, many at once, time to live', async () => {
    const cache = createCache({ stores: [new Keyv({ store: new KeyvRedis(url(2)) })] })
    await cache.set('foo', 'bar')
    assert.equal(await cache.get('foo'), 'bar')
    let calls = 0
    const slow = () => {
      calls++
      return { answer: 42 }
    }
    assert.deepEqual(await cache.wrap('answer', slow, 60_000), { answer: 42 })
    assert.deepEqual(await cache.wrap('answer', slow, 60_000), { answer: 42 })
    assert.equal(calls, 1)
    await cache.mset([
      { key: 'k1', value: 1 },
      { key: 'k2', value: 2, ttl: 60_000 },
    ])
    assert.deepEqual(await cache.mget(['k1', 'k2', 'k3']), [1, 2, undefined])
    assert.ok(((await cache.ttl('k2')) ?? 0) > Date.now())
    await cache.del('foo')
    assert.equal(await cache.get('foo'), undefined)
    await cache.mdel(['k2', 'k3'])
    assert.equal(await cache.get('k2'), undefined)
    await cache.clear()
    assert.equal(await cache.get('k1'), undefined)
    await cache.disconnect()
  })

  test('two stores, one above the other: what the first has lost the second gives, and both are iterated', async () => {
    const [memory, redis] = [new Keyv(), createKeyv(url(6), { namespace: 'layered' })]
    const cache = createCache({ stores: [memory, redis], ttl: 600_000 })
    await cache.mset([
      { key: 'key-1', value: 'value 1' },
      { key: 'key-2', value: 'value 2' },
    ])
    await memory.clear()
    assert.equal(await cache.get('key-1'), 'value 1')
    const found: unknown[] = []
    for await (const entry of cache.stores[1]?.iterator?.({}) ?? []) found.push(entry)
    assert.deepEqual(found.sort(), [
      ['key-1', 'value 1'],
      ['key-2', 'value 2'],
    ])
    await cache.disconnect()
  })

  test('wrap refreshes in the background what has less time left than its threshold, and tells of it', async () => {
    const cache = createCache({ stores: [createKeyv(url(6), { namespace: 'wrapped' })] })
    const refreshed = new Promise((resolve) => cache.on('refresh', resolve))
    assert.equal(await cache.wrap('key', () => 1, 600_000, 1), 1)
    const raw = await cache.wrap('key', () => 2, { ttl: 600_000, refreshThreshold: 1, raw: true })
    assert.equal(raw?.value, 1)
    assert.ok((raw?.expires ?? 0) > Date.now())
    assert.equal(await cache.wrap('key', () => 2, 600_000, 3_600_000), 1)
    await refreshed
    assert.equal(await until('the new value', async () => (await cache.get<number>('key')) === 2), true)
    const fails = cache.wrap('error', () => Promise.reject(new Error('failed')))
    await assert.rejects(fails, /failed/)
    await cache.disconnect()
  })
})

describe("unstorage's redis driver", () => {
  test('items, metadata of keys, removal, a base', async () => {
    const storage = createStorage({ driver: redisDriver({ base: 'unstorage', url: url(3), ttl: 1_000 }) })
    await storage.setItem('dir:one', { a: 1 })
    await storage.setItemRaw('dir:raw', 'text')
    assert.deepEqual(await storage.getItem('dir:one'), { a: 1 })
    assert.equal(await storage.hasItem('dir:one'), true)
    assert.deepEqual((await storage.getKeys('dir')).sort(), ['dir:one', 'dir:raw'])
    assert.deepEqual(
      (await storage.getItems(['dir:one', 'dir:none'])).map(({ value }) => value),
      [{ a: 1 }, null],
    )
    await storage.removeItem('dir:one')
    assert.equal(await storage.getItem('dir:one'), null)
    await storage.clear()
    assert.deepEqual(await storage.getKeys(), [])
    await storage.dispose()
  })

  test('a time to live of its own, a driver mounted at a base, and more keys than one page of SCAN', async (t) => {
    const storage = createStorage({ driver: redisDriver({ url: url(7) }) })
    storage.mount('many', redisDriver({ base: 'many', url: url(7), scanCount: 10 }))
    const raw = new Redis5(url(7))
    t.after(() => raw.disconnect())
    t.after(() => storage.dispose())
    await storage.setItem('brief', 'x', { ttl: 500 })
    assert.ok((await raw.ttl('brief')) > 400)
    await Promise.all(Array.from({ length: 60 }, (_, i) => storage.setItem(`many:${i}`, i)))
    await storage.setItem('many*', 'its name is no pattern')
    assert.equal((await storage.getKeys('many')).length, 60)
    await storage.clear('many')
    assert.deepEqual((await storage.getKeys()).sort(), ['brief', 'many*'])
  })
})

describe('connect-redis with express-session', () => {
  test('a session is kept between requests, counted, listed and destroyed', async () => {
    const client = createClient5({ url: url(4) })
    await client.connect()
    const store = new RedisStore({ client, prefix: 'app:', ttl: 1_000 })
    const server = await serve(store)
    const { port: webPort } = server.address() as AddressInfo
    const first = await fetch(`http://127.0.0.1:${webPort}/`)
    assert.equal(await first.text(), '1')
    const cookie = first.headers.get('set-cookie')?.split(';')[0] ?? ''
    const again = await fetch(`http://127.0.0.1:${webPort}/`, { headers: { cookie } })
    assert.equal(await again.text(), '2')
    assert.equal((await store.ids()).length, 1)
    assert.equal(await store.length(), 1)
    assert.ok((await client.ttl((await client.keys('app:*'))[0] ?? '')) > 500)
    assert.equal(
      await (await fetch(`http://127.0.0.1:${webPort}/leave`, { headers: { cookie } })).text(),
      'bye',
    )
    assert.equal(await store.length(), 0)
    server.closeAllConnections()
    server.close()
    await client.close()
  })

  test("the store's own calls: touch, all, clear; a time to live by session, none at all, another form", async () => {
    const client = createClient6({ url: url(8) })
    await client.connect()
    const serializer = { stringify: (value: object) => `v1${JSON.stringify(value)}`, parse: parseV1 }
    const ttl = (session: { days?: number }): number => (session.days ?? 1) * 86_400
    const store = new RedisStore({ client, prefix: 'own:', scanCount: 5, ttl, serializer })
    const session = { cookie: { originalMaxAge: null }, days: 7 }
    for (let i = 0; i < 20; i++) await store.set(`s${i}`, session)
    assert.ok((await client.ttl('own:s0')) > 6 * 86_400)
    await client.expire('own:s0', 10)
    await store.touch('s0', session)
    assert.ok((await client.ttl('own:s0')) > 6 * 86_400)
    const all = (await store.all()) as { id: string; days: number }[]
    assert.equal(new Set(all.map(({ id }) => id)).size, 20)
    assert.ok(all.every(({ days }) => days === 7))
    await new RedisStore({ client, prefix: 'kept:', disableTTL: true }).set('s', session)
    assert.equal(await client.ttl('kept:s'), -1)
    await store.clear()
    assert.equal(await store.length(), 0)
    assert.equal(await client.exists('kept:s'), 1)
    await client.close()
  })
})

function parseV1(text: string): { cookie: { originalMaxAge: null } } {
  assert.ok(text.startsWith('v1'))
  return JSON.parse(text.slice(2))
}

interface Visit {
  readonly session: { visits?: number; destroy(done: () => void): void }
}

function serve(store: RedisStore): Promise<Server> {
  const express = load('express')
  const session = load('express-session')
  const app = express()
  app.use(session({ store, resave: false, saveUninitialized: false, secret: 'keyboard cat' }))
  app.get('/', (request: Visit, response: { send(text: string): void }) => {
    request.session.visits = (request.session.visits ?? 0) + 1
    response.send(String(request.session.visits))
  })
  app.get('/leave', (request: Visit, response: { send(text: string): void }) =>
    request.session.destroy(() => response.send('bye')),
  )
  return new Promise((resolve) => {
    const server = createServer(app)
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}

describe('locks', () => {
  test('a lock without scripts: SET NX PX to take it, WATCH and MULTI to release it', async () => {
    const client = new Redis6({ port })
    assert.equal(await client.set('lock', 'token', 'PX', 600_000, 'NX'), 'OK')
    assert.equal(await client.set('lock', 'other', 'PX', 600_000, 'NX'), null)
    await client.watch('lock')
    assert.equal(await client.get('lock'), 'token')
    assert.deepEqual(await client.multi().del('lock').exec(), [[null, 1]])
    client.disconnect()
  })
})

describe('reconnecting', () => {
  test('ioredis 5 and 6, node-redis 5 and 6 go on after their node was killed and started again', async () => {
    const [io5, io6] = [
      new Redis5({ port, retryStrategy: () => 50 }),
      new Redis6({ port, retryStrategy: () => 50 }),
    ]
    const socket = { port, reconnectStrategy: () => 50 }
    const [five, six] = [createClient5({ socket }), createClient6({ socket, commandOptions: PATIENT })]
    io5.on('error', () => {})
    io6.on('error', () => {})
    five.on('error', () => {})
    six.on('error', () => {})
    await Promise.all([five.connect(), six.connect()])
    const all: ((key: string) => Promise<unknown>)[] = [
      (key) => io5.incr(key),
      (key) => io6.incr(key),
      (key) => five.incr(key),
      (key) => six.incr(key),
    ]
    for (const [i, incr] of all.entries()) assert.equal(await incr(`again:${i}`), 1)
    const node = cluster.node(0)
    await node.kill()
    node.start()
    await node.ready()
    for (const [i, incr] of all.entries()) {
      const value = await until('an answer', () => incr(`again:${i}`).catch(() => null))
      assert.equal(value, 2)
    }
    io5.disconnect()
    io6.disconnect()
    five.destroy()
    six.destroy()
  })
})
