/**
 * The log and the bookkeeping of its writes: against an array, and the cases that asynchronous writes make hard.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Entry, EntryKind, encodeEntry } from '../protocol/entry.ts'
import { LogImage } from '../testing/core-sim/log-image.ts'
import { Persistence } from './persistence.ts'
import { RaftLog } from './raft-log.ts'
import type { LogReader } from './types.ts'

fc.configureGlobal({ seed: 20_268 })

function entry(index: number, term: number, kind: EntryKind = EntryKind.commands): Entry {
  return encodeEntry(1, term, index, kind, [Buffer.from(`${index}`)])
}

/** A log over a disk that holds exactly what was made durable. */
class Fixture {
  readonly disk = new LogImage()
  readonly persistence = new Persistence()
  readonly log: RaftLog
  readonly writes: { number: number; entries: readonly Entry[] }[] = []

  constructor(durable: readonly Entry[] = [], commitIndex = 0) {
    this.disk.append(durable)
    const { disk } = this
    const reader: LogReader = {
      firstIndex: () => disk.base.index + 1,
      lastIndex: () => disk.lastIndex,
      term: (index) => disk.term(index),
      entries: (low, high, maxBytes) => disk.slice(low, high, maxBytes),
      snapshot: () => null,
    }
    const start = { commitIndex, appliedIndex: 0 }
    this.log = new RaftLog(reader, start, (index) => this.persistence.truncated(index))
  }

  take(): void {
    const entries = this.log.take()
    const number = this.persistence.issue(true, entries.at(-1)?.index ?? 0, this.log.commitIndex)
    this.writes.push({ number, entries })
  }

  /** The oldest write becomes durable; `acknowledged` = the core hears of it. */
  persist(): void {
    const write = this.writes.shift()
    if (write === undefined) return
    this.disk.append(write.entries)
    this.log.stableTo(this.persistence.acknowledge(write.number))
    this.log.commitDurable(this.persistence.durableCommit)
  }

  terms(): number[] {
    return Array.from({ length: this.log.lastIndex }, (_, i) => this.log.term(i + 1) ?? -1)
  }
}

test('appendAfter() refuses a point that is not in the log', () => {
  const { log } = new Fixture([entry(1, 1), entry(2, 2)])
  assert.equal(log.appendAfter(2, 1, [entry(3, 2)]), null)
  assert.equal(log.appendAfter(3, 2, []), null)
  assert.equal(log.lastIndex, 2)
})

test('appendAfter() keeps what it holds already: an old append does not cut a newer tail', () => {
  const { log } = new Fixture([entry(1, 1), entry(2, 1), entry(3, 1)])
  assert.equal(log.appendAfter(0, 0, [entry(1, 1), entry(2, 1)]), 2)
  assert.equal(log.lastIndex, 3)
})

test('appendAfter() replaces from the first conflict on', () => {
  const fixture = new Fixture([entry(1, 1), entry(2, 1), entry(3, 1)])
  assert.equal(fixture.log.appendAfter(1, 1, [entry(2, 2)]), 2)
  assert.deepEqual(fixture.terms(), [1, 2])
  assert.equal(fixture.log.stableIndex, 1)
})

test('a conflict with something committed is a bug and ends the process', () => {
  const { log } = new Fixture([entry(1, 1), entry(2, 1)], 2)
  assert.throws(() => log.appendAfter(1, 1, [entry(2, 2)]), /conflicts with committed/)
})

test('a commit index beyond the log says that acknowledged data was lost', () => {
  const { log } = new Fixture([entry(1, 1)])
  assert.throws(() => log.commitTo(2), /acknowledged data was lost/)
})

test('findConflict() skips a term at a time', () => {
  const { log } = new Fixture([1, 1, 3, 3, 3, 5].map((term, i) => entry(i + 1, term)))
  assert.deepEqual(log.findConflict(6, 4), { index: 5, term: 3 })
  assert.deepEqual(log.findConflict(5, 2), { index: 2, term: 1 })
  assert.deepEqual(log.findConflict(9, 9), { index: 6, term: 5 })
  assert.deepEqual(log.findConflict(2, 0), { index: 0, term: 0 })
})

