/**
 * Replication told step by step: pipelines, windows, conflicts, commit, persistence, snapshots.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '../lib/assert.ts'
import { EntryKind, encodeEntry } from '../protocol/entry.ts'
import { Script } from '../testing/core-sim/script.ts'
import type { AppendEntries, Message } from './messages.ts'

const appends = (messages: readonly Message[]): AppendEntries[] =>
  messages.filter((message) => message.kind === 'appendEntries')

/** Three nodes, 1 leads; 2 and 3 have everything. */
function led(limits = {}): Script {
  const script = new Script({ voters: [1, 2, 3], limits })
  script.elect(1)
  return script
}

test('rule 3, rule 4: appends leave before the own disk, commit needs a majority of disks', () => {
  const script = led()
  script.propose(1, 'a')
  assert.equal(appends(script.ready(1).sent).length, 2)
  script.deliver()
  script.ready(2)
  assert.equal(script.persist(2), 1)
  script.ready(2)
  script.deliver()
  assert.equal(script.core(1).commitIndex, 1, 'one disk of three')
  script.persist(1)
  assert.equal(script.core(1).commitIndex, 2, 'two disks of three')
})

test('two followers commit without the leader, which applies only what is on its own disk', () => {
  const script = led()
  script.propose(1, 'a')
  script.ready(1)
  script.deliver()
  for (const id of [2, 3]) {
    script.ready(id)
    script.persist(id)
    script.ready(id)
  }
  script.deliver()
  assert.equal(script.core(1).commitIndex, 2)
  script.ready(1)
  assert.equal(script.apply(1), 0)
  script.persist(1)
  script.ready(1)
  assert.equal(script.apply(1), 1)
})

test('a single voter commits only after its sync', () => {
  const script = new Script({ voters: [1] })
  script.elect(1)
  script.propose(1, 'a')
  script.ready(1)
  assert.equal(script.core(1).commitIndex, 1)
  script.persist(1)
  assert.equal(script.core(1).commitIndex, 2)
})

test('rule 2: an acknowledgement leaves only when its entries are durable, one per sync', () => {
  const script = led()
  script.propose(1, 'a')
  script.ready(1)
  script.propose(1, 'b')
  script.ready(1)
  script.deliver((message) => message.to === 2)
  assert.deepEqual(script.ready(2).sent, [])
  script.persist(2)
  const sent = script.ready(2).sent
  assert.equal(sent.length, 1)
  assert.ok(sent[0]?.kind === 'appendResponse' && sent[0].index === 3)
})

test('rule 4: numbers grow by one and may be taken while earlier ones are in flight', () => {
  const script = led()
  const before = script.ready(1).numbers
  assert.deepEqual(before, [])
  script.propose(1, 'a')
  const [first] = script.ready(1).numbers
  script.propose(1, 'b')
  const [second] = script.ready(1).numbers
  assert.ok(first !== undefined && second === first + 1)
  assert.throws(() => script.core(1).persisted(second + 1), /only/)
  script.core(1).persisted(first)
  assert.throws(() => script.core(1).persisted(first - 1), /after/)
})

test('rule 5: a commit index alone needs no sync, but every synced batch carries it', () => {
  const script = led()
  script.propose(1, 'a')
  script.ready(1)
  script.deliver()
  script.stabilize(2, 3)
  script.deliver()
  const core = script.core(1)
  assert.ok(core.hasReady() || core.commitIndex === 2)
  script.persist(1)
  const lazy = core.takeReady()
  assert.deepEqual([lazy.mustSync, lazy.hardState?.commitIndex], [false, 2])
  script.propose(1, 'b')
  const synced = core.takeReady()
  assert.deepEqual([synced.mustSync, synced.hardState?.commitIndex], [true, 2])
})

test('everything proposed in one turn travels in one append', () => {
  const script = led()
  for (const payload of ['a', 'b', 'c']) script.propose(1, payload)
  const sent = appends(script.ready(1).sent)
  assert.deepEqual(
    sent.map(({ to, entries }) => [to, entries.length]),
    [
      [2, 3],
      [3, 3],
    ],
  )
})

