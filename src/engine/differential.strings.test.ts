/**
 * Random commands on strings, bits, keys and databases through the engine and through a real redis-server of
 * 7.0, whose values are limited as ours: replies must be equal to the byte. What differs, and why:
 *
 * - BITCOUNT and BITPOS of an absent key: 7.2, as here, refuses wrong ranges; 7.0 does not look at them.
 * - OBJECT ENCODING follows from the value alone here, so 'raw' of a short string that was changed in place is
 *   'embstr'; OBJECT REFCOUNT is always 1; OBJECT IDLETIME counts from the last change: compared on their own.
 * - LCS of strings whose table is too large: our limit is smaller (R20).
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { SeededRandom } from '../lib/random.ts'
import { limits } from '../protocol/limits.ts'
import { EngineClient, type Word } from '../testing/engine/engine-client.ts'
import { StringScript } from '../testing/engine/string-script.ts'
import { findRedisServer, type RedisServer, startRedisServer } from '../testing/redis-server.ts'
import { MapStore } from '../testing/storage/map-store.ts'
import { commandTable } from './command-table.ts'

const COMMANDS = 6_000
const SEEDS = [1, 2, 3]
const TRANSACTIONS = 200
const SUMS = 3_000
/** Names that Redis does not know. */
const OWN_NAMES = ['delete']
/** One of the two may stand still for a while; durations differ by more (string-script.ts, #duration). */
const SECONDS_APART = 19
const path = findRedisServer()
const skip = path === null && process.env.CI === undefined ? 'redis-server is not installed' : false

describe('the engine answers as redis-server does', { skip }, () => {
  let redis: RedisServer

  before(async () => {
    assert(path !== null, 'redis-server is not installed; in CI this test must not be skipped')
    redis = await startRedisServer(path, ['--proto-max-bulk-len', String(limits.valueBytes)])
  })

  after(() => redis?.stop())

  async function start(seed: number): Promise<EngineClient> {
    await redis.client.command('FLUSHALL')
    await redis.client.command('SELECT', 0)
    return new EngineClient(new MapStore({ random: new SeededRandom(seed), missShare: 0.1 }), Date.now())
  }

  async function compareAll(client: EngineClient, commands: readonly Word[][]): Promise<void> {
    const expected = await Promise.all(commands.map((words) => redis.client.text(...words)))
    for (const [i, words] of commands.entries()) {
      if (words[0] === 'SELECT') client.database = Number(words[1])
      else assertSame(words, client.run(...words), expected[i] as string, i)
    }
  }

  for (const seed of SEEDS) {
    test(`to ${COMMANDS} random commands on strings, bits, keys and databases of seed ${seed}`, async () => {
      const script = new StringScript(seed)
      const commands = Array.from({ length: COMMANDS }, () => {
        return script.below(20) === 0 ? ['SELECT', script.database()] : script.command()
      })
      await compareAll(await start(seed), commands)
    })
  }

  test(`to ${SUMS} sums of decimal numbers`, async () => {
    const script = new StringScript(17)
    const commands: Word[][] = []
    for (let i = 0; i < SUMS; i++) {
      if (script.below(3) === 0) commands.push(['SET', 'n', script.float()])
      commands.push(['INCRBYFLOAT', 'n', script.float()])
    }
    await compareAll(await start(17), commands)
  })

  test('to transactions that move, swap and flush', async () => {
    const script = new StringScript(23)
    const client = await start(23)
    for (let round = 0; round < TRANSACTIONS; round++) {
      const commands = script.times(6, () => script.command()).filter((words) => isQueued(client, words))
      const sent = [redis.client.text('MULTI'), ...commands.map((words) => redis.client.text(...words))]
      const expected = await redis.client.text('EXEC')
      await Promise.all(sent)
      const actual = client.transaction(commands)
      if (commands.some(isTimed)) continue
      if (commands.some((words) => isLenient(words)) && actual.length !== expected.length) continue
      assert.equal(resp2(actual), expected, JSON.stringify(commands))
    }
    const keys = ['a', 'b', 'c', 'd', 'n', '\0\xff']
    await compareAll(
      client,
      [0, 1, 2, 3].flatMap((database) => [
        ['SELECT', database],
        ['MGET', ...keys],
      ]),
    )
  })

  test('where strings end', async () => {
    const last = limits.valueBytes - 1
    await compareAll(await start(1), [
      ['SETRANGE', 'a', last, 'x'],
      ['STRLEN', 'a'],
      ['APPEND', 'a', 'x'],
      ['APPEND', 'a', ''],
      ['SETRANGE', 'a', last, 'xy'],
      ['SETRANGE', 'a', last + 1, 'x'],
      ['SETRANGE', 'a', last + 1, ''],
      ['SETRANGE', 'b', '9223372036854775807', 'x'],
      ['BITCOUNT', 'a'],
      ['BITPOS', 'a', '1'],
      ['SETBIT', 'b', limits.valueBytes * 8, '1'],
      ['SETBIT', 'b', limits.valueBytes * 8 - 1, '1'],
      ['GETBIT', 'b', limits.valueBytes * 8 - 1],
      ['BITPOS', 'b', '1'],
      ['BITFIELD', 'b', 'GET', 'u8', `#${last}`],
      ['BITFIELD', 'b', 'GET', 'u8', `#${last + 1}`],
      ['BITOP', 'XOR', 'c', 'a', 'b'],
      ['BITCOUNT', 'c'],
    ])
  })

  test('to dumps, but for the version and the compression that Redis may choose', async () => {
    const random = new SeededRandom(29)
    const client = await start(29)
    const values = ['', '-128', '40000', '2147483648', '99999999999', 'ab'.repeat(500), 'x'.repeat(20_000)]
    for (let i = 0; i < 100; i++) values.push(random.bytes(random.below(300)).toString('latin1'))
    for (const value of values) {
      await redis.client.command('SET', 'a', value)
      client.run('SET', 'a', value)
      const theirs = payloadOf(await redis.client.text('DUMP', 'a'))
      const ours = payloadOf(client.run('DUMP', 'a'))
      if (ours.length === theirs.length) assert.equal(ours.slice(0, -10), theirs.slice(0, -10))
      assert.equal(client.run('RESTORE', 'b', '0', theirs, 'REPLACE'), '+OK\r\n')
      assert.equal(client.run('GET', 'b'), client.run('GET', 'a'))
    }
  })

  test('when asked for arity, flags, keys and categories of a command', async () => {
    for (const row of commandTable.values()) {
      if (OWN_NAMES.includes(row.name)) continue
      const lines = (await redis.client.text('COMMAND', 'INFO', row.name)).split('\r\n')
      const flags = lines.indexOf(`:${row.arity}`) + 2
      const keys = flags + Number(lines[flags - 1]?.slice(1))
      const categories = keys + 4
      const names = (from: number, count: number) =>
        lines.slice(from, from + count).map((line) => line.slice(1))
      assert.deepEqual(names(flags, keys - flags).sort(), [...row.flags].sort(), row.name)
      assert.deepEqual(names(keys, 3).map(Number), row.keys, row.name)
      const count = Number(lines[categories - 1]?.slice(1))
      assert.deepEqual(names(categories, count).sort(), [...row.categories].sort(), row.name)
    }
  })

  test('to OBJECT, where the answer follows from the value', async () => {
    const values = [
      '',
      '1',
      '-1',
      '9223372036854775807',
      '9223372036854775808',
      '01',
      'x'.repeat(44),
      'x'.repeat(45),
    ]
    await compareAll(await start(1), [
      ...values.flatMap((value) => [
        ['SET', 'a', value],
        ['OBJECT', 'ENCODING', 'a'],
        ['OBJECT', 'FREQ', 'a'],
      ]),
      ['OBJECT', 'REFCOUNT', 'a'],
      ...['ENCODING', 'REFCOUNT', 'IDLETIME', 'FREQ'].map((sub) => ['OBJECT', sub, 'none']),
      ['OBJECT', 'ENCODING'],
      ['OBJECT', 'HELP', 'a'],
    ])
  })
})

