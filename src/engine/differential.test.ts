/**
 * The same random commands through the engine and through a real redis-server: replies must be equal to the
 * byte. Time differs between the two by the milliseconds between their clocks, so expiries are far away or
 * past, and times left are compared in seconds. Known differences, which no command here reaches: expiries
 * beyond 2^53 ms are refused here, and DBSIZE counts due keys until their expire command applies.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { SeededRandom } from '../lib/random.ts'
import { assertSameReply, CommandScript } from '../testing/engine/command-script.ts'
import { EngineClient, type Word } from '../testing/engine/engine-client.ts'
import { findRedisServer, type RedisServer, startRedisServer } from '../testing/redis-server.ts'
import { MapStore } from '../testing/storage/map-store.ts'
import { globMatches } from './glob.ts'

const COMMANDS = 6_000
const SEEDS = [1, 2, 3]
const path = findRedisServer()
const skip = path === null && process.env.CI === undefined ? 'redis-server is not installed' : false

describe('the engine answers as redis-server does', { skip }, () => {
  let redis: RedisServer

  before(async () => {
    assert(path !== null, 'redis-server is not installed; in CI this test must not be skipped')
    redis = await startRedisServer(path)
  })

  after(() => redis?.stop())

  for (const seed of SEEDS) {
    test(`to ${COMMANDS} random commands of seed ${seed}`, async () => {
      await redis.client.command('FLUSHALL')
      const script = new CommandScript(seed)
      const client = new EngineClient(
        new MapStore({ random: new SeededRandom(seed), missShare: 0.1 }),
        Date.now(),
      )
      const commands = Array.from({ length: COMMANDS }, () => script.command())
      const expected = await Promise.all(commands.map((words) => redis.client.text(...words)))
      for (const [i, words] of commands.entries()) {
        const actual = client.run(...words)
        assertSameReply(
          actual,
          expected[i] as string,
          words[0] === 'TTL',
          () => `seed ${seed}, command ${i}: ${JSON.stringify(words)}`,
        )
      }
    })
  }

  test('to glob patterns', async () => {
    const random = new SeededRandom(7)
    const alphabet = ['a', 'b', 'c', '-', ']', '[', '^', '*', '?', '\\', '\x80', '\xff']
    const text = (most: number) =>
      Array.from({ length: random.below(most) }, () => alphabet[random.below(12)]).join('')
    const keys = [...new Set(['', 'a', 'ab', 'abc', ...Array.from({ length: 150 }, () => text(5))])]
    await redis.client.command('FLUSHALL')
    await redis.client.command('MSET', ...keys.flatMap((key) => [key, '1']))
    for (let i = 0; i < 2_000; i++) {
      const pattern = text(8)
      if (pattern === '*') continue
      const found = parseArray(await redis.client.command('KEYS', pattern))
      const matching = keys.filter((key) =>
        globMatches(Buffer.from(pattern, 'latin1'), Buffer.from(key, 'latin1')),
      )
      assert.deepEqual(matching.sort(), found.sort(), `pattern ${JSON.stringify(pattern)}`)
    }
  })

  test('to transactions, errors inside them included', async () => {
    const random = new SeededRandom(11)
    const script = new CommandScript(12)
    const client = new EngineClient(new MapStore({ random, missShare: 0.2 }), Date.now())
    await redis.client.command('FLUSHALL')
    for (let round = 0; round < 200; round++) {
      const commands = script.times(6, () => script.command()).filter((words) => isQueued(client, words))
      const replies = [redis.client.text('MULTI'), ...commands.map((words) => redis.client.text(...words))]
      const expected = await redis.client.text('EXEC')
      await Promise.all(replies)
      assertSameReply(client.transaction(commands), expected, true, () => JSON.stringify(commands))
    }
  })
})

/** A door refuses what has a wrong number of arguments before it is queued. */
function isQueued(client: EngineClient, words: Word[]): boolean {
  const command = client.command(...words)
  if (command === null) return false
  const { arity } = command.spec
  return arity < 0 ? words.length >= -arity : words.length === arity
}

/** The strings of an array of strings. */
function parseArray(reply: Buffer): string[] {
  const found: string[] = []
  for (let at = reply.indexOf('\r\n') + 2; at < reply.length; ) {
    const line = reply.indexOf('\r\n', at)
    const end = line + 2 + Number(reply.toString('latin1', at + 1, line))
    found.push(reply.toString('latin1', line + 2, end))
    at = end + 2
  }
  return found
}
