/** Partitions between nodes. The long form: npm run faults -- partition. */
import { test } from 'node:test'
import { hasNamespaces } from '../processes/namespaces.ts'
import { BOTH_WAYS, ONE_WAY, partition } from './partition.ts'

test('a node that is cut off refuses, the majority serves, and healed it follows', async (t) => {
  if (!(await hasNamespaces())) return t.skip('network namespaces need Linux, iproute2 and root')
  await partition({ cuts: BOTH_WAYS, rounds: 2, clients: 12 })
  return undefined
})

test('a leader that hears nobody, or is not heard, is replaced as one that is cut off both ways', async (t) => {
  if (!(await hasNamespaces())) return t.skip('network namespaces need Linux, iproute2 and root')
  await partition({ cuts: ONE_WAY, rounds: 2, clients: 12 })
  return undefined
})
