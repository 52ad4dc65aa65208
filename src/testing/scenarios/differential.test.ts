/** Real RESP against a real redis-server. The long form: npm run faults -- differential. */
import { test } from 'node:test'
import { findRedisServer } from '../redis-server.ts'
import { differential } from './differential.ts'

test('three nodes answer random commands as redis-server does, RESP2 and RESP3, MULTI and WATCH', async (t) => {
  const redis = findRedisServer()
  if (redis === null && process.env.CI === undefined) return t.skip('redis-server is not installed')
  await differential({ commands: 3_000, transactions: 100, seed: 5, redis: redis ?? '' })
  return undefined
})
