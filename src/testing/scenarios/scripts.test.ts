/**
 * Scripts through real clients against three nodes: redlock 4 and 5 in the uses that their documents show, ioredis'
 * defineCommand, node-redis' defineScript, redis-cli --eval; and what is known after the leader is gone.
 */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { Redis as Redis5 } from 'ioredis5'
import { Redis as Redis6 } from 'ioredis6'
import { createClient, defineScript } from 'redis6'
import { NO_REFUSALS, type TestCluster, withCluster } from '../processes/cluster.ts'
import { PATIENT } from '../processes/load.ts'
import { until } from '../processes/wait.ts'

/** Packages without types. */
const load = createRequire(import.meta.url)
const run = promisify(execFile)
const COMPARE_AND_DELETE =
  "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) else return 0 end"

interface Lock {
  readonly value: string
  readonly expiration: number
  extend(ms: number): Promise<Lock>
  unlock(): Promise<void>
}

interface Redlock {
  lock(resource: string | readonly string[], ms: number): Promise<Lock>
  disposer(resource: string, ms: number, onUnlockError: (error: Error) => void): unknown
  on(event: 'clientError', listener: (error: Error) => void): void
}

interface Lock5 {
  readonly value: string
  extend(ms: number): Promise<Lock5>
  release(): Promise<unknown>
}

interface Redlock5 {
  acquire(resources: readonly string[], ms: number): Promise<Lock5>
  using<T>(
    resources: readonly string[],
    ms: number,
    routine: (signal: AbortSignal & { error?: Error }) => Promise<T>,
  ): Promise<T>
  on(event: 'error', listener: (error: Error) => void): void
}

let cluster: TestCluster
let end: () => void = () => {}
let ended: Promise<void>
const clients: Redis5[] = []

before(async () => {
  await new Promise<void>((ready, failed) => {
    ended = withCluster({ flags: NO_REFUSALS }, (started) => {
      cluster = started
      ready()
      return new Promise<void>((resolve) => {
        end = resolve
      })
    })
    ended.catch(failed)
  })
  for (const node of cluster.nodes) {
    const connection = new Redis5({ port: node.options.redisPort })
    // The one whose node is killed tells of it.
    connection.on('error', () => {})
    clients.push(connection)
  }
  // A new cluster knows scripts once its leader has seen every member.
  for (const each of clients) await until('scripts', () => each.eval('return 1', 0).catch(() => null))
})
after(async () => {
  for (const client of clients) client.disconnect()
  end()
  await ended
})

function client(index: number): Redis5 {
  return clients[index] ?? assert.fail('no such client')
}

function redlock(servers: readonly Redis5[], options: object = {}): Redlock {
  const Redlock = load('redlock')
  return new Redlock([...servers], { retryCount: 0, ...options }) as Redlock
}

function redlock5(server: Redis5, options: object = {}): Redlock5 {
  const { default: Redlock } = load('redlock5')
  const locks = new Redlock([server], { retryCount: 0, ...options }) as Redlock5
  // Contention is told here as well as by the promise.
  locks.on('error', () => {})
  return locks
}

