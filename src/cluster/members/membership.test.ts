/** Membership changes: what the one who asked is told when the leader changes in between. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '../../lib/assert.ts'
import { silentLogger } from '../../lib/logger.ts'
import type { Member } from '../../protocol/members.ts'
import type { RaftCore } from '../../raft/core.ts'
import type { ConfState } from '../../raft/types.ts'
import type { Transport } from '../../transport/types.ts'
import { Configuration } from './configuration.ts'
import { Membership } from './membership.ts'

function confState(...voters: number[]): ConfState {
  return { voters, votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false }
}

function fixture() {
  const members: Member[] = [1, 2, 3].map((peerId) => ({
    peerId,
    name: `node${peerId}`,
    incarnation: '00',
    peerAddress: `node${peerId}:9090`,
  }))
  const configuration = new Configuration(confState(1, 2, 3), members)
  const state = { leads: true, leader: 1 }
  const steps: string[] = []
  const progress = [2, 3].map((peer) => ({ peer, match: peer, space: 0, recentActive: true }))
  const core = {
    proposeConfChange: (change: unknown) => {
      steps.push(JSON.stringify(change))
      return 'ok'
    },
    status: () => ({ progress }),
    get leader() {
      return state.leader
    },
    transferLeadership: (to: number) => steps.push(`transfer to ${to}`),
  } as unknown as RaftCore
  const membership = new Membership({
    core,
    configuration,
    transport: { peers: () => [] } as unknown as Transport,
    clock: { monotonicMs: () => 0, wallMs: () => 0, setTimer: () => ({ cancel() {} }), defer() {} },
    logger: silentLogger,
    self: members[0] as Member,
    clusterId: 'cluster',
    leads: () => state.leads,
    level: () => 1,
    invite: () => {},
    peersChanged: () => {},
    schedule: () => {},
  })
  return { membership, configuration, state, steps, progress }
}

test('a leader that removed itself tells that it is done', () => {
  const { membership, configuration, state, steps } = fixture()
  const results: (string | null)[] = []
  membership.request({ kind: 'removeNode', name: 'node1' }, (error) => results.push(error))
  membership.tick(0)
  assert.equal(steps.length, 1)
  configuration.applied({ steps: [{ kind: 'remove', peer: 1 }], members: [] }, confState(2, 3))
  state.leads = false
  membership.tick(50)
  assert.deepEqual(results, [null])
})

test('a removal whose leader was deposed before it was applied is reported as not known to be done', () => {
  const { membership, state } = fixture()
  const results: (string | null)[] = []
  membership.request({ kind: 'removeNode', name: 'node3' }, (error) => results.push(error))
  membership.tick(0)
  state.leads = false
  membership.tick(50)
  assert.match(results[0] ?? '', /leadership changed/)
})

test('leadership is not handed to a member that does not answer, and writes do not stand still for it', () => {
  const { membership, steps, progress } = fixture()
  const results: (string | null)[] = []
  const third = must(progress[1], 'progress of node3')
  third.recentActive = false
  membership.request({ kind: 'transferLeader', to: 'node3' }, (error) => results.push(error))
  for (let nowMs = 0; nowMs <= 2_100; nowMs += 50) membership.tick(nowMs)
  assert.deepEqual(steps, [])
  assert.match(results[0] ?? '', /^node3 must be up to date, reachable/)
})

test('a moment without a sign of life does not refuse a transfer', () => {
  const { membership, state, steps, progress } = fixture()
  const results: (string | null)[] = []
  for (const one of progress) one.recentActive = false
  membership.request({ kind: 'transferLeader', to: null }, (error) => results.push(error))
  membership.tick(0)
  for (const one of progress) one.recentActive = true
  membership.tick(50)
  assert.deepEqual(steps, ['transfer to 3'])
  state.leads = false
  state.leader = 3
  membership.tick(100)
  assert.deepEqual(results, [null])
})

test('stepping down is no transfer: another one must lead', () => {
  const ends = (to: string | null, leader: number): string | null | undefined => {
    const { membership, state } = fixture()
    const results: (string | null)[] = []
    membership.request({ kind: 'transferLeader', to }, (error) => results.push(error))
    membership.tick(0)
    state.leads = false
    state.leader = 0
    membership.tick(50)
    assert.deepEqual(results, [])
    state.leader = leader
    membership.tick(100)
    membership.tick(2_100)
    assert.equal(results.length, 1)
    return results[0]
  }
  assert.equal(ends('node2', 2), null)
  assert.equal(ends(null, 2), null)
  assert.match(ends('node2', 3) ?? '', /^node3 leads now, and not node2/)
  assert.match(ends(null, 0) ?? '', /no other leader is known/)
})

test('a learner can be removed even when there is only one voter, which cannot', () => {
  const { membership, configuration } = fixture()
  configuration.applied({ steps: [], members: [] }, { ...confState(1), learners: [2] })
  const results: (string | null)[] = []
  membership.request({ kind: 'removeNode', name: 'node1' }, (error) => results.push(error))
  membership.request({ kind: 'removeNode', name: 'node2' }, (error) => results.push(error))
  assert.deepEqual(results, ['the last voter cannot be removed'])
})

test('a request that comes again while it is carried out is answered with the first one, another is not taken', () => {
  const { membership, configuration } = fixture()
  const results: (string | null)[] = []
  const answer = (error: string | null): unknown => results.push(error)
  membership.request({ kind: 'removeNode', name: 'node3' }, answer)
  membership.request({ kind: 'removeNode', name: 'node3' }, answer)
  membership.request({ kind: 'removeNode', name: 'node2' }, answer)
  assert.equal(results.length, 1)
  assert.match(results[0] ?? '', /^another membership change is under way/)
  configuration.applied({ steps: [{ kind: 'remove', peer: 3 }], members: [] }, confState(1, 2))
  membership.tick(0)
  assert.deepEqual(results.slice(1), [null, null])
})

test('a removal that is done is not done again; one of a name that never was a member is a mistake', () => {
  const { membership, configuration, steps } = fixture()
  const results: (string | null)[] = []
  configuration.applied({ steps: [{ kind: 'remove', peer: 3 }], members: [] }, confState(1, 2))
  membership.request({ kind: 'removeNode', name: 'node3' }, (error) => results.push(error))
  membership.request({ kind: 'removeNode', name: 'node33' }, (error) => results.push(error))
  assert.deepEqual(results, [null, 'node33 is not a member; the members are node1, node2'])
  assert.deepEqual(steps, [])
})
