/**
 * Random scripts: on the engine and on redis-server, reply for reply; and on two engines whose stores miss different
 * reads, state for state.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SeededRandom } from '../../lib/random.ts'
import { EngineClient } from '../../testing/engine/engine-client.ts'
import { ScriptScript } from '../../testing/engine/script-script.ts'
import { findRedisServer, startRedisServer } from '../../testing/redis-server.ts'
import { MapStore } from '../../testing/storage/map-store.ts'

const SCRIPTS = 2_000
const path = findRedisServer()
const skip = path === null && process.env.CI === undefined ? 'redis-server is not installed' : false

function engine(seed: number, missShare: number): EngineClient {
  return new EngineClient(new MapStore({ random: new SeededRandom(seed), missShare }))
}

/** What is not the same by nature: 0/0 has a sign in C that JavaScript does not show. */
function comparable(reply: string): string {
  return reply.replaceAll('-nan', 'nan').replace(/\$\d+\r\n(?=[^\r]*nan)/g, '$')
}

describe('random scripts', () => {
  test(`${SCRIPTS} of them get the replies of redis-server`, { skip }, async () => {
    assert.ok(path !== null, 'redis-server is not installed; in CI this test must not be skipped')
    const redis = await startRedisServer(path)
    try {
      const script = new ScriptScript(3)
      const client = engine(3, 0.1)
      const commands = Array.from({ length: SCRIPTS }, () => script.command())
      const expected = await Promise.all(commands.map((words) => redis.client.text(...words)))
      for (const [i, words] of commands.entries()) {
        const actual = client.run(...words)
        assert.equal(
          comparable(actual),
          comparable(expected[i] as string),
          `script ${i}: ${words.join('\n')}`,
        )
      }
    } finally {
      await redis.stop()
    }
  })

  test('R2: engines whose stores miss different reads give the same replies and end in the same state', () => {
    const script = new ScriptScript(4)
    const clients = [engine(1, 0), engine(2, 0.3), engine(3, 0.7)]
    for (let i = 0; i < 600; i++) {
      const words = script.command()
      const [first, ...others] = clients.map((client) => client.run(...words))
      for (const other of others) assert.equal(other, first, `script ${i}: ${words.join('\n')}`)
    }
    const [first, ...others] = clients.map((client) => {
      return { state: client.engine.save().toString('hex'), rows: client.store.range('', null, 10_000) }
    })
    for (const other of others) assert.deepEqual(other, first)
  })
})