test('rule 1: a late acknowledgement of an overwritten write makes nothing stable (ABA)', () => {
  const fixture = new Fixture([entry(1, 1)])
  const { log } = fixture
  // The same entry (2, term 1) is written, replaced by term 2, and comes back from another leader.
  log.appendAfter(1, 1, [entry(2, 1)])
  fixture.take()
  log.appendAfter(1, 1, [entry(2, 2)])
  fixture.take()
  log.appendAfter(1, 1, [entry(2, 1)])
  fixture.persist()
  assert.equal(log.stableIndex, 1)
  fixture.take()
  fixture.persist()
  assert.equal(log.stableIndex, 1)
  fixture.persist()
  assert.equal(log.stableIndex, 2)
  assert.equal(fixture.disk.term(2), 1)
})

test('rule 1: what a truncation left of a write is still attested by it', () => {
  const fixture = new Fixture()
  fixture.log.appendAfter(0, 0, [entry(1, 1), entry(2, 1), entry(3, 1)])
  fixture.take()
  fixture.log.appendAfter(2, 1, [entry(3, 2)])
  fixture.persist()
  assert.equal(fixture.log.stableIndex, 2)
})

test('rule 3: nothing is applicable before it is durable here', () => {
  const fixture = new Fixture()
  fixture.log.appendAfter(0, 0, [entry(1, 1), entry(2, 1)])
  fixture.log.commitTo(2)
  assert.equal(fixture.log.applicable(), 0)
  fixture.take()
  fixture.persist()
  assert.equal(fixture.log.applicable(), 2)
  assert.throws(() => fixture.log.appliedTo(3))
})

test('a configuration entry is applicable only when its commit is durable', () => {
  const fixture = new Fixture()
  fixture.log.appendAfter(0, 0, [entry(1, 1), entry(2, 1, EntryKind.config)])
  fixture.take()
  fixture.persist()
  fixture.log.commitTo(2)
  assert.equal(fixture.log.applicable(), 1)
  fixture.take()
  fixture.persist()
  assert.equal(fixture.log.applicable(), 2)
})

test('what was in the log at the start may be a configuration entry', () => {
  const { log } = new Fixture([entry(1, 1), entry(2, 1)], 1)
  assert.ok(log.hasUnappliedConfig)
  log.appliedTo(1)
  assert.ok(!log.hasUnappliedConfig)
  assert.ok(log.hasPendingConfig)
})

/** A model that holds the whole log in one array. */
const action = fc.oneof(
  fc.record({
    kind: fc.constant('append' as const),
    back: fc.nat(4),
    terms: fc.array(fc.nat(2), { maxLength: 4 }),
  }),
  fc.record({ kind: fc.constant('take' as const) }),
  fc.record({ kind: fc.constant('persist' as const) }),
  fc.record({ kind: fc.constant('commit' as const), ahead: fc.nat(3) }),
)

test('the log equals an array, whatever is durable by now', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const fixture = new Fixture()
      const { log } = fixture
      let model: number[] = []
      let newest = 1
      for (const step of actions) {
        if (step.kind === 'take') fixture.take()
        else if (step.kind === 'persist') fixture.persist()
        else if (step.kind === 'commit') log.commitTo(Math.min(log.commitIndex + step.ahead, log.lastIndex))
        else {
          newest++
          const prev = Math.max(log.commitIndex, model.length - step.back)
          const entries = step.terms.map((_, i) => entry(prev + 1 + i, newest))
          assert.equal(log.appendAfter(prev, model[prev - 1] ?? 0, entries), prev + entries.length)
          if (entries.length > 0) model = [...model.slice(0, prev), ...entries.map(() => newest)]
        }
        assert.deepEqual(fixture.terms(), model)
        assert.ok(log.stableIndex <= fixture.disk.lastIndex)
        for (let i = 1; i <= log.stableIndex; i++) assert.equal(fixture.disk.term(i), model[i - 1])
      }
      fixture.take()
      while (fixture.writes.length > 0) fixture.persist()
      assert.equal(log.stableIndex, log.lastIndex)
    }),
    { numRuns: 200 },
  )
})
