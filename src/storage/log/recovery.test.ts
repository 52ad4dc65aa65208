/** R5: what a start accepts, drops and refuses. The decision table is in docs/internals/log.md. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '../../lib/assert.ts'
import { crc32 } from '../../lib/crc32.ts'
import { hardState, LOG_FOLDER, LogFixture, textEntry } from '../../testing/storage/log-fixture.ts'
import { LogError } from './errors.ts'
import {
  COMMIT_SIZE,
  decodeSegmentHeader,
  encodeSegmentHeader,
  SEGMENT_HEADER_SIZE,
  segmentName,
  writeCommit,
} from './format.ts'

const SECTOR = 512

function path(number: number): string {
  return `${LOG_FOLDER}/${segmentName(number)}`
}

/** A log whose first segment holds three acknowledged batches; `ends` are the offsets behind each. */
function threeBatches(): { fixture: LogFixture; ends: number[] } {
  const fixture = new LogFixture()
  fixture.open()
  const ends: number[] = [SEGMENT_HEADER_SIZE]
  for (const text of ['a', 'b', 'c']) {
    const { bytesWritten } = fixture.log.status()
    fixture.append([textEntry(1, fixture.group.lastIndex() + 1, text.repeat(700))])
    ends.push(must(ends.at(-1), 'end') + fixture.log.status().bytesWritten - bytesWritten)
  }
  return { fixture, ends }
}

function refusal(fixture: LogFixture): LogError {
  const error = fixture.tryOpen()
  assert(error instanceof LogError, `refused, not ${error}`)
  return error
}

test('R5: a torn tail is dropped whatever sectors of it are missing, and the log goes on', () => {
  const { fixture: probe, ends } = threeBatches()
  const [start, end] = [must(ends[2], 'start'), must(ends[3], 'end')]
  probe.close()
  const first = Math.floor(start / SECTOR)
  const count = Math.ceil(end / SECTOR) - first
  for (let missing = 1; missing < 2 ** count; missing++) {
    const { fixture } = threeBatches()
    fixture.kill()
    for (let i = 0; i < count; i++) {
      const at = Math.max(start, (first + i) * SECTOR)
      const length = Math.min(end, (first + i + 1) * SECTOR) - at
      if ((missing & (1 << i)) !== 0) fixture.disk.damage(path(1), at, Buffer.alloc(length))
    }
    fixture.open()
    assert.deepEqual(fixture.texts(), ['a'.repeat(700), 'b'.repeat(700)])
    fixture.appendTexts(2, 'next')
    fixture.crash('none')
    fixture.open()
    assert.deepEqual(fixture.texts().slice(2), ['next'])
    fixture.kill()
  }
})

test('R5: after a dropped tail the log continues in a fresh segment, otherwise in the same one', () => {
  const { fixture } = threeBatches()
  fixture.close()
  fixture.open()
  fixture.appendTexts(1, 'same')
  assert.equal(fixture.disk.peek(path(1))?.includes('same'), true)
  const tail = must(fixture.disk.peek(path(1)), 'segment').indexOf('same')
  fixture.close()
  fixture.disk.damage(path(1), tail, Buffer.from('SAME'))
  fixture.open()
  fixture.appendTexts(1, 'fresh')
  assert.equal(fixture.group.lastIndex(), 4)
  assert.equal(fixture.disk.peek(path(1))?.includes('fresh'), false)
})

test('R5: any damaged bit before the last batch is refused with file and offset of its batch', () => {
  const { fixture, ends } = threeBatches()
  fixture.close()
  for (let at = SEGMENT_HEADER_SIZE; at < must(ends[2], 'end'); at += 7) {
    fixture.disk.flipBit(path(1), at, at % 8)
    const error = refusal(fixture)
    assert.equal(error.code, 'CORRUPT')
    assert.equal(error.file, path(1))
    assert.equal(error.offset, at < must(ends[1], 'end') ? ends[0] : ends[1], `bit at ${at}`)
    assert.match(error.message, /log-0000000001\.seg at offset \d+: batch \d is (missing or )?damaged/)
    fixture.kill()
    fixture.disk.flipBit(path(1), at, at % 8)
  }
  assert.equal(fixture.tryOpen(), null)
})

test('R5: a damaged bit in the last batch cannot be told from a torn write: the batch is dropped', () => {
  const { fixture, ends } = threeBatches()
  fixture.close()
  for (let at = must(ends[2], 'start'); at < must(ends[3], 'end'); at += 5) {
    fixture.disk.flipBit(path(1), at, 3)
    fixture.open()
    assert.equal(fixture.group.lastIndex(), 2, `bit at ${at}`)
    fixture.kill()
    fixture.disk.flipBit(path(1), at, 3)
  }
})

