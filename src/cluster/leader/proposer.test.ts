/** The proposer: when entries are cut (R1) and which streams are refused (R14). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeCommand } from '../../protocol/commands.ts'
import { type Entry, entryPayload } from '../../protocol/entry.ts'
import { limits } from '../../protocol/limits.ts'
import { decodeRunHeader, decodeStamp, encodeRun, STAMP_SIZE } from '../../protocol/runs.ts'
import { encodeForwardHeader } from '../frames.ts'
import { Proposer } from './proposer.ts'

const SELF = 1

function fixture() {
  const entries: Entry[] = []
  const refused: string[] = []
  const state = { busy: false, leader: true, outcome: 'ok' as 'ok' | 'full' }
  const target = {
    term: 3,
    get lastIndex() {
      return entries.length
    },
    propose(entry: Entry) {
      if (state.outcome === 'ok') entries.push(entry)
      return state.outcome
    },
  }
  const proposer = new Proposer({
    group: 0,
    self: SELF,
    target,
    logBusy: () => state.busy,
    stampMs: () => 1_234,
    isLeader: () => state.leader,
    refuse: (origin, header, reason) => refused.push(`${origin}/${header.stream}/${header.frame} ${reason}`),
  })
  return { proposer, entries, refused, state }
}

function frame(stream: number, number: number, first: number, count = 1, size = 10): Buffer {
  const command = encodeCommand(1, 0, [Buffer.alloc(size)])
  const run = encodeRun({ session: 9, firstSequence: first, floor: 1 }, new Array(count).fill(command))
  return Buffer.concat([encodeForwardHeader({ stream, frame: number }), run])
}

function counts(entry: Entry): number {
  const payload = entryPayload(entry)
  assert.equal(decodeStamp(payload), 1_234)
  let commands = 0
  for (let at = STAMP_SIZE; at < payload.length; ) {
    const run = decodeRunHeader(payload, at)
    commands += run.count
    at = run.end
  }
  return commands
}

test('R1: an idle log writer means an entry is cut at once', () => {
  const { proposer, entries } = fixture()
  proposer.receive(2, frame(1, 0, 1, 3), 0)
  assert.equal(proposer.cut(0), 0)
  assert.deepEqual(entries.map(counts), [3])
})

test('R1: while the log writer is busy commands gather for 1 ms', () => {
  const { proposer, entries, state } = fixture()
  state.busy = true
  proposer.receive(2, frame(1, 0, 1), 10)
  assert.equal(proposer.cut(10.5), 0.5)
  proposer.receive(2, frame(1, 1, 2), 10.75)
  assert.equal(entries.length, 0)
  proposer.cut(11)
  assert.deepEqual(entries.map(counts), [2])
})

test('R1: 1 000 commands or 1 MiB fill an entry even while the writer is busy', () => {
  const { proposer, entries, state } = fixture()
  state.busy = true
  for (let i = 0; i < 5; i++) proposer.receive(2, frame(1, i, 1 + i * 250, 250), 0)
  proposer.cut(0)
  assert.deepEqual(entries.map(counts), [1_000])
  proposer.receive(2, frame(1, 5, 2_000, 1, limits.entryBytes + 1), 0)
  proposer.cut(0)
  assert.deepEqual(entries.map(counts), [1_000, 250, 1], 'one larger command fills an entry alone')
})

test('R14: from a gap on the stream is refused until it starts anew', () => {
  const { proposer, entries, refused } = fixture()
  proposer.receive(2, frame(1, 0, 1), 0)
  proposer.receive(2, frame(1, 2, 3), 0)
  proposer.receive(2, frame(1, 3, 4), 0)
  proposer.receive(2, frame(2, 0, 1, 4), 0)
  proposer.cut(0)
  assert.deepEqual(refused, ['2/1/2 gap', '2/1/3 gap'])
  assert.deepEqual(entries.map(counts), [4])
})

test('R14: a node that does not lead refuses, and queued commands of a lost leadership are dropped', () => {
  const { proposer, entries, refused, state } = fixture()
  state.outcome = 'full'
  proposer.receive(2, frame(1, 0, 1), 0)
  proposer.cut(0)
  proposer.clear()
  state.leader = false
  proposer.receive(2, frame(1, 1, 2), 0)
  state.leader = true
  state.outcome = 'ok'
  proposer.cut(0)
  assert.deepEqual(refused, ['2/1/1 notLeader'])
  assert.deepEqual(entries, [])
})

test('R15: a full core is credit, not refusal: the queue waits', () => {
  const { proposer, entries, refused, state } = fixture()
  state.outcome = 'full'
  proposer.receive(2, frame(1, 0, 1), 0)
  proposer.cut(0)
  state.outcome = 'ok'
  proposer.cut(1)
  assert.deepEqual([entries.length, refused.length], [1, 0])
})

test('R1: another node is told of the commit of its commands once', () => {
  const { proposer } = fixture()
  proposer.receive(SELF, frame(1, 0, 1), 0)
  proposer.cut(0)
  assert.equal(proposer.takeRemote(1), false)
  proposer.receive(2, frame(1, 0, 1), 0)
  proposer.cut(0)
  assert.equal(proposer.takeRemote(1), false)
  assert.equal(proposer.takeRemote(2), true)
  assert.equal(proposer.takeRemote(2), false)
})

test('R20: a new stream replaces what waits of the one before it', () => {
  const { proposer, entries, state } = fixture()
  state.outcome = 'full'
  proposer.receive(3, frame(1, 0, 1, 2), 0)
  for (let stream = 1; stream <= 5; stream++) {
    proposer.receive(2, frame(stream, 0, 1, 3), 0)
    proposer.receive(2, frame(stream, 1, 4, 3), 0)
  }
  assert.equal(proposer.queuedBytes, 2 * frame(1, 0, 1, 3).length + frame(1, 0, 1, 2).length - 3 * 12)
  state.outcome = 'ok'
  proposer.cut(0)
  assert.deepEqual(entries.map(counts), [8])
  assert.equal(proposer.queuedBytes, 0)
})
