/** The log in normal operation: appends, reads, truncation, compaction, install, state. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hardState, LogFixture, textEntry } from '../../testing/storage/log-fixture.ts'
import { COMMIT_SIZE } from './format.ts'

const SEGMENT_BYTES = 16 * 1024

test('a new log is empty', () => {
  const fixture = new LogFixture()
  const group = fixture.open()
  assert.equal(group.firstIndex(), 1)
  assert.equal(group.lastIndex(), 0)
  assert.equal(group.term(0), 0)
  assert.equal(group.term(1), null)
  assert.deepEqual(group.entries(1, 5, 1000), [])
  assert.deepEqual(fixture.log.recovered(1), { hardState: hardState(0), install: null })
})

test('appended entries and the hard state survive a restart', () => {
  const fixture = new LogFixture()
  fixture.open()
  fixture.append([textEntry(1, 1, 'a'), textEntry(1, 2, 'b')], hardState(1, 1, 7))
  fixture.close()
  fixture.open()
  assert.deepEqual(fixture.texts(), ['a', 'b'])
  assert.deepEqual(fixture.log.recovered(1).hardState, hardState(1, 1, 7))
})

test('appends are visible at once and acknowledged in order when durable', () => {
  const fixture = new LogFixture()
  const group = fixture.open()
  const acknowledged: number[] = []
  group.append([textEntry(1, 1, 'a')], null, () => acknowledged.push(1))
  fixture.log.flush()
  group.append([textEntry(1, 2, 'b')], null, () => acknowledged.push(2))
  group.append([], hardState(2), () => acknowledged.push(3))
  assert.equal(group.lastIndex(), 2)
  assert.equal(group.term(2), 1)
  assert.equal(fixture.texts().join(), 'a,b')
  assert.deepEqual(acknowledged, [])
  fixture.world.runUntil(() => acknowledged.length === 3)
  assert.deepEqual(acknowledged, [1, 2, 3])
})

test('what gathers while a write is in flight goes out as one write and one sync', () => {
  const fixture = new LogFixture()
  const group = fixture.open()
  fixture.appendTexts(1, 'first')
  const { syncs } = fixture.log.status()
  let acknowledged = 0
  for (let i = 0; i < 50; i++) {
    group.append([textEntry(1, 2 + i, `x${i}`)], null, () => acknowledged++)
    fixture.log.flush()
    fixture.log.flush()
  }
  assert.equal(fixture.log.busy, true)
  fixture.world.runUntil(() => acknowledged === 50)
  assert.equal(fixture.log.status().syncs, syncs + 2)
  assert.equal(fixture.log.busy, false)
})

test('an append that replaces entries replaces everything from there on, also on disk', () => {
  const fixture = new LogFixture()
  const group = fixture.open()
  fixture.appendTexts(1, 'a', 'b', 'c', 'd')
  fixture.append([textEntry(2, 3, 'C')])
  assert.equal(group.lastIndex(), 3)
  assert.equal(group.term(3), 2)
  assert.equal(group.term(4), null)
  assert.deepEqual(fixture.texts(), ['a', 'b', 'C'])
  fixture.close()
  fixture.open()
  assert.deepEqual(fixture.texts(), ['a', 'b', 'C'])
})

test('an append may not leave a gap, go back in term, or replace a committed entry', () => {
  const fixture = new LogFixture()
  const group = fixture.open()
  const done = (): void => undefined
  fixture.append([textEntry(2, 1, 'a'), textEntry(2, 2, 'b')], hardState(2, 1))
  assert.throws(() => group.append([textEntry(2, 4, 'd')], null, done), /Entry 4 follows 2/)
  assert.throws(() => group.append([textEntry(1, 3, 'c')], null, done), /term 1 after term 2/)
  assert.throws(() => group.append([textEntry(3, 1, 'A')], null, done), /committed up to 1/)
  assert.throws(() => group.append([textEntry(2, 3, 'c', 9)], null, done), /log of its group/)
  assert.throws(() => group.append([], hardState(1), done), /Term falls/)
})

test('groups share the log and not their state', () => {
  const fixture = new LogFixture()
  fixture.open()
  const other = fixture.log.group(2)
  fixture.append([textEntry(1, 1, 'one')], hardState(1))
  fixture.append([textEntry(5, 1, 'two', 2), textEntry(5, 2, 'three', 2)], hardState(5, 1), other)
  assert.equal(fixture.log.bytesSince(2, 2), textEntry(5, 2, 'three', 2).frame.length)
  fixture.close()
  fixture.open()
  assert.deepEqual(fixture.texts(fixture.log.group(1)), ['one'])
  assert.deepEqual(fixture.texts(fixture.log.group(2)), ['two', 'three'])
  assert.equal(fixture.log.recovered(2).hardState.term, 5)
})

test('entries that left the cache are pending once, then there; the handler is told', () => {
  const fixture = new LogFixture({ entryCacheBytes: 100 })
  const group = fixture.open()
  let fetched = 0
  group.onFetched(() => fetched++)
  for (let i = 1; i <= 30; i++) fixture.appendTexts(1, `text ${i}`)
  assert.equal(group.entries(1, 31, 1 << 20), 'pending')
  assert.equal(group.entries(1, 31, 1 << 20), 'pending')
  fixture.world.runUntil(() => fetched === 1)
  const found = group.entries(1, 31, 1 << 20)
  assert(Array.isArray(found))
  assert.equal(found.length >= 20, true)
  assert.equal(found[0].index, 1)
  assert.equal((group.entries(5, 31, 90) as unknown[]).length, 2)
  assert.equal((group.entries(5, 31, 1) as unknown[]).length, 1)
  assert.equal(fixture.log.status().cacheBytes < 4096, true)
})

test('entries that are not durable stay in memory whatever the cache limit', () => {
  const fixture = new LogFixture({ entryCacheBytes: 0 })
  const group = fixture.open()
  group.append([textEntry(1, 1, 'a'), textEntry(1, 2, 'b')], null, () => undefined)
  assert.equal((group.entries(1, 3, 1000) as unknown[]).length, 2)
  fixture.settle()
  assert.equal(group.entries(1, 3, 1000), 'pending')
})

test('a read that entries() has begun already is shared', () => {
  const fixture = new LogFixture({ entryCacheBytes: 0 })
  const group = fixture.open()
  fixture.appendTexts(1, 'a', 'b')
  const { reads } = fixture.disk.counts
  assert.equal(group.entries(1, 3, 1000), 'pending')
  assert.equal(fixture.read(1, 3).length, 2)
  assert.equal(fixture.disk.counts.reads, reads + 1)
})

test('R9: compacted entries are gone, their segments are recycled, and the rest survives', () => {
  const fixture = new LogFixture()
  const group = fixture.open()
  for (let i = 1; i <= 100; i++) fixture.append([textEntry(1, i, `${i}`.repeat(300))], hardState(1, i))
  const before = fixture.log.status()
  assert(before.segments >= 5)
  group.compact(90)
  assert.equal(group.firstIndex(), 91)
  assert.equal(group.term(90), 1)
  assert.equal(group.entries(90, 95, 1000), 'compacted')
  fixture.settle()
  const { segments, logBytes } = fixture.log.status()
  assert(segments < before.segments)
  assert.equal(logBytes, fixture.log.bytesSince(1, 91))
  const texts = fixture.texts()
  fixture.close()
  fixture.open()
  assert.equal(fixture.group.firstIndex(), 91)
  assert.equal(fixture.group.term(90), 1)
  assert.deepEqual(fixture.texts(), texts)
  assert.deepEqual(fixture.log.recovered(1).hardState, hardState(1, 100))
})

test('R9: the log stays within a few segments while it is compacted behind its end', () => {
  const fixture = new LogFixture()
  const group = fixture.open()
  for (let i = 1; i <= 400; i++) {
    fixture.append([textEntry(1, i, 'x'.repeat(700))], hardState(1, i))
    if (i % 10 === 0) group.compact(i - 5)
  }
  fixture.settle()
  assert(fixture.log.status().segments <= 6)
  assert(fixture.segments().length <= 6)
})

test('the hard state of a silent group survives the removal of the segment it was written to', () => {
  const fixture = new LogFixture()
  fixture.open()
  fixture.append([], hardState(3, 0, 42), fixture.log.group(2))
  for (let i = 1; i <= 100; i++) {
    fixture.append([textEntry(1, i, 'x'.repeat(500))], hardState(1, i))
    fixture.group.compact(i)
  }
  fixture.crash('none')
  fixture.open()
  assert.deepEqual(fixture.log.recovered(2).hardState, hardState(3, 0, 42))
})

test('R10: an install voids a log that does not hold its point, and is found until it is marked done', () => {
  const fixture = new LogFixture()
  const group = fixture.open()
  fixture.appendTexts(1, 'a', 'b')
  const record = { index: 50, term: 3, manifest: Buffer.from('manifest') }
  fixture.sync((done) => group.install(record, hardState(4, 50), done))
  assert.equal(group.firstIndex(), 51)
  assert.equal(group.lastIndex(), 50)
  assert.equal(group.term(50), 3)
  fixture.append([textEntry(4, 51, 'next')])
  fixture.crash('none')
  fixture.open()
  assert.deepEqual(fixture.log.recovered(1), { hardState: hardState(4, 50), install: record })
  assert.deepEqual(fixture.texts(), ['next'])
  fixture.group.installed(50)
  fixture.settle()
  fixture.close()
  fixture.open()
  assert.equal(fixture.log.recovered(1).install, null)
  assert.equal(fixture.group.firstIndex(), 51)
})

test('R10: an install keeps a log that holds its point', () => {
  const fixture = new LogFixture()
  const group = fixture.open()
  fixture.appendTexts(1, 'a', 'b', 'c')
  const record = { index: 2, term: 1, manifest: Buffer.from('m') }
  fixture.sync((done) => group.install(record, hardState(1, 2), done))
  assert.deepEqual(fixture.texts(), ['a', 'b', 'c'])
  group.compact(2)
  fixture.settle()
  fixture.close()
  fixture.open()
  assert.deepEqual(fixture.texts(), ['c'])
  assert.deepEqual(fixture.log.recovered(1).install, record)
})

test('R10: an unfinished install survives the removal of the segment it was written to', () => {
  const fixture = new LogFixture()
  const group = fixture.open()
  const record = { index: 10, term: 1, manifest: Buffer.alloc(20_001, 'm') }
  fixture.sync((done) => group.install(record, hardState(1, 10), done))
  for (let i = 11; i <= 80; i++) {
    fixture.append([textEntry(1, i, 'x'.repeat(500))], hardState(1, i))
    group.compact(i)
  }
  fixture.settle()
  fixture.crash('none')
  fixture.open()
  assert.deepEqual(fixture.log.recovered(1).install, record)
})

test('an entry larger than a segment gets a segment of its own', () => {
  const fixture = new LogFixture()
  const group = fixture.open()
  const large = 'L'.repeat(3 * SEGMENT_BYTES)
  fixture.appendTexts(1, 'before', large, 'behind')
  fixture.appendTexts(1, 'more')
  fixture.crash('none')
  fixture.open()
  assert.deepEqual(fixture.texts(), ['before', large, 'behind', 'more'])
  group.compact(0)
  fixture.append([], hardState(1, 4))
  fixture.group.compact(4)
  fixture.settle()
  const sizes = fixture.segments().map((path) => fixture.disk.peek(path)?.length)
  assert.deepEqual([...new Set(sizes)], [SEGMENT_BYTES])
})

test('one append is in one batch, and batches stay within their limit', () => {
  const fixture = new LogFixture({ batchBytes: 1000, segmentBytes: 64 * 1024 })
  const group = fixture.open()
  fixture.appendTexts(1, 'first')
  const { syncs } = fixture.log.status()
  const texts = Array.from({ length: 10 }, (_, i) => textEntry(1, 2 + i, 'x'.repeat(400)))
  for (const entry of texts) group.append([entry], null, () => undefined)
  fixture.settle()
  assert.equal(fixture.log.status().syncs, syncs + 5)
})

test('R7: the engine level is remembered, repeated in new segments, and refused when it is not known', () => {
  const fixture = new LogFixture()
  fixture.open()
  assert.equal(fixture.log.engineLevel, 1)
  fixture.log.raiseEngineLevel(3)
  fixture.settle()
  for (let i = 1; i <= 100; i++) {
    fixture.append([textEntry(1, i, 'x'.repeat(500))], hardState(1, i))
    fixture.group.compact(i)
  }
  fixture.close()
  const refusal = fixture.tryOpen({ engineLevelMax: 2 })
  assert.match(String(refusal), /engine level 3 is newer than this program, which knows up to 2/)
  fixture.kill()
  fixture.open({ engineLevelMax: 3 })
  assert.equal(fixture.log.engineLevel, 3)
})

test('R4: the age of the sync in flight is known', () => {
  const fixture = new LogFixture()
  const group = fixture.open()
  fixture.appendTexts(1, 'first')
  assert.equal(fixture.log.status().syncAgeMs, 0)
  fixture.disk.stallSyncs()
  group.append([textEntry(1, 2, 'stalled')], null, () => undefined)
  fixture.log.flush()
  fixture.world.runFor(700)
  const { syncAgeMs, syncBytes } = fixture.log.status()
  assert.equal(Math.round(syncAgeMs), 700)
  assert.equal(syncBytes, textEntry(1, 2, 'stalled').frame.length + COMMIT_SIZE)
  fixture.disk.releaseSyncs()
  fixture.settle()
  assert.equal(fixture.log.status().syncAgeMs, 0)
})

test('closing writes what was appended', () => {
  const fixture = new LogFixture()
  const group = fixture.open()
  group.append([textEntry(1, 1, 'a')], null, () => undefined)
  fixture.world.runFor(1000)
  fixture.close()
  fixture.crash('none')
  fixture.open()
  assert.deepEqual(fixture.texts(), ['a'])
})

test('the snapshot of a group is what its provider says', () => {
  const fixture = new LogFixture()
  const group = fixture.open()
  assert.equal(group.snapshot(), null)
  const confState = { voters: [1], votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false }
  group.setSnapshotProvider(() => ({ index: 5, term: 2, confState }))
  assert.equal(group.snapshot()?.index, 5)
})
