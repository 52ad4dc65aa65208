/**
 * The same random commands through the engine and through a real redis-server: replies must be equal to the
 * byte. Time differs between the two by the milliseconds between their clocks, so expiries are far away or
 * past, and times left are compared in seconds. Known differences, which no command here reaches: expiries
 * beyond 2^53 ms are refused here, and DBSIZE counts due keys until their expire command applies.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { SeededRandom } from '../lib/random.ts'
import { EngineClient, type Word } from '../testing/engine-client.ts'
import { MapStore } from '../testing/map-store.ts'
import { findRedisServer, type RedisServer, startRedisServer } from '../testing/redis-server.ts'
import { globMatches } from './glob.ts'

const COMMANDS = 6_000
const SEEDS = [1, 2, 3]
const path = findRedisServer()
const skip = path === null && process.env.CI === undefined ? 'redis-server is not installed' : false

const KEYS = ['a', 'b', 'c', 'counter', '', 'k\0\r\n\xff', 'long'.repeat(50)]
const NUMBERS = [
  '0',
  '1',
  '-1',
  '7',
  '100',
  '-0',
  '01',
  '+1',
  ' 1',
  '1 ',
  '1.5',
  'x',
  '',
  '9007199254740991',
  '9007199254740993',
  '-9007199254740993',
  '1000000000000000',
  '999999999999999',
  '9223372036854775807',
  '9223372036854775806',
  '9223372036854775808',
  '-9223372036854775808',
  '-9223372036854775807',
  '-9223372036854775809',
  '123456789012345678901234567890',
]
const ODD_DURATIONS = ['0', '-1', '-9223372036854775', 'x', '1.5', '9223372036854775807']
const ODD_TIMES = ['1', '0', '-5', 'nan']
const FAR_SECONDS = '99999999999'
const FAR_MILLISECONDS = '99999999999999'
/** Commands with any number of arguments. DBSIZE comes without: what it counts differs. */
const NAMES = [
  'GET',
  'SET',
  'MSET',
  'INCR',
  'INCRBY',
  'EXPIRE',
  'PERSIST',
  'FLUSHALL',
  'TTL',
  'EXISTS',
  'MGET',
  'TYPE',
]
const EXPIRE_FLAGS = ['NX', 'XX', 'GT', 'LT', 'gt', 'nope']

class Script {
  readonly #random: SeededRandom

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.#random.below(items.length)] as T
  }

  times<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.#random.below(most + 1) }, make)
  }

  value(): string {
    return this.#random.below(2) === 0 ? this.pick(NUMBERS) : `v${this.#random.below(1000)}`
  }

  /**
   * Far enough away that a slow machine does not see the key go, and hardly ever within seconds of another
   * one: the two clocks must not decide what GT and LT say.
   */
  duration(inSeconds: boolean): string {
    if (this.#random.below(3) === 0) return this.pick(ODD_DURATIONS)
    const seconds = 1_000 + 20 * this.#random.below(100_000)
    return String(inSeconds ? seconds : seconds * 1_000)
  }

  setOption(): string[] {
    const word = this.pick(['NX', 'XX', 'GET', 'KEEPTTL', 'EX', 'PX', 'EXAT', 'PXAT', 'nx', 'Ex', 'bad'])
    if (this.#random.below(12) === 0) return [word]
    if (/^[ep]x$/i.test(word)) return [word, this.duration(/^e/i.test(word))]
    if (!word.endsWith('AT')) return [word]
    const far = word === 'EXAT' ? FAR_SECONDS : FAR_MILLISECONDS
    return [word, this.#random.below(3) === 0 ? this.pick(ODD_TIMES) : far]
  }

  command(): Word[] {
    const key = () => this.pick(KEYS)
    const makers: (() => Word[])[] = [
      () => ['GET', key()],
      () => ['SET', key(), this.value()],
      () => ['SET', key(), this.value(), ...this.times(2, () => this.setOption()).flat()],
      () => ['DEL', key(), ...this.times(2, key)],
      () => ['EXISTS', key(), ...this.times(2, key)],
      () => [this.pick(['INCR', 'DECR', 'incr']), key()],
      () => [this.pick(['INCRBY', 'DECRBY']), key(), this.pick(NUMBERS)],
      () => ['MGET', key(), ...this.times(3, key)],
      () => ['MSET', key(), this.value(), ...this.times(3, key)],
      () => [
        ...this.pick([
          () => ['EXPIRE', key(), this.duration(true)],
          () => ['PEXPIRE', key(), this.duration(false)],
        ])(),
        ...this.times(2, () => this.pick(EXPIRE_FLAGS)),
      ],
      () => ['TTL', key()],
      () => ['PERSIST', key()],
      () => ['TYPE', key()],
      () =>
        this.#random.below(20) === 0
          ? ['FLUSHALL', ...this.times(1, () => this.pick(['SYNC', 'ASYNC', 'NO']))]
          : ['TTL', key()],
      () => [this.pick(NAMES), ...this.times(4, key)],
    ]
    return this.pick(makers)()
  }
}

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
      const script = new Script(seed)
      const client = new EngineClient(
        new MapStore({ random: new SeededRandom(seed), missShare: 0.1 }),
        Date.now(),
      )
      const commands = Array.from({ length: COMMANDS }, () => script.command())
      const expected = await Promise.all(commands.map((words) => redis.client.text(...words)))
      for (const [i, words] of commands.entries()) {
        const actual = client.run(...words)
        assertSame(
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
    const script = new Script(12)
    const client = new EngineClient(new MapStore({ random, missShare: 0.2 }), Date.now())
    await redis.client.command('FLUSHALL')
    for (let round = 0; round < 200; round++) {
      const commands = script.times(6, () => script.command()).filter((words) => isQueued(client, words))
      const replies = [redis.client.text('MULTI'), ...commands.map((words) => redis.client.text(...words))]
      const expected = await redis.client.text('EXEC')
      await Promise.all(replies)
      assertSame(client.transaction(commands), expected, true, () => JSON.stringify(commands))
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

const TIMES_LEFT = /:(\d{4,11})\r\n/g

/** Equal bytes, or equal but for times left in seconds where `times` says that there are some. */
function assertSame(actual: string, expected: string, times: boolean, what: () => string): void {
  if (actual === expected) return
  const numbers = (text: string) => [...text.matchAll(TIMES_LEFT)].map((match) => Number(match[1]))
  assert.equal(
    times ? actual.replace(TIMES_LEFT, ':T') : actual,
    times ? expected.replace(TIMES_LEFT, ':T') : expected,
    what(),
  )
  const others = numbers(expected)
  for (const [i, number] of numbers(actual).entries()) {
    assert(Math.abs(number - (others[i] as number)) <= 5, `${what()}: ${actual} is not near ${expected}`)
  }
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
