/**
 * The table of scripts (script-cases.ts) against redis-server: the same bytes in RESP2 and RESP3. 7.0 is what Debian
 * has; where later versions differ the table has no case.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { toResp2, toResp3 } from '../../frontends/resp/convert.ts'
import { RespClient } from '../clients/resp-client.ts'
import { findRedisServer, type RedisServer, startRedisServer } from '../redis-server.ts'
import { EngineClient, type Word } from './engine-client.ts'
import { scriptCases } from './script-cases.ts'

const path = findRedisServer()
const skip = path === null && process.env.CI === undefined ? 'redis-server is not installed' : false

describe('scripts answer as with redis-server', { skip }, () => {
  let redis: RedisServer

  before(async () => {
    assert.ok(path !== null, 'redis-server is not installed; in CI this test must not be skipped')
    redis = await startRedisServer(path)
  })

  after(() => redis?.stop())

  test('there are enough of them to mean something', () => assert.ok(scriptCases.length >= 500))

  for (const protocol of [2, 3] as const) {
    test(`each of ${scriptCases.length} in RESP${protocol}`, async () => {
      const theirs = await RespClient.connect(redis.port)
      if (protocol === 3) await theirs.command('HELLO', '3')
      const convert = protocol === 2 ? toResp2 : toResp3
      const findings: string[] = []
      for (const { script, keys = [], args = [] } of scriptCases) {
        const words = ['EVAL', script, String(keys.length), ...keys, ...args].map((word) =>
          Buffer.from(word, 'latin1'),
        )
        const setUp: Word[][] = [['FLUSHALL'], ['SET', 'k', 'abc'], ['SET', 'n', '10']]
        const ours = new EngineClient()
        for (const command of setUp) ours.run(...command)
        const [, , , expected] = await Promise.all(
          [...setUp, words].map((command) => theirs.text(...command)),
        )
        const actual = convert(Buffer.from(ours.run(...words), 'latin1')).toString('latin1')
        if (actual !== expected) findings.push(`${script}\n    here  ${actual}\n    Redis ${expected}`)
      }
      theirs.close()
      assert.equal(findings.length, 0, findings.join('\n'))
    })
  }
})
