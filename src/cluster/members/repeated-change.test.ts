/** What a leader takes for a repetition of a membership change that is done. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConfState } from '../../raft/types.ts'
import { Configuration } from './configuration.ts'
import { isDone, type NamedPeer } from './repeated-change.ts'

function confState(voters: number[], rest: Partial<ConfState> = {}): ConfState {
  return { voters, votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false, ...rest }
}

const memberOf = (peerId: number, name: string) => ({
  peerId,
  name,
  incarnation: `${peerId}`,
  peerAddress: `${name}:9090`,
})
const seen = (peerId: number, name: string): NamedPeer => ({ peerId, name, isHeard: true })
const founders = [memberOf(1, 'a'), memberOf(2, 'b'), memberOf(3, 'c')]
const all = [seen(1, 'a'), seen(2, 'b'), seen(3, 'c')]
const addressed = (name: string) => ({ name, peerAddress: `${name}:9090` })

test('an addition is done when a voter of that name is at that address, and no other node goes by its name', () => {
  const configuration = new Configuration(confState([1, 2], { learners: [3] }), founders)
  const add = (name: string) => ({ kind: 'addNode', ...addressed(name) }) as const
  assert.ok(isDone(add('b'), configuration, all))
  assert.ok(!isDone(add('c'), configuration, all), 'a learner')
  assert.ok(!isDone(add('d'), configuration, all), 'no member')
  assert.ok(!isDone({ ...add('b'), peerAddress: 'elsewhere:9090' }, configuration, all))
  assert.ok(!isDone(add('b'), configuration, [...all, seen(9, 'b')]), 'a wiped node of that name')
})

test('a node that replaced its own earlier self is told apart from one that was never replaced', () => {
  const configuration = new Configuration(confState([1, 2, 3]), founders)
  const replace = { kind: 'replaceNode', old: 'c', ...addressed('c') } as const
  assert.ok(!isDone(replace, configuration, all), 'nothing happened yet')
  const joint = confState([1, 2, 4], { votersOutgoing: [1, 2, 3] })
  const both = [...all.slice(0, 2), seen(4, 'c')]
  configuration.applied({ steps: [], members: [memberOf(4, 'c')] }, joint)
  assert.ok(!isDone(replace, configuration, both), 'still joint')
  configuration.applied({ steps: [], members: [] }, confState([1, 2, 4]))
  assert.deepEqual(configuration.former, [{ name: 'c', by: 4 }])
  assert.ok(isDone(replace, configuration, both))
  assert.ok(!isDone(replace, configuration, both.slice(0, 2)), 'it is down: its folder may be emptied again')
  const silent = [...both.slice(0, 2), { ...seen(4, 'c'), isHeard: false }]
  assert.ok(!isDone(replace, configuration, silent), 'it may have just gone down')
  assert.ok(!isDone(replace, configuration, [...both, seen(5, 'c')]), 'it was emptied again')
})

test('a replacement by another name is done when the old one is gone and the new one votes', () => {
  const configuration = new Configuration(confState([1, 2, 3]), founders)
  const replace = { kind: 'replaceNode', old: 'c', ...addressed('d') } as const
  configuration.applied({ steps: [], members: [memberOf(4, 'd')] }, confState([1, 2, 3, 4]))
  const both = [...all, seen(4, 'd')]
  assert.ok(!isDone(replace, configuration, both), 'the old one is there')
  configuration.applied({ steps: [], members: [] }, confState([1, 2, 4]))
  assert.ok(isDone(replace, configuration, both))
  assert.ok(isDone({ kind: 'removeNode', name: 'c' }, configuration, both))
  assert.ok(!isDone({ kind: 'replaceNode', old: 'x', ...addressed('d') }, configuration, both))
})

test('what tells it outlives a restart, also one with what an older version saved', () => {
  const configuration = new Configuration(confState([1, 2, 3]), founders)
  configuration.applied({ steps: [], members: [] }, confState([1, 2]))
  const { members, removed, former } = configuration
  const restarted = new Configuration(confState([]), [])
  restarted.replace({ confState: confState([1, 2]), members, removed, former })
  assert.ok(isDone({ kind: 'removeNode', name: 'c' }, restarted, []))
  restarted.replace({ confState: confState([1, 2]), members, removed })
  assert.ok(!isDone({ kind: 'removeNode', name: 'c' }, restarted, []))
})
