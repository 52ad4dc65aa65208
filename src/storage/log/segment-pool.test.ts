/** R6: errors end the process or are tried again, and the reserve outlives a full disk. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '../../lib/assert.ts'
import { limits } from '../../protocol/limits.ts'
import { hardState, LogFixture, textEntry } from '../../testing/storage/log-fixture.ts'
import { RESERVE_SEGMENTS } from './segment-pool.ts'

const SEGMENT_BYTES = 16 * 1024

/** A log with one entry and the whole reserve prepared. */
function opened(): LogFixture {
  const fixture = new LogFixture()
  fixture.open()
  fixture.appendTexts(1, 'first')
  fixture.world.runFor(1000)
  assert.equal(fixture.log.status().preparedBytes, RESERVE_SEGMENTS * SEGMENT_BYTES)
  return fixture
}

function appendMany(fixture: LogFixture, count: number): { acknowledged: number } {
  const counter = { acknowledged: 0 }
  for (let i = 0; i < count; i++) {
    const index = fixture.group.lastIndex() + 1
    fixture.group.append(
      [textEntry(1, index, 'x'.repeat(900))],
      hardState(1, index),
      () => counter.acknowledged++,
    )
    fixture.log.flush()
    fixture.world.runFor(20)
  }
  return counter
}

test('R6: a failed write or sync of the log ends the process and acknowledges nothing', () => {
  for (const operation of ['write', 'sync'] as const) {
    const fixture = opened()
    let acknowledged = 0
    fixture.disk.failNext({ operation, path: '.seg' })
    fixture.group.append([textEntry(1, 2, 'a')], null, () => acknowledged++)
    fixture.log.flush()
    fixture.group.append([textEntry(1, 3, 'b')], null, () => acknowledged++)
    fixture.world.runFor(5000)
    fixture.log.flush()
    fixture.world.runFor(5000)
    assert.equal(acknowledged, 0)
    assert.equal(fixture.fatals.length, 1)
    assert.match(String(fixture.fatals[0]), /EIO/)
  }
})

test('R6: a failed sync of the folder ends the process', () => {
  const fixture = opened()
  fixture.disk.failNext({ operation: 'syncFolder' })
  appendMany(fixture, 20)
  assert.equal(fixture.fatals.length, 1)
})

test('R6: a segment that cannot be prepared is discarded and tried again', () => {
  for (const operation of ['open', 'write', 'sync', 'rename'] as const) {
    const fixture = opened()
    fixture.disk.failNext({ operation, path: '.tmp', count: 2 })
    const counter = appendMany(fixture, 60)
    fixture.world.runFor(10_000)
    assert.equal(counter.acknowledged, 60, operation)
    assert.equal(fixture.log.status().preparedBytes, RESERVE_SEGMENTS * SEGMENT_BYTES)
    assert.deepEqual(fixture.fatals, [])
    assert.deepEqual(
      fixture.disk.folders.paths().filter((path) => path.endsWith('.tmp')),
      [],
    )
  }
})

test('R6: on a full disk the log runs on its reserve, then waits, and resumes when there is room', () => {
  const fixture = opened()
  fixture.disk.setCapacity(fixture.disk.usedBytes())
  const first = appendMany(fixture, 14)
  assert.equal(first.acknowledged, 14)
  const status = fixture.log.status()
  assert.equal(status.spaceShort, true)
  assert.equal(status.preparedBytes < RESERVE_SEGMENTS * SEGMENT_BYTES, true)
  const second = appendMany(fixture, 60)
  fixture.world.runFor(60_000)
  assert(second.acknowledged < 60)
  assert.equal(fixture.log.busy, true)
  assert.equal(fixture.log.status().syncAgeMs, 0)
  assert.equal(fixture.log.status().preparedBytes, 0)
  assert.deepEqual(fixture.fatals, [])
  fixture.disk.setCapacity(2 ** 30)
  fixture.world.runUntil(() => second.acknowledged === 60)
  fixture.world.runFor(5000)
  assert.equal(fixture.log.status().spaceShort, false)
  assert.equal(fixture.log.status().preparedBytes, RESERVE_SEGMENTS * SEGMENT_BYTES)
  fixture.crash('none')
  fixture.open()
  assert.equal(fixture.group.lastIndex(), 75)
})

test('R6: on a full disk compaction alone keeps the log going, by recycling', () => {
  const fixture = opened()
  fixture.disk.setCapacity(fixture.disk.usedBytes())
  for (let i = 0; i < 200; i++) {
    assert.equal(appendMany(fixture, 1).acknowledged, 1)
    fixture.group.compact(fixture.group.lastIndex())
  }
  assert.equal(fixture.group.lastIndex(), 201)
})

test('R6: a start on a full disk has the prepared segments for its reserve', () => {
  const fixture = opened()
  fixture.disk.setCapacity(fixture.disk.usedBytes())
  fixture.crash('none')
  fixture.open()
  fixture.world.runFor(5000)
  assert.equal(fixture.log.status().preparedBytes, RESERVE_SEGMENTS * SEGMENT_BYTES)
  assert.equal(appendMany(fixture, 14).acknowledged, 14)
})

test('segments of less than half the size, or larger than it, are not recycled', () => {
  for (const [size, isRecycled] of [
    [SEGMENT_BYTES, true],
    [SEGMENT_BYTES / 2, true],
    [SEGMENT_BYTES / 4, false],
  ] as const) {
    const fixture = new LogFixture()
    fixture.open({ segmentBytes: size })
    fixture.world.runFor(1000)
    fixture.close()
    fixture.disk.setCapacity(fixture.disk.usedBytes())
    fixture.open({ segmentBytes: SEGMENT_BYTES })
    fixture.world.runFor(1000)
    assert.equal(fixture.log.status().preparedBytes, isRecycled ? RESERVE_SEGMENTS * size : 0)
  }
})

test('segments grow from the first size to the full one, also over restarts', () => {
  const first = limits.firstSegmentBytes
  const fixture = new LogFixture({ segmentBytes: 4 * first })
  fixture.open()
  fixture.world.runFor(1000)
  assert.equal(fixture.log.status().preparedBytes, 2 * first)
  const text = 'x'.repeat(first / 2)
  for (let i = 0; i < 12; i++) fixture.appendTexts(1, text)
  fixture.close()
  fixture.open()
  fixture.world.runFor(1000)
  assert.equal(fixture.log.status().preparedBytes, 8 * first)
  const sizes = fixture.segments().map((path) => must(fixture.disk.peek(path), 'segment').length / first)
  assert.deepEqual(sizes, [1, 1, 2, 4, 4, 4])
})

test('a segment that is being read is kept until the read is done', () => {
  const fixture = new LogFixture({ entryCacheBytes: 0, disk: { latency: { readMs: 500 } } })
  const group = fixture.open()
  for (let i = 1; i <= 60; i++) fixture.append([textEntry(1, i, 'x'.repeat(900))], hardState(1, i))
  let error: Error | null | undefined
  group.read(1, 5, 1000, (failure) => {
    error = failure
  })
  group.compact(60)
  fixture.settle()
  fixture.world.runUntil(() => error !== undefined)
  assert.match(String(error), /is gone/)
  assert.deepEqual(fixture.fatals, [])
  fixture.world.runFor(5000)
  assert(fixture.log.status().segments <= 5)
})
