/**
 * SIGTERM with pipelines in flight, and half-closed connections. The long form: npm run faults -- leaving.
 */
import { test } from 'node:test'
import { leaving } from './leaving.ts'

test('R17: a leaving node answers what it has read and executes nothing else; a half-close is no end', async () => {
  await leaving({ rounds: 2, pipeline: 300, connections: 4 })
})