test('appends are cut at appendBytes, one larger entry travels alone', () => {
  const script = led({ appendBytes: 100 })
  script.propose(1, 'x'.repeat(500))
  script.propose(1, 'y')
  script.propose(1, 'z')
  const sent = appends(script.ready(1).sent).filter((message) => message.to === 2)
  assert.deepEqual(
    sent.map(({ entries }) => entries.length),
    [1, 2],
  )
})

test('the inflight window is bounded in messages and moves on with acknowledgements', () => {
  const script = led({ inflightMessages: 2 })
  const toTwo = (): number => appends(script.ready(1).sent).filter((message) => message.to === 2).length
  for (const payload of ['a', 'b']) {
    script.propose(1, payload)
    assert.equal(toTwo(), 1)
  }
  script.propose(1, 'c')
  assert.equal(toTwo(), 0)
  const { progress } = script.core(1).status()
  assert.equal(progress[0]?.inflightMessages, 2)
  script.stabilize()
  assert.equal(script.node(2).log, '1: 1:a 1:b 1:c')
})

test('total loss is noticed by a probe after a heartbeat, and repaired', () => {
  const script = led()
  for (const payload of ['a', 'b', 'c']) script.propose(1, payload)
  script.ready(1)
  script.drop()
  script.tick(1, 4)
  script.stabilize()
  script.tick(1, 4)
  script.stabilize()
  assert.equal(script.node(3).log, '1: 1:a 1:b 1:c')
})

test('a follower that rejects is probed a whole term at a time', () => {
  const script = led()
  for (let i = 0; i < 20; i++) script.propose(1, `x${i}`)
  script.ready(1)
  script.persist(1)
  script.drop()
  for (const id of [2, 3]) script.core(id).forgetLeader()
  script.campaign(2)
  script.stabilize(2, 3)
  for (let i = 0; i < 20; i++) script.propose(2, `y${i}`)
  script.stabilize(2, 3)
  script.drop()
  // Node 1 holds 20 entries of term 1 that nobody else has; a probe per entry would take 20 rounds.
  script.tick(2, 2)
  let probes = 0
  for (let i = 0; i < 30; i++) {
    probes += appends(script.ready(2).sent).filter((message) => message.to === 1).length
    script.deliver()
    script.stabilize(1)
    script.deliver()
    script.stabilize(3)
    script.tick(2)
  }
  assert.equal(script.node(1).log, script.node(2).log)
  assert.ok(probes < 12, `${probes} appends`)
})

test('an old leader drops what was never committed', () => {
  const script = led()
  script.propose(1, 'lost')
  script.ready(1)
  script.persist(1)
  script.drop()
  for (const id of [2, 3]) script.core(id).forgetLeader()
  script.campaign(2)
  script.stabilize(2, 3)
  script.propose(2, 'kept')
  script.stabilize(2, 3)
  script.tick(2, 2)
  script.stabilize()
  assert.equal(script.node(1).log, '1: 2: 2:kept')
})

test('entries of an earlier term are committed only by one of the own term (Raft 5.4.2)', () => {
  const script = led()
  script.propose(1, 'a')
  script.ready(1)
  script.deliver((message) => message.to === 2)
  script.stabilize(2)
  script.drop()
  script.node(1).restart()
  script.core(3).forgetLeader()
  script.campaign(2)
  // Everything but the new leader's own entry reaches node 3.
  for (let i = 0; i < 8; i++) {
    script.ready(2)
    script.persist(2)
    script.drop((message) => message.to === 1)
    script.drop(
      (message) => message.kind === 'appendEntries' && message.entries.some(({ term }) => term === 2),
    )
    script.deliver()
    script.stabilize(3)
    script.deliver()
  }
  assert.equal(script.core(2).role, 'leader')
  assert.equal(script.core(2).commitIndex, 1)
  script.tick(2, 4)
  script.stabilize(2, 3)
  assert.equal(script.core(2).commitIndex, 3)
})

