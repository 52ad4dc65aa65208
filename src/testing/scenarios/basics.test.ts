/** Three nodes as a user meets them. The long form: npm run faults -- basics. */
import { test } from 'node:test'
import { basics, hasRedisTools } from './basics.ts'

test('redis-cli, redis-benchmark and unmodified clients work against any of three nodes', async (t) => {
  if (!hasRedisTools() && process.env.CI === undefined) return t.skip('redis-tools is not installed')
  await basics(3_000)
  return undefined
})