function assertSame(words: readonly Word[], actual: string, expected: string, at: number): void {
  const what = `command ${at}: ${JSON.stringify(words)}`
  if (isLenient(words) && actual.startsWith('-ERR') && /^:(0|-1)\r/.test(expected)) return
  if (!isTimed(words)) return assert.equal(resp2(actual), expected, what)
  const most = String(words[0]).startsWith('P') ? SECONDS_APART * 1000 : SECONDS_APART
  const apart = Math.abs(Number(actual.slice(1)) - Number(expected.slice(1)))
  assert(apart <= most, `${what}: ${actual} is not near ${expected}`)
}

/** The bytes of a string. */
function payloadOf(reply: string): string {
  return reply.slice(reply.indexOf('\n') + 1, -2)
}

/** Replies that tell a time. */
function isTimed(words: readonly Word[]): boolean {
  return /^P?(TTL|EXPIRETIME)$/.test(String(words[0])) && words.length === 2
}

/** Commands that 7.0 answers without looking at all of their arguments when the key is absent. */
function isLenient(words: readonly Word[]): boolean {
  return words[0] === 'BITCOUNT' || words[0] === 'BITPOS'
}

/** A door refuses what has a wrong number of arguments before it is queued. */
function isQueued(client: EngineClient, words: Word[]): boolean {
  const command = client.command(...words)
  if (command === null) return false
  const { arity } = command.spec
  return arity < 0 ? words.length >= -arity : words.length === arity
}

/** LCS is the only command here whose reply has a form of its own in RESP3: a map. */
function resp2(reply: string): string {
  return reply.replaceAll('%2\r\n$7\r\nmatches', '*4\r\n$7\r\nmatches')
}