test('the commit index rides on the next append', () => {
  const script = led()
  script.propose(1, 'a')
  script.ready(1)
  script.persist(1)
  script.deliver()
  for (const id of [2, 3]) {
    script.ready(id)
    script.persist(id)
    script.ready(id)
  }
  script.deliver()
  assert.ok(script.core(1).commitBroadcastDue)
  script.propose(1, 'b')
  const sent = appends(script.ready(1).sent)
  assert.ok(sent.every((message) => message.commitIndex === 2 && message.entries.length === 1))
  assert.ok(!script.core(1).commitBroadcastDue)
})

test('broadcastCommit() tells those who have not heard, once', () => {
  const script = led()
  script.propose(1, 'a')
  script.ready(1)
  script.persist(1)
  script.deliver((message) => message.to === 2)
  script.ready(2)
  script.persist(2)
  script.ready(2)
  script.deliver((message) => message.to === 1)
  script.ready(1)
  script.core(1).broadcastCommit()
  const sent = script.ready(1).sent.map(({ kind, to }) => `${kind} ${to}`)
  assert.deepEqual(sent, ['heartbeat 2', 'appendEntries 3'])
  script.core(1).broadcastCommit()
  assert.deepEqual(script.ready(1).sent, [])
})

test('R20: proposals beyond uncommittedBytes are refused, the first of any size is not', () => {
  const script = led({ uncommittedBytes: 10 })
  assert.equal(script.propose(1, 'x'.repeat(50)), 'ok')
  assert.equal(script.propose(1, 'y'), 'full')
  script.stabilize()
  assert.equal(script.propose(1, 'y'), 'ok')
  assert.equal(script.propose(2, 'z'), 'notLeader')
})

test('a proposal must be made for the next index and the term', () => {
  const script = led()
  const entry = encodeEntry(1, 1, 9, EntryKind.commands, [])
  assert.throws(() => script.core(1).propose(entry), /expected 2/)
})

test('R6: the space state of every follower reaches the leader', () => {
  const script = led()
  script.core(3).setSpace(2)
  script.tick(1, 2)
  script.stabilize()
  assert.deepEqual(
    script
      .core(1)
      .status()
      .progress.map(({ peer, space }) => [peer, space]),
    [
      [2, 0],
      [3, 2],
    ],
  )
})

test('entries that are not in memory are sent when they were fetched', () => {
  const script = led()
  script.propose(1, 'a')
  script.stabilize(1, 2)
  script.drop()
  script.node(1).entriesPending = true
  script.tick(1, 4)
  script.stabilize()
  assert.equal(script.node(3).log, '1:')
  script.node(1).entriesPending = false
  script.core(1).entriesFetched()
  script.stabilize()
  assert.equal(script.node(3).log, '1: 1:a')
})

/** Node 3 is so far behind that it needs a snapshot. */
function behind(): Script {
  const script = led()
  for (const payload of ['a', 'b', 'c']) {
    script.propose(1, payload)
    script.stabilize(1, 2)
    script.drop()
  }
  script.compact(1, 3)
  script.tick(1, 4)
  script.stabilize()
  return script
}

test('a follower behind the compaction point is offered a snapshot and goes on after it', () => {
  const script = behind()
  assert.equal(script.node(3).offer?.meta.index, 4)
  assert.equal(script.core(1).status().progress[1]?.state, 'snapshot')
  script.propose(1, 'd')
  script.stabilize()
  script.install(3)
  script.stabilize()
  assert.equal(script.node(3).log, '1:d')
  assert.equal(script.core(1).status().progress[1]?.state, 'replicate')
  assert.equal(script.core(3).commitIndex, 5)
})