describe('redlock 4', () => {
  test('one client: a lock is held against others, extended, and released', async () => {
    const [mine, others] = [redlock([client(0)]), redlock([client(1)])]
    const lock = await mine.lock('locks:account:322456', 60_000)
    await assert.rejects(others.lock('locks:account:322456', 60_000), /unable to achieve a quorum|exceeded/i)
    const extended = await lock.extend(120_000)
    assert.ok((await client(2).pttl('locks:account:322456')) > 60_000)
    assert.equal(await client(2).get('locks:account:322456'), lock.value)
    await extended.unlock()
    const next = await others.lock('locks:account:322456', 60_000)
    await next.unlock()
    assert.equal(await client(0).exists('locks:account:322456'), 0)
  })

  test('a lock on several resources is all or nothing', async () => {
    const locks = redlock([client(0)])
    const one = await locks.lock('locks:b', 60_000)
    await assert.rejects(locks.lock(['locks:a', 'locks:b'], 60_000))
    assert.equal(await client(0).exists('locks:a'), 0)
    await one.unlock()
    const both = await locks.lock(['locks:a', 'locks:b'], 60_000)
    assert.equal(await client(1).exists('locks:a', 'locks:b'), 2)
    await both.unlock()
    assert.equal(await client(1).exists('locks:a', 'locks:b'), 0)
  })

  test('waiting with retries: contenders come one after the other, and none is lost', async () => {
    let inside = 0
    let most = 0
    let done = 0
    const contend = async (index: number): Promise<void> => {
      const locks = redlock([client(index % 3)], { retryCount: -1, retryDelay: 5, retryJitter: 5 })
      const lock = await locks.lock('locks:contended', 60_000)
      most = Math.max(most, ++inside)
      await client(index % 3).incr('counted')
      inside--
      done++
      await lock.unlock()
    }
    await Promise.all(Array.from({ length: 12 }, (_, index) => contend(index)))
    assert.deepEqual(
      { most, done, counted: await client(0).get('counted') },
      { most: 1, done: 12, counted: '12' },
    )
  })

  test('a lock that was lost cannot be released or extended', async () => {
    const lock = await redlock([client(0)]).lock('locks:lost', 60_000)
    await client(1).set('locks:lost', 'somebody else')
    await assert.rejects(lock.extend(1_000))
    await assert.rejects(lock.unlock())
    assert.equal(await client(2).get('locks:lost'), 'somebody else')
  })

  test('disposer style: the lock is there while it is used, is extended, and goes by itself', async () => {
    const { using } = load('bluebird')
    const key = 'locks:disposed'
    const unlockErrors: Error[] = []
    const disposer = redlock([client(0)]).disposer(key, 60_000, (error) => unlockErrors.push(error))
    const seen = await using(disposer, async (lock: Lock) => {
      await lock.extend(120_000)
      return [await client(1).get(key), lock.value, (await client(2).pttl(key)) > 60_000]
    })
    assert.deepEqual(seen, [seen[1], seen[1], true])
    assert.equal(await client(1).exists(key), 0)
    assert.deepEqual(unlockErrors, [])
  })

  test('several instances, here three databases: a majority decides', async () => {
    const instances = [1, 2, 3].map((db) => new Redis5({ port: cluster.node(db - 1).options.redisPort, db }))
    const [mine, others] = [redlock(instances), redlock(instances)]
    await instances[0]?.set('locks:three', 'in the way')
    const lock = await mine.lock('locks:three', 60_000)
    await assert.rejects(others.lock('locks:three', 60_000))
    await (await lock.extend(90_000)).unlock()
    assert.deepEqual(await Promise.all(instances.map((one) => one.exists('locks:three'))), [1, 0, 0])
    for (const one of instances) one.disconnect()
  })

  test('the nodes of a cluster are one instance: as three they refuse each other', async () => {
    await assert.rejects(redlock(clients).lock('locks:nodes', 60_000))
  })
})

describe('redlock 5', () => {
  test('acquire, extend and release; others are refused until then', async () => {
    const [mine, others] = [redlock5(client(0)), redlock5(client(1))]
    const lock = await mine.acquire(['five:a', 'five:b'], 60_000)
    await assert.rejects(others.acquire(['five:b'], 60_000), { name: 'ExecutionError' })
    const extended = await lock.extend(120_000)
    for (const key of ['five:a', 'five:b']) assert.ok((await client(2).pttl(key)) > 60_000)
    assert.equal(await client(2).get('five:a'), extended.value)
    await extended.release()
    await (await others.acquire(['five:b'], 60_000)).release()
    assert.equal(await client(0).exists('five:a', 'five:b'), 0)
  })

  test('using: the lock is extended for as long as the routine runs, then released', async () => {
    // So that it is extended after a fifth of a second, and a busy machine has a minute.
    const locks = redlock5(client(0), { driftFactor: 0.0001, automaticExtensionThreshold: 59_800 })
    const aborted = await locks.using(['five:used'], 60_000, async (signal) => {
      let last = await client(1).pttl('five:used')
      await until('the lock to be extended', async () => {
        const left = await client(1).pttl('five:used')
        const isExtended = left > last
        last = left
        return isExtended
      })
      return signal.aborted
    })
    assert.equal(aborted, false)
    assert.equal(await client(2).exists('five:used'), 0)
  })

  test('using: a routine whose lock was taken away is told', async () => {
    const locks = redlock5(client(0), { driftFactor: 0.0001, automaticExtensionThreshold: 7_800 })
    const used = locks.using(['five:lost'], 8_000, async (signal) => {
      await client(1).set('five:lost', 'somebody else')
      await until('the routine to be told', () => signal.aborted)
      throw signal.error
    })
    await assert.rejects(used, { name: 'ExecutionError' })
    assert.equal(await client(2).get('five:lost'), 'somebody else')
  })
})

