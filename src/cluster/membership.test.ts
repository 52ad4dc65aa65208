/** Membership changes: what the one who asked is told when the leader changes in between. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '../lib/logger.ts'
import type { Member } from '../protocol/members.ts'
import type { RaftCore } from '../raft/core.ts'
import type { ConfState } from '../raft/types.ts'
import type { Transport } from '../transport/types.ts'
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
  const state = { leads: true }
  const steps: string[] = []
  const core = {
    proposeConfChange: (change: unknown) => {
      steps.push(JSON.stringify(change))
      return 'ok'
    },
  } as unknown as RaftCore
  const membership = new Membership({
    core,
    configuration,
    transport: {} as Transport,
    clock: { monotonicMs: () => 0, wallMs: () => 0, setTimer: () => ({ cancel() {} }), defer() {} },
    logger: silentLogger,
    self: members[0] as Member,
    clusterId: 'cluster',
    leads: () => state.leads,
    invite: () => {},
    peersChanged: () => {},
    schedule: () => {},
  })
  return { membership, configuration, state, steps }
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