/** A log over several segments; the value is their paths. */
function manySegments(): { fixture: LogFixture; used: string[] } {
  const fixture = new LogFixture()
  fixture.open()
  for (let i = 1; i <= 60; i++) fixture.append([textEntry(1, i, `${i} `.repeat(400))], hardState(1, i - 1))
  fixture.close()
  const used = fixture.segments().filter((name) => {
    return must(fixture.disk.peek(name), 'segment')
      .subarray(SEGMENT_HEADER_SIZE)
      .some((byte) => byte !== 0)
  })
  assert(used.length >= 4)
  return { fixture, used }
}

test('R5: damage in the last batch of a segment that another one follows is refused', () => {
  const { fixture, used } = manySegments()
  const file = must(used[1], 'segment')
  const bytes = must(fixture.disk.peek(file), 'bytes')
  const end = bytes.findLastIndex((byte) => byte !== 0)
  fixture.disk.flipBit(file, end - 60)
  const error = refusal(fixture)
  assert.equal(error.code, 'CORRUPT')
  assert.equal(error.file, file)
  assert.match(error.message, /batch \d+ is missing or damaged: batch \d+ follows at offset 4096 of/)
})

test('R5: a missing segment is refused, in the middle and at the beginning', () => {
  for (const missing of [0, 1, 2]) {
    const { fixture, used } = manySegments()
    fixture.disk.folders.remove(must(used[missing], 'segment'))
    fixture.disk.folders.syncFolder(LOG_FOLDER)
    const error = refusal(fixture)
    assert.equal(error.code, 'CORRUPT')
    assert.match(
      error.message,
      missing === 0 ? /entries 1 to \d+ of group 1 are missing/ : /is missing or damaged/,
    )
  }
})

test('R5: segments in each other’s place, and a damaged header, are refused', () => {
  const { fixture, used } = manySegments()
  const [first, second] = [must(used[0], 'segment'), must(used[1], 'segment')]
  const bytes = must(fixture.disk.peek(first), 'bytes')
  fixture.disk.damage(first, 0, must(fixture.disk.peek(second), 'bytes'))
  assert.match(refusal(fixture).message, /the header is that of segment 2/)
  fixture.kill()
  fixture.disk.damage(first, 0, bytes)
  fixture.disk.flipBit(first, 24)
  const error = refusal(fixture)
  assert.match(error.message, /the segment header is damaged/)
  assert.equal(error.offset, 0)
})

test('R5: a batch of another log is refused even where all checksums of its own fit', () => {
  const { fixture } = threeBatches()
  const other = threeBatches().fixture
  fixture.close()
  other.append([textEntry(1, 4, 'other')])
  other.close()
  // Same salt (same seed), same numbers, another history: only the chain of commit frames can tell.
  const mine = must(fixture.disk.peek(path(1)), 'segment')
  const salt = must(decodeSegmentHeader(mine), 'header').salt
  assert.equal(must(decodeSegmentHeader(must(other.disk.peek(path(1)), 'segment')), 'header').salt, salt)
  const end = mine.findLastIndex((byte) => byte !== 0) + 1
  const at = Math.ceil(end / 8) * 8
  const frame = textEntry(1, 4, 'forged').frame
  const commit = Buffer.alloc(COMMIT_SIZE)
  const fields = {
    segment: 1,
    sequence: 4,
    offset: at + frame.length,
    batchBytes: frame.length,
    previousCrc: 99,
  }
  writeCommit(commit, 0, { ...fields, batchCrc: crc32(frame, salt) }, salt)
  fixture.disk.damage(path(1), at, Buffer.concat([frame, commit]))
  const error = refusal(fixture)
  assert.match(error.message, /batch 4 is missing or damaged: batch 4 follows/)
})

test('R7: a segment of a newer format is refused as such', () => {
  const { fixture } = threeBatches()
  fixture.close()
  const header = encodeSegmentHeader(1, 1, 5)
  header.writeUInt32LE(2, 12)
  header.writeUInt32LE(crc32(header.subarray(12, 64)), 8)
  fixture.disk.damage(path(1), 0, header)
  const error = refusal(fixture)
  assert.equal(error.code, 'UNSUPPORTED')
  assert.match(error.message, /format version 2 is newer than this program, which reads up to 1/)
})

test('R5: a value made of copies of frames, or of forged ones, never passes for frames', () => {
  for (const isForged of [false, true]) {
    const { fixture, ends } = threeBatches()
    const segment = must(fixture.disk.peek(path(1)), 'segment')
    const frames = segment.subarray(SEGMENT_HEADER_SIZE, must(ends[3], 'end'))
    const at = must(ends[3], 'end') + 32
    const value = isForged ? forgedFrames(at) : Buffer.concat([frames, frames])
    fixture.append([textEntry(1, 4, value)])
    fixture.append([textEntry(1, 5, 'last')])
    fixture.crash('none')
    fixture.open()
    assert.equal(fixture.group.lastIndex(), 5)
    fixture.close()
    // Tear the batch that holds the value: what follows its header is only the client's bytes.
    const tail = must(fixture.disk.peek(path(1)), 'segment')
    fixture.disk.damage(path(1), at + value.length, Buffer.alloc(tail.length - at - value.length))
    for (const header of [false, true]) {
      if (header) fixture.disk.damage(path(1), at - 32, Buffer.alloc(32))
      fixture.open()
      assert.equal(fixture.group.lastIndex(), 3)
      fixture.kill()
    }
  }
})

