/**
 * Elections told step by step: PreVote, CheckQuorum and their combinations, votes and durability, hints, learners.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Script } from '../testing/core-sim/script.ts'
import type { Message } from './messages.ts'

const kinds = (messages: readonly Message[]): string[] => messages.map(({ kind, to }) => `${kind} ${to}`)
const between = (a: number, b: number) => (message: Message) =>
  (message.from === a && message.to === b) || (message.from === b && message.to === a)

test('a single voter elects itself, but only when its vote is durable', () => {
  const script = new Script({ voters: [1] })
  script.campaign(1)
  script.ready(1)
  assert.equal(script.core(1).role, 'candidate')
  script.persist(1)
  assert.equal(script.core(1).role, 'leader')
})

test('an election asks first (PreVote), then votes in a new term, then leads with an empty entry', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.campaign(1)
  assert.deepEqual(kinds(script.ready(1).sent), ['requestPreVote 2', 'requestPreVote 3'])
  assert.equal(script.core(1).term, 0)
  script.stabilize()
  assert.equal(script.core(1).role, 'leader')
  assert.equal(script.node(3).log, '1:')
  assert.equal(script.core(3).commitIndex, 1)
})

test('election timeouts are drawn between one and two times electionTicks', () => {
  const script = new Script({ voters: [1, 2, 3] })
  let ticks = 0
  while (script.core(1).role === 'follower') {
    script.tick(1)
    ticks++
  }
  assert.ok(ticks >= 10 && ticks < 20, `${ticks}`)
})

test('a candidate leads only when its own vote is durable, whatever the others say', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.campaign(1)
  script.stabilize(2, 3)
  script.ready(1)
  script.deliver()
  script.stabilize(2, 3)
  script.deliver()
  script.ready(1)
  script.deliver()
  script.stabilize(2, 3)
  script.deliver()
  assert.equal(script.core(1).role, 'candidate')
  script.persist(1)
  assert.equal(script.core(1).role, 'leader')
})

test('rule 2: a vote leaves only when it is durable', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.campaign(1)
  script.stabilize(1, 2)
  script.drop()
  script.core(3).step({
    kind: 'requestVote',
    from: 2,
    to: 3,
    term: 5,
    lastIndex: 9,
    lastTerm: 4,
    transfer: false,
  })
  assert.deepEqual(script.ready(3).sent, [])
  script.persist(3)
  assert.deepEqual(kinds(script.ready(3).sent), ['voteResponse 2'])
})

test('a vote is remembered across a crash', () => {
  const script = new Script({ voters: [1, 2, 3] })
  const ask = (from: number): Message => ({
    kind: 'requestVote',
    from,
    to: 3,
    term: 5,
    lastIndex: 0,
    lastTerm: 0,
    transfer: false,
  })
  script.core(3).step(ask(1))
  script.stabilize(3)
  script.node(3).restart()
  script.core(3).step(ask(2))
  script.core(3).step(ask(1))
  script.stabilize(3)
  const answers = script.wire.filter((message) => message.kind === 'voteResponse')
  assert.deepEqual(
    answers.map(({ to, reject }) => [to, reject]),
    [
      [1, false],
      [2, true],
      [1, false],
    ],
  )
})

test('a log that is behind gets no vote, and none before either (Raft 5.4.1)', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.elect(1)
  script.propose(1, 'a')
  script.stabilize(1, 2)
  script.drop()
  for (const id of [1, 2]) script.core(id).forgetLeader()
  script.campaign(3)
  script.stabilize()
  assert.notEqual(script.core(3).role, 'leader')
  assert.equal(script.core(2).term, 1, 'asking changed nothing')
})

test('a vote request claims only what is durable', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.elect(1)
  script.propose(1, 'a')
  script.ready(1)
  script.deliver((message) => message.to === 2)
  script.ready(2)
  script.campaign(2)
  const asked = script.ready(2).sent.find((message) => message.kind === 'requestPreVote')
  assert.ok(asked?.kind === 'requestPreVote')
  assert.equal(asked.lastIndex, 1)
})

test('PreVote: a node that was cut off comes back without deposing the leader', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.elect(1)
  script.tick(3, 60)
  script.ready(3)
  script.drop()
  assert.equal(script.core(3).role, 'preCandidate')
  script.tick(1, 2)
  script.stabilize()
  assert.equal(script.core(1).role, 'leader')
  assert.deepEqual([script.core(3).role, script.core(3).term], ['follower', 1])
})

test('CheckQuorum: a leader that hears from no majority steps down within two election timeouts', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.elect(1)
  for (let i = 0; i < 20; i++) {
    script.tick(1)
    script.ready(1)
    script.drop()
  }
  assert.equal(script.core(1).role, 'follower')
  assert.equal(script.core(1).term, 1)
})

test('CheckQuorum: whoever heard a leader lately helps nobody to replace it', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.elect(1)
  script.campaign(3)
  script.stabilize()
  assert.equal(script.core(1).role, 'leader')
  assert.equal(script.core(2).leader, 1)
})

test('a node whose timeout passed believes in no leader any more, also when it cannot campaign', () => {
  const script = new Script({ voters: [1, 2], learners: [3] })
  script.elect(1)
  assert.equal(script.core(3).leader, 1)
  script.tick(3, 20)
  assert.equal(script.core(3).leader, 0)
  assert.equal(script.core(3).role, 'follower')
})

test('a leader of an older term is deposed by its first message to a node that moved on', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.elect(1)
  for (const id of [2, 3]) script.core(id).forgetLeader()
  script.campaign(2)
  script.stabilize(2, 3)
  assert.equal(script.core(2).role, 'leader')
  script.drop()
  script.tick(1, 2)
  script.stabilize(1, 3)
  assert.deepEqual([script.core(1).role, script.core(1).term], ['follower', 2])
})

test('a pre-vote request of an older term is refused and not ignored, so the sender catches up', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.elect(1)
  for (const id of [2, 3]) script.core(id).forgetLeader()
  script.campaign(2)
  script.stabilize(2, 3)
  script.drop()
  script.core(2).step({ kind: 'requestPreVote', from: 1, to: 2, term: 1, lastIndex: 1, lastTerm: 1 })
  script.stabilize(2)
  const answer = script.wire.find((message) => message.kind === 'preVoteResponse')
  assert.ok(answer?.kind === 'preVoteResponse')
  assert.deepEqual([answer.reject, answer.term], [true, 2])
})

test('a grant for another attempt does not count', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.campaign(1)
  for (const from of [2, 3]) {
    script.core(1).step({ kind: 'preVoteResponse', from, to: 1, term: 7, reject: false })
  }
  assert.equal(script.core(1).role, 'preCandidate')
})

test('forgetLeader: after a true hint a new leader is there within a few ticks', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.elect(1)
  for (const id of [2, 3]) script.core(id).forgetLeader()
  let ticks = 0
  while (script.core(2).role !== 'leader' && script.core(3).role !== 'leader' && ticks < 30) {
    for (const id of [2, 3]) script.tick(id)
    script.stabilize(2, 3)
    ticks++
  }
  assert.ok(ticks < 20, `${ticks}`)
})

test('forgetLeader: after a wrong hint the leader is found again and nothing changed', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.elect(1)
  script.core(3).forgetLeader()
  script.tick(3, 8)
  script.stabilize()
  script.tick(1, 2)
  script.stabilize()
  assert.deepEqual([script.core(1).role, script.core(1).term], ['leader', 1])
  assert.deepEqual([script.core(3).role, script.core(3).leader], ['follower', 1])
})

test('forgetLeader and campaignSoon do nothing on the leader', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.elect(1)
  script.core(1).forgetLeader()
  script.core(1).campaignSoon(1)
  script.tick(1)
  assert.deepEqual([script.core(1).role, script.core(1).leader], ['leader', 1])
})

test('a split vote is tried again after a short delay, not after a whole timeout', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.campaign(1)
  script.stabilize(1)
  script.drop()
  script.core(1).step({ kind: 'preVoteResponse', from: 2, to: 1, term: 1, reject: false })
  script.stabilize(1)
  for (const from of [2, 3]) {
    script.core(1).step({ kind: 'voteResponse', from, to: 1, term: 1, reject: true })
  }
  assert.equal(script.core(1).role, 'follower')
  script.tick(1, 8)
  assert.equal(script.core(1).role, 'preCandidate')
})

test('a learner never campaigns, not even when told to, but votes when asked', () => {
  const script = new Script({ voters: [1, 2], learners: [3] })
  script.elect(1)
  script.core(3).step({ kind: 'timeoutNow', from: 1, to: 3, term: 1 })
  script.tick(3, 40)
  assert.equal(script.core(3).role, 'follower')
  script.core(3).step({
    kind: 'requestVote',
    from: 2,
    to: 3,
    term: 2,
    lastIndex: 1,
    lastTerm: 1,
    transfer: false,
  })
  script.stabilize(3)
  const vote = script.wire.find((message) => message.kind === 'voteResponse')
  assert.ok(vote?.kind === 'voteResponse' && !vote.reject)
})

test('R5: a node that is not promotable never campaigns, and stops when it was about to', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.campaign(1)
  assert.equal(script.core(1).role, 'preCandidate')
  script.core(1).setPromotable(false)
  assert.equal(script.core(1).role, 'follower')
  script.tick(1, 60)
  script.core(1).step({ kind: 'timeoutNow', from: 2, to: 1, term: 0 })
  assert.equal(script.core(1).role, 'follower')
})

test('R4: with heartbeats withheld a leader looks dead, and another takes over', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.elect(1)
  script.core(1).setHeartbeatsWithheld(true)
  script.tick(1, 6)
  script.propose(1, 'a')
  script.core(1).readIndex()
  assert.deepEqual(script.ready(1).sent, [])
  script.tick(2, 20)
  script.tick(3, 10)
  script.stabilize()
  assert.equal(script.core(2).role, 'leader')
  assert.equal(script.core(1).role, 'follower')
})

test('R4: heartbeats go on when the disk answers again in time', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.elect(1)
  script.core(1).setHeartbeatsWithheld(true)
  script.tick(1, 6)
  script.core(1).setHeartbeatsWithheld(false)
  script.tick(1, 2)
  script.stabilize()
  assert.equal(script.core(1).role, 'leader')
})

test('an asymmetric partition does not stop the cluster', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.elect(1)
  for (let i = 0; i < 100; i++) {
    for (const id of [1, 2, 3]) script.tick(id)
    for (let round = 0; round < 6; round++) {
      script.drop(between(1, 3))
      script.stabilize(1, 2)
      script.stabilize(2, 3)
    }
  }
  const leader = [1, 2, 3].find((id) => script.core(id).role === 'leader')
  assert.ok(leader !== undefined)
  assert.ok(script.core(leader).term <= 3, `term ${script.core(leader).term}`)
})

test('ticks ahead of the next that is due only count, on a leader, on followers and in elections', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.elect(1)
  const seen = new Set<number>()
  for (let step = 0; step < 400; step++) {
    for (const id of [1, 2, 3]) {
      const core = script.core(id)
      const ahead = core.ticksAhead
      seen.add(ahead)
      const before = [core.role, core.term, core.leader, false]
      script.tick(id, ahead - 1)
      assert.deepEqual([core.role, core.term, core.leader, core.hasReady()], before)
      script.tick(id)
      script.ready(id)
      script.persist(id)
    }
    // For a while in every forty steps nothing arrives, so that leaders step down and followers campaign.
    if (step % 40 > 20) script.drop()
    script.stabilize()
  }
  assert.deepEqual([...seen].sort(), [1, 2, 5])
  assert.ok(script.core(1).term > 3, 'there were elections')
})

test('each tick counts while a follower knows no leader, or has not heard it for half a timeout', () => {
  const script = new Script({ voters: [1, 2, 3] })
  assert.equal(script.core(2).ticksAhead, 1)
  script.elect(1)
  assert.equal(script.core(2).ticksAhead, 5)
  script.tick(2, 3)
  assert.equal(script.core(2).ticksAhead, 2)
  script.tick(2, 2)
  assert.equal(script.core(2).ticksAhead, 1)
  script.tick(2)
  assert.equal(script.core(2).ticksAhead, 1)
  script.core(2).forgetLeader()
  assert.equal(script.core(2).ticksAhead, 1)
})

test('a leader looks ahead to its heartbeat, but not while it hands over', () => {
  const script = new Script({ voters: [1, 2, 3] })
  script.elect(1)
  script.tick(1, 2)
  script.stabilize()
  assert.equal(script.core(1).ticksAhead, 2)
  script.core(1).transferLeadership(2)
  assert.equal(script.core(1).ticksAhead, 1)
})
