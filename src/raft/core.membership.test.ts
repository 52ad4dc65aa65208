/**
 * Membership changes and transfer of leadership told step by step.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Script } from '../testing/core-sim/script.ts'
import { confOfVoters } from './membership.ts'
import type { ConfChange, ConfChangeStep } from './types.ts'

const change = (...steps: ConfChangeStep[]): ConfChange => ({ steps, members: [] })

function led(options: { voters?: number[]; learners?: number[]; spares?: number[] } = {}): Script {
  const script = new Script({ voters: [1, 2, 3], ...options })
  script.elect(1)
  return script
}

/** Heartbeats until everyone has caught up. */
function settle(script: Script, leader = 1): void {
  for (let i = 0; i < 8; i++) {
    script.tick(leader)
    script.stabilize()
  }
}

test('a new node gets the log as a learner and is promoted', () => {
  const script = led({ voters: [1], spares: [2] })
  script.propose(1, 'a')
  script.stabilize()
  assert.equal(script.core(1).proposeConfChange(change({ kind: 'addLearner', peer: 2 })), 'ok')
  settle(script)
  assert.equal(script.node(2).log, '1: 1:a 1:')
  assert.equal(script.core(1).proposeConfChange(change({ kind: 'addVoter', peer: 2 })), 'ok')
  settle(script)
  for (const id of [1, 2]) assert.deepEqual(script.core(id).confState.voters, [1, 2])
})

test('one change at a time: the next is refused until the first is applied', () => {
  const script = led({ spares: [4, 5] })
  assert.equal(script.core(1).proposeConfChange(change({ kind: 'addLearner', peer: 4 })), 'ok')
  assert.equal(script.core(1).proposeConfChange(change({ kind: 'addLearner', peer: 5 })), 'pending')
  assert.ok(script.core(1).status().confPending)
  script.stabilize()
  assert.equal(script.core(1).proposeConfChange(change({ kind: 'addLearner', peer: 5 })), 'ok')
})

test('a new leader changes nothing before everything it found is applied', () => {
  const script = led({ spares: [4] })
  script.core(1).proposeConfChange(change({ kind: 'addLearner', peer: 4 }))
  script.ready(1)
  script.persist(1)
  script.ready(1)
  script.deliver((message) => message.to === 2)
  script.ready(2)
  script.persist(2)
  script.drop()
  for (const id of [2, 3]) script.core(id).forgetLeader()
  script.campaign(2)
  while (script.core(2).role !== 'leader') {
    for (const id of [2, 3]) {
      script.ready(id)
      script.persist(id)
    }
    script.deliver((message) => message.to !== 1)
  }
  assert.equal(script.core(2).proposeConfChange(change({ kind: 'remove', peer: 1 })), 'pending')
  script.drop()
  settle(script, 2)
  assert.deepEqual(script.core(2).confState.learners, [4])
})

test('what cannot be done is refused before it is proposed', () => {
  const script = led({ voters: [1] })
  assert.equal(script.core(1).proposeConfChange(change({ kind: 'remove', peer: 1 })), 'invalid')
  assert.equal(script.core(1).proposeConfChange(change()), 'invalid')
  const follower = led().core(2)
  assert.equal(follower.proposeConfChange(change({ kind: 'remove', peer: 1 })), 'notLeader')
})

test('a replacement goes through the joint configuration and leaves it by itself', () => {
  const script = led({ spares: [4] })
  script.core(1).proposeConfChange(change({ kind: 'addVoter', peer: 4 }, { kind: 'remove', peer: 3 }))
  settle(script)
  for (const id of [1, 2, 4]) assert.deepEqual(script.core(id).confState, confOfVoters([1, 2, 4]))
})

test('a joint configuration needs both majorities', () => {
  const script = led({ spares: [4, 5] })
  const steps: ConfChangeStep[] = [
    { kind: 'addVoter', peer: 4 },
    { kind: 'addVoter', peer: 5 },
    { kind: 'remove', peer: 2 },
    { kind: 'remove', peer: 3 },
  ]
  script.core(1).proposeConfChange(change(...steps))
  script.stabilize(1, 2, 3)
  assert.deepEqual(script.core(1).confState.voters, [1, 4, 5])
  const entered = script.core(1).commitIndex
  script.tick(1, 4)
  script.stabilize(1, 2, 3)
  assert.equal(script.core(1).commitIndex, entered, 'the old majority alone commits nothing')
  settle(script)
  assert.deepEqual(script.core(1).confState, confOfVoters([1, 4, 5]))
})

test('a leader that takes over in the joint configuration leaves it', () => {
  const script = led({ spares: [4] })
  script.core(1).proposeConfChange(change({ kind: 'addVoter', peer: 4 }, { kind: 'remove', peer: 3 }))
  while (script.core(1).confState.votersOutgoing.length === 0) {
    for (const id of [1, 2, 3]) {
      script.ready(id)
      script.persist(id)
      script.apply(id)
    }
    script.deliver()
  }
  script.node(1).restart()
  script.drop()
  for (const id of [2, 3]) script.core(id).forgetLeader()
  script.stabilize(2, 3, 4)
  script.campaign(2)
  settle(script, 2)
  assert.equal(script.core(2).role, 'leader')
  assert.deepEqual(script.core(2).confState, confOfVoters([1, 2, 4]))
})

test('a removed leader steps down, and one that has everything takes over at once', () => {
  const script = led()
  script.core(1).proposeConfChange(change({ kind: 'remove', peer: 1 }))
  script.stabilize()
  assert.equal(script.core(1).role, 'follower')
  const leader = [2, 3].find((id) => script.core(id).role === 'leader')
  assert.ok(leader !== undefined)
  assert.deepEqual(script.core(leader).confState, confOfVoters([2, 3]))
})