/** Valid in everything but the salt, as far as a client could know: sequences and offsets that would fit. */
function forgedFrames(offset: number): Buffer {
  const parts: Buffer[] = []
  for (let sequence = 4; sequence < 40; sequence++) {
    const frame = textEntry(9, 4, 'forged').frame
    const commit = Buffer.alloc(COMMIT_SIZE)
    const at = offset + Buffer.concat(parts).length + frame.length
    const fields = { segment: 1, sequence, offset: at, batchBytes: frame.length, previousCrc: 0 }
    writeCommit(commit, 0, { ...fields, batchCrc: crc32(frame) }, 0)
    parts.push(frame, commit)
  }
  return Buffer.concat(parts)
}

test('R5: what a recycled segment held before never comes back', () => {
  const fixture = new LogFixture()
  fixture.open()
  const salts = new Set<number>()
  let highest = 0
  for (let i = 1; i <= 300; i++) {
    fixture.append([textEntry(1, i, 'x'.repeat(900))], hardState(1, i))
    fixture.group.compact(i - 1)
    if (i % 50 !== 0) continue
    fixture.crash('subset')
    fixture.open()
    assert.equal(fixture.group.lastIndex(), i)
    for (const name of fixture.segments()) {
      const header = must(decodeSegmentHeader(must(fixture.disk.peek(name), 'segment')), 'header')
      if (header.number > highest) assert.equal(salts.has(header.salt), false)
      salts.add(header.salt)
      highest = Math.max(highest, header.number)
    }
  }
  assert(salts.size > 10)
})

test('R5: what a start accepted after kill -9 is durable once the log is open', () => {
  let accepted = 0
  for (let seed = 1; seed <= 40; seed++) {
    const fixture = new LogFixture({ seed })
    const group = fixture.open()
    fixture.appendTexts(1, 'acknowledged')
    group.append([textEntry(1, 2, 'in flight')], null, () => undefined)
    fixture.log.flush()
    for (let i = seed % 3; i > 0; i--) fixture.world.step()
    fixture.kill()
    fixture.open()
    const texts = fixture.texts()
    accepted += texts.length - 1
    fixture.crash('none')
    fixture.open()
    assert.deepEqual(fixture.texts(), texts, `seed ${seed}`)
  }
  assert(accepted > 0)
})

test('R6: what a start accepts after a failed sync is written again, not merely synced', () => {
  let accepted = 0
  for (let seed = 1; seed <= 40; seed++) {
    const fixture = new LogFixture({ seed })
    const group = fixture.open()
    fixture.appendTexts(1, 'acknowledged')
    fixture.world.runFor(500)
    fixture.disk.failNext({ operation: 'sync', path: '.seg' })
    group.append([textEntry(1, 2, 'x'.repeat(1500))], null, () => assert.fail('acknowledged'))
    fixture.log.flush()
    fixture.world.runUntil(() => fixture.fatals.length === 1)
    fixture.kill()
    fixture.open()
    const texts = fixture.texts()
    accepted += texts.length - 1
    fixture.crash('none')
    fixture.open()
    assert.deepEqual(fixture.texts(), texts, `seed ${seed}`)
  }
  assert(accepted > 0)
})

test('R5: an entry that is damaged on disk is not served: reading it ends the process', () => {
  const fixture = new LogFixture({ entryCacheBytes: 0 })
  const group = fixture.open()
  fixture.appendTexts(1, 'intact', 'damaged')
  const at = must(fixture.disk.peek(path(1)), 'segment').indexOf('damaged')
  fixture.disk.flipBit(path(1), at)
  assert.equal(group.entries(2, 3, 1000), 'pending')
  fixture.world.runUntil(() => fixture.fatals.length === 1)
  assert.match(String(fixture.fatals[0]), /log-0000000001\.seg at offset \d+: entry 2 of group 1 is damaged/)
  assert.throws(() => fixture.read(2, 3), { code: 'CORRUPT' })
})

test('unfinished files are removed at a start, and other files are left alone', () => {
  const { fixture } = threeBatches()
  fixture.close()
  fixture.disk.folders.create(`${path(99)}.tmp`)
  fixture.disk.folders.create(`${LOG_FOLDER}/notes.txt`)
  fixture.open()
  assert.equal(fixture.disk.peek(`${path(99)}.tmp`), null)
  assert.notEqual(fixture.disk.peek(`${LOG_FOLDER}/notes.txt`), null)
})