test('rule 7: while a snapshot is installed nothing is appended and the node does not campaign', () => {
  const script = behind()
  const entry = encodeEntry(1, 1, 2, EntryKind.commands, [])
  script.core(3).step({
    kind: 'appendEntries',
    from: 1,
    to: 3,
    term: 1,
    prevIndex: 1,
    prevTerm: 1,
    commitIndex: 2,
    entries: [entry],
  })
  assert.equal(script.core(3).lastIndex, 1)
  script.tick(3, 60)
  assert.equal(script.core(3).role, 'follower')
})

test('an abandoned snapshot is offered again', () => {
  const script = behind()
  script.node(3).offer = null
  script.core(3).snapshotAbandoned()
  for (let i = 0; i < 12; i++) {
    script.tick(1)
    script.stabilize()
  }
  assert.equal(script.node(3).offer?.meta.index, 4)
})

test('a failed transfer goes back to probing; a finished one too, behind the snapshot', () => {
  const script = behind()
  script.core(1).reportSnapshot(3, false)
  assert.deepEqual(
    script
      .core(1)
      .status()
      .progress.map(({ state, next }) => `${state} ${next}`),
    ['replicate 5', 'probe 2'],
  )
})

test('R10: while a snapshot replaces the log, votes are judged by the log as it was', () => {
  const script = led()
  for (const payload of ['a', 'b']) {
    script.propose(1, payload)
    script.stabilize(1, 2)
    script.drop()
  }
  script.compact(1, 3)
  script.tick(1, 4)
  script.stabilize()
  const { disk, core, offer } = script.node(3)
  const { lastIndex } = core
  const index = must(offer, 'offered snapshot').meta.index
  disk.append({
    number: 0,
    entries: [],
    hardState: { ...core.hardState, commitIndex: index },
    install: { meta: must(offer, 'offered snapshot').meta, chain: 0 },
  })
  disk.complete(disk.queued)
  core.forgetLeader()
  const ask = { kind: 'requestPreVote', from: 2, to: 3, term: 2, lastTerm: 1 } as const
  core.step({ ...ask, lastIndex })
  core.step({ ...ask, lastIndex: lastIndex - 1 })
  script.ready(3)
  const answers = script.wire.filter((message) => message.kind === 'preVoteResponse')
  assert.deepEqual(
    answers.map((message) => message.reject),
    [false, true],
  )
})

test('a snapshot that is made later is offered then', () => {
  const script = led()
  for (const payload of ['a', 'b']) {
    script.propose(1, payload)
    script.stabilize(1, 2)
    script.drop()
  }
  script.compact(1, 3)
  script.node(1).noSnapshot = true
  script.tick(1, 4)
  script.stabilize()
  assert.equal(script.node(3).offer, null)
  script.node(1).noSnapshot = false
  script.core(1).snapshotReady()
  script.stabilize()
  assert.equal(script.node(3).offer?.meta.index, 3)
})

test('an offer of what is here already is only acknowledged', () => {
  const script = led()
  const meta = { index: 1, term: 1, confState: script.core(1).confState }
  script.core(3).step({ kind: 'installSnapshot', from: 1, to: 3, term: 1, meta })
  script.stabilize(3)
  assert.equal(script.node(3).offer, null)
  assert.ok(script.wire.some((message) => message.kind === 'appendResponse' && message.index === 1))
})

test('reportUnreachable() goes back to one message at a time', () => {
  const script = led()
  script.core(1).reportUnreachable(2)
  assert.equal(script.core(1).status().progress[0]?.state, 'probe')
  script.propose(1, 'a')
  script.stabilize()
  assert.equal(script.core(1).status().progress[0]?.state, 'replicate')
})

test('duplicates and reordering of appends and acknowledgements change nothing', () => {
  const script = led()
  for (const payload of ['a', 'b', 'c']) {
    script.propose(1, payload)
    script.ready(1)
  }
  script.wire = [...script.wire, ...script.wire].reverse()
  script.stabilize()
  script.tick(1, 4)
  script.stabilize()
  script.tick(1, 4)
  script.stabilize()
  for (const id of [2, 3]) assert.equal(script.node(id).log, '1: 1:a 1:b 1:c')
})
