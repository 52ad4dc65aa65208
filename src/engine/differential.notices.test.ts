/**
 * Keyspace notices of the same random commands by the engine and by a real redis-server: the same events of the same
 * keys in the same order, command by command. 'expired' is left out: Redis tells it when it finds the key, here it is
 * told when the log deletes it.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { must } from '../lib/assert.ts'
import { limits } from '../protocol/limits.ts'
import { RespClient } from '../testing/clients/resp-client.ts'
import { CommandScript } from '../testing/engine/command-script.ts'
import { EngineClient, type Word } from '../testing/engine/engine-client.ts'
import { StringScript } from '../testing/engine/string-script.ts'
import { findRedisServer, type RedisServer, startRedisServer } from '../testing/redis-server.ts'
import { parseNoticeClasses } from './notice-classes.ts'

const COMMANDS = 3_000
const path = findRedisServer()
const skip = path === null && process.env.CI === undefined ? 'redis-server is not installed' : false

describe('notices are those of redis-server', { skip }, () => {
  let redis: RedisServer

  before(async () => {
    assert(path !== null, 'redis-server is not installed; in CI this test must not be skipped')
    redis = await startRedisServer(path, [
      '--notify-keyspace-events',
      'EAn',
      '--proto-max-bulk-len',
      String(limits.valueBytes),
    ])
  })

  after(() => redis?.stop())

  for (const [name, script] of [
    ['keys and counters', new CommandScript(21)],
    ['strings, bits and databases', new StringScript(22)],
  ] as const) {
    test(`for ${COMMANDS} random commands on ${name}`, async () => {
      await redis.client.command('FLUSHALL')
      const commands = Array.from({ length: COMMANDS }, () => script.command())
      const expected = await toldByRedis(redis, commands)
      const actual = toldByEngine(commands)
      for (const [i, words] of commands.entries()) {
        assert.deepEqual(actual[i], expected[i], `command ${i}: ${JSON.stringify(words)}`)
      }
      assert.ok(actual.flat().length > COMMANDS / 4)
    })
  }
})

/** The notices of each command: 'database event key'. */
async function toldByRedis(redis: RedisServer, commands: readonly (readonly Word[])[]): Promise<string[][]> {
  const listener = await RespClient.connect(redis.port)
  await listener.command('HELLO', 3)
  // A push is its only answer: nothing must wait for a reply. PING's comes behind it.
  listener.send('PSUBSCRIBE', '*')
  await listener.command('PING')
  const replies = commands.flatMap((words, i) => [
    redis.client.command(...words),
    redis.client.command('PUBLISH', 'end', i),
  ])
  await Promise.all(replies)
  await listener.command('PING')
  listener.close()
  const told: string[][] = []
  let notices: string[] = []
  for (const push of listener.pushes) {
    const [, , channel, payload] = push
      .toString('latin1')
      .split(/\$\d+\r\n/)
      .slice(1)
      .map((part) => part.slice(0, -2))
    const event = /^__keyevent@(\d+)__:(.*)$/.exec(channel ?? '')
    if (event !== null && event[2] !== 'expired') notices.push(`${event[1]} ${event[2]} ${payload}`)
    if (channel !== 'end') continue
    told.push(notices)
    notices = []
  }
  return told
}

function toldByEngine(commands: readonly (readonly Word[])[]): string[][] {
  const client = new EngineClient(undefined, Date.now())
  let told: string[] = []
  client.engine.onEffects(({ notices }) => {
    for (const { event, database, key } of notices) {
      if (event !== 'expired') told.push(`${database} ${event} ${key.toString('latin1')}`)
    }
  })
  client.engine.wantNotices(must(parseNoticeClasses('EAn'), 'classes'))
  return commands.map((words) => {
    told = []
    client.run(...words)
    return told
  })
}
