/**
 * What COMMAND tells of each command, beside redis-server: arity, flags, keys, categories, key specifications, and in
 * RESP3 what is a set and what an array. Clients route by it, and tools sort by it.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Reply, ReplyParser } from '../client/reply.ts'
import { RespClient } from '../testing/clients/resp-client.ts'
import { openFixture } from '../testing/doors/door-fixture.ts'
import { findRedisServer, startRedisServer } from '../testing/redis-server.ts'

/** Of the ten facts of a command: words for humans and clusters, and the subcommands, which are asked for by name. */
const TIPS = 7
const SUBCOMMANDS = 9
/**
 * 7.2, as Kvorum, lets GETKEYS take a command without arguments, and calls WAIT blocking; 7.0 did not. DEBUG's
 * subcommands are in Redis' table as little as DEBUG is meant for users.
 */
const OTHERWISE = new Set(['command|getkeys', 'command|getkeysandflags', 'wait', 'debug'])

test('COMMAND tells the facts of each command as redis-server does', async (t) => {
  const path = findRedisServer()
  if (path === null && process.env.CI === undefined) return t.skip('redis-server is not installed')
  const redis = await startRedisServer(path ?? '')
  const fixture = await openFixture()
  const ours = await RespClient.connect(fixture.doors.redisPort)
  try {
    for (const client of [ours, redis.client]) await client.command('HELLO', '3')
    const names = parse(await ours.command('COMMAND', 'LIST')) as string[]
    const different: string[] = []
    let compared = 0
    for (const name of names.filter((name) => !OTHERWISE.has(name))) {
      const [actual, expected] = [await factsOf(ours, name), await factsOf(redis.client, name)]
      if (expected === null) continue
      compared++
      if (actual !== expected) different.push(`${name}: ${actual}\n  instead of ${expected}`)
    }
    assert.deepEqual(different, [])
    assert.ok(compared > 150, `${compared} were compared`)
  } finally {
    ours.close()
    await fixture.close()
    await redis.stop()
  }
  return undefined
})

/** As one line; null when the server has no such command. */
async function factsOf(client: RespClient, name: string): Promise<string | null> {
  const [facts] = parse(await client.command('COMMAND', 'INFO', name)) as [unknown[] | null]
  if (facts === null) return null
  const isEmpty = JSON.stringify(facts[SUBCOMMANDS]) === '{"set":[]}'
  return JSON.stringify(facts.with(TIPS, null).with(SUBCOMMANDS, isEmpty))
}

function parse(bytes: Buffer): unknown {
  const found: unknown[] = []
  new ReplyParser().push(bytes, (reply) => found.push(plain(reply)))
  return found[0]
}

/** Sets in no order, maps without the notes for humans. */
function plain(reply: Reply): unknown {
  switch (reply.kind) {
    case 'set':
      return { set: reply.items.map(plain).sort() }
    case 'array':
      return reply.items.map(plain)
    case 'map':
      return Object.fromEntries(
        reply.pairs.map(([key, value]) => [plain(key), plain(value)]).filter(([key]) => key !== 'notes'),
      )
    case 'bulk':
      return reply.bytes.toString('latin1')
    case 'status':
      return reply.text
    case 'integer':
      return reply.value
    default:
      return null
  }
}