describe('clients with scripts of their own', () => {
  test('ioredis 5 and 6: defineCommand sends EVALSHA, and EVAL once', async () => {
    const port = cluster.node(0).options.redisPort
    for (const connection of [new Redis5({ port }), new Redis6({ port })]) {
      connection.defineCommand('addAndEcho', {
        numberOfKeys: 1,
        lua: "return {redis.call('incrby', KEYS[1], ARGV[1]), ARGV[2]}",
      })
      const { addAndEcho } = connection as unknown as {
        addAndEcho(key: string, by: number, text: string): Promise<unknown>
      }
      await connection.del('sum')
      assert.deepEqual(await addAndEcho.call(connection, 'sum', 5, 'a'), [5, 'a'])
      assert.deepEqual(await addAndEcho.call(connection, 'sum', 6, 'b'), [11, 'b'])
      connection.disconnect()
    }
  })

  test('node-redis: defineScript, scriptLoad and evalSha', async () => {
    const connection = createClient({
      socket: { port: cluster.node(1).options.redisPort },
      commandOptions: PATIENT,
      scripts: {
        compareAndDelete: defineScript({
          SCRIPT: COMPARE_AND_DELETE,
          NUMBER_OF_KEYS: 1,
          parseCommand: (parser, key: string, value: string) => {
            parser.pushKey(key)
            parser.push(value)
          },
          transformReply: (reply: unknown) => reply === 1,
        }),
      },
    })
    await connection.connect()
    await connection.set('held', 'token')
    assert.equal(await connection.compareAndDelete('held', 'other'), false)
    assert.equal(await connection.compareAndDelete('held', 'token'), true)
    const sha = await connection.scriptLoad('return {KEYS[1], ARGV[1]}')
    assert.deepEqual(await connection.evalSha(sha, { keys: ['k'], arguments: ['a'] }), ['k', 'a'])
    connection.destroy()
  })

  test('redis-cli --eval', {
    skip: existsSync('/usr/bin/redis-cli') ? false : 'redis-cli is not installed',
  }, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'kvorum-script-'))
    const file = join(folder, 'script.lua')
    await writeFile(file, "redis.call('set', KEYS[1], ARGV[1])\nreturn {redis.call('get', KEYS[1]), #ARGV}\n")
    const port = String(cluster.node(2).options.redisPort)
    const { stdout } = await run('redis-cli', ['-p', port, '--eval', file, 'cli', ',', 'one', 'two'], {
      timeout: 120_000,
    })
    assert.equal(stdout, 'one\n2\n')
    await rm(folder, { recursive: true })
  })

  test('COMMAND GETKEYS finds the keys of a script', async () => {
    assert.deepEqual(await client(0).call('COMMAND', 'GETKEYS', 'EVAL', 'return 1', '2', 'a', 'b', 'c'), [
      'a',
      'b',
    ])
  })
})

test('a script in MULTI, its error among the replies', async () => {
  const replies = await client(0)
    .multi()
    .set('m', '1')
    .eval("return redis.call('incr', KEYS[1])", 1, 'm')
    .eval("return redis.call('nosuch')", 0)
    .exec()
  assert.deepEqual(replies?.slice(0, 2), [
    [null, 'OK'],
    [null, 2],
  ])
  assert.match(String(replies?.[2]?.[0]), /Unknown Redis command called from script/)
})

test('a script that was loaded is known at every node, and still after the leader was killed', async () => {
  const sha = String(await client(0).script('LOAD', "return redis.call('incr', KEYS[1])"))
  for (const [index, connection] of clients.entries()) {
    assert.equal(await connection.evalsha(sha, 1, 'loaded'), index + 1)
  }
  const leader = await cluster.leader()
  const survivors = clients.filter((_, index) => cluster.nodes[index] !== leader)
  await leader.kill()
  const [survivor = assert.fail('nobody is left')] = survivors
  const value = await until('the script to run again', () =>
    survivor.evalsha(sha, 1, 'loaded').catch(() => null),
  )
  assert.ok(Number(value) >= 4)
  leader.start()
  await leader.ready()
})