test('nothing is proposed behind a configuration entry until it is applied', () => {
  const script = led()
  script.core(1).proposeConfChange(change({ kind: 'remove', peer: 3 }))
  assert.equal(script.propose(1, 'a'), 'full')
  script.stabilize()
  assert.equal(script.propose(1, 'a'), 'ok')
})

test('a configuration entry is sent only when it is durable on the leader', () => {
  const script = led()
  script.core(1).proposeConfChange(change({ kind: 'remove', peer: 3 }))
  assert.deepEqual(script.ready(1).sent, [])
  script.persist(1)
  assert.equal(script.ready(1).sent.filter(({ kind }) => kind === 'appendEntries').length, 2)
})

test('rule 6: a configuration in force is durably committed, so a restart does not go back', () => {
  const script = led({ voters: [1, 2] })
  script.core(1).proposeConfChange(change({ kind: 'remove', peer: 2 }))
  script.stabilize()
  assert.deepEqual(script.core(1).confState, confOfVoters([1]))
  script.node(1).restart()
  script.stabilize(1)
  script.campaign(1)
  script.stabilize(1)
  assert.equal(script.core(1).role, 'leader', 'it needs nobody else any more')
})

test('a committed configuration that is not applied yet keeps a node from campaigning', () => {
  const script = led()
  script.core(1).proposeConfChange(change({ kind: 'remove', peer: 3 }))
  for (let i = 0; i < 6; i++) {
    for (const id of [1, 2, 3]) {
      script.ready(id)
      script.persist(id)
      script.core(id).broadcastCommit()
    }
    script.apply(1)
    script.deliver()
  }
  script.ready(2)
  script.persist(2)
  assert.equal(script.core(2).commitIndex, 2)
  script.drop()
  script.campaign(2)
  assert.equal(script.core(2).role, 'follower')
  script.stabilize(2)
  script.campaign(2)
  assert.equal(script.core(2).role, 'preCandidate')
})

test('the configuration comes with a snapshot, joint or not', () => {
  const script = led({ spares: [4] })
  script.propose(1, 'a')
  script.stabilize()
  script.compact(1, 2)
  script.core(1).proposeConfChange(change({ kind: 'addLearner', peer: 4 }))
  settle(script)
  const { offer } = script.node(4)
  assert.ok(offer !== null)
  script.install(4)
  settle(script)
  assert.deepEqual(script.core(4).confState, script.core(1).confState)
  assert.deepEqual(script.core(4).confState.learners, [4])
})

test('leadership is handed to a follower that has everything, without PreVote and in spite of the lease', () => {
  const script = led()
  assert.equal(script.core(1).transferLeadership(2), 'ok')
  assert.equal(script.propose(1, 'a'), 'transferring')
  script.stabilize()
  assert.equal(script.core(2).role, 'leader')
  assert.equal(script.core(1).role, 'follower')
  assert.equal(script.core(1).status().transferTarget, 0)
})

test('the target of a transfer first gets what it lacks', () => {
  const script = led()
  script.propose(1, 'a')
  script.stabilize(1, 3)
  script.drop()
  assert.equal(script.core(1).transferLeadership(2), 'ok')
  settle(script)
  assert.equal(script.core(2).role, 'leader')
  assert.equal(script.node(2).log, '1: 1:a 2:')
})

test('a transfer that does not happen is given up after one election timeout', () => {
  const script = led()
  script.core(1).transferLeadership(2)
  for (let i = 0; i < 10; i++) {
    script.tick(1)
    script.drop((message) => message.kind === 'timeoutNow')
    script.ready(1)
    script.drop((message) => message.kind === 'timeoutNow')
    script.stabilize()
  }
  assert.equal(script.core(1).role, 'leader')
  assert.equal(script.propose(1, 'a'), 'ok')
})

test('the transfer flag does not survive losing and winning leadership', () => {
  const script = led()
  script.core(1).transferLeadership(2)
  script.ready(1)
  script.drop()
  script.core(1).step({ kind: 'heartbeat', from: 3, to: 1, term: 5, commitIndex: 0, position: 0 })
  script.stabilize()
  script.drop()
  script.elect(1)
  assert.equal(script.propose(1, 'a'), 'ok')
})

test('leadership goes to voters only, and not to the leader itself', () => {
  const script = led({ learners: [4] })
  for (const target of [1, 4, 9]) assert.equal(script.core(1).transferLeadership(target), 'invalid')
  assert.equal(script.core(2).transferLeadership(1), 'notLeader')
})

test('a target that is demoted or removed meanwhile ends the transfer', () => {
  const script = led()
  script.core(1).proposeConfChange(change({ kind: 'remove', peer: 3 }))
  script.ready(1)
  script.persist(1)
  script.core(1).transferLeadership(3)
  script.drop(({ kind }) => kind === 'timeoutNow')
  script.stabilize(1, 2)
  assert.deepEqual(script.core(1).confState, confOfVoters([1, 2]))
  assert.equal(script.core(1).status().transferTarget, 0)
})

test('R4: a leader that falls silent still hands over', () => {
  const script = led()
  script.propose(1, 'a')
  script.stabilize(1, 3)
  script.drop()
  script.core(1).setHeartbeatsWithheld(true)
  script.core(1).transferLeadership(2)
  for (let i = 0; i < 4 && script.core(2).role !== 'leader'; i++) {
    script.tick(1, 2)
    script.stabilize()
  }
  assert.equal(script.core(2).role, 'leader')
})
