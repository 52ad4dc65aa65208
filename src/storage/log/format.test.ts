/** R7: the bytes of every frame of format version 1, and that damaged bytes are never taken for a frame. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { must } from '../../lib/assert.ts'
import { crc32 } from '../../lib/crc32.ts'
import { hardState, textEntry } from '../../testing/storage/log-fixture.ts'
import {
  COMMIT_SIZE,
  decodeSegmentHeader,
  encodeSegmentHeader,
  readCommit,
  SEGMENT_HEADER_SIZE,
  segmentName,
  segmentNumber,
  writeCommit,
} from './format.ts'
import { SlabPool } from './frame-buffer.ts'
import { RecordWriter } from './records.ts'
import { findLaterCommit, nextBatch } from './scan.ts'

const SALT = 0x01020304
const HEADER = must(decodeSegmentHeader(encodeSegmentHeader(1, 7, SALT)), 'header')

function written(write: (records: RecordWriter) => void): string {
  const records = new RecordWriter(new SlabPool())
  write(records)
  return Buffer.concat(records.frames.chunks()).toString('hex')
}

test('R7: golden bytes of the segment header', () => {
  const header = encodeSegmentHeader(2, 7, SALT)
  assert.equal(header.length, SEGMENT_HEADER_SIZE)
  assert.equal(
    header.subarray(0, 32).toString('hex'),
    '4b564f52554c4f479536d64b0100000002000000070000000403020100000000',
  )
  assert.deepEqual(decodeSegmentHeader(header), { formatVersion: 1, engineLevel: 2, number: 7, salt: SALT })
})

test('R7: golden bytes of the records', () => {
  const state = hardState(3, 5, 0x010203040506)
  assert.equal(
    written((records) => records.hardState(9, state)),
    '08000000000000008001000009000000030000000000000005000000000000000605040302010000',
  )
  assert.equal(
    written((records) => records.compaction(9, 5, 3)),
    '00000000000000008101000009000000' + '03000000000000000500000000000000',
  )
  assert.equal(
    written((records) => records.installed(9, 5)),
    '00000000000000008301000009000000' + '00000000000000000500000000000000',
  )
  assert.equal(
    written((records) => records.engineLevel(2)),
    '00000000000000008401000000000000' + '00000000000000000200000000000000',
  )
  const record = { index: 5, term: 3, manifest: Buffer.from('abc') }
  assert.equal(
    written((records) => records.install(9, record, true)),
    '03000000000000008201010009000000' + '03000000000000000500000000000000' + '6162630000000000',
  )
})

test('R7: golden bytes of the commit frame', () => {
  const bytes = Buffer.alloc(COMMIT_SIZE)
  const commit = {
    segment: 7,
    sequence: 11,
    offset: 4160,
    batchBytes: 64,
    batchCrc: 0xaabbccdd,
    previousCrc: 1,
  }
  const crc = writeCommit(bytes, 0, commit, SALT)
  assert.equal(
    bytes.toString('hex'),
    '10000000f13b6107ff014346070000000b0000000000000040100000000000004000000000000000ddccbbaa01000000',
  )
  const segment = Buffer.concat([Buffer.alloc(4160), bytes])
  assert.deepEqual(readCommit(segment, 4160, HEADER), { ...commit, crc })
})

test('segment names sort by number and nothing else is one', () => {
  assert.equal(segmentName(42), 'log-0000000042.seg')
  assert.equal(segmentNumber('log-0000000042.seg'), 42)
  for (const name of ['log-42.seg', 'log-0000000042.seg.tmp', 'log-0000000042.sst', 'x']) {
    assert.equal(segmentNumber(name), 0)
  }
})

/** A segment that holds one batch, of one entry. */
function oneBatch(text: string): Buffer {
  const { frame } = textEntry(1, 1, text)
  const records = new RecordWriter(new SlabPool())
  records.frames.add(frame)
  records.hardState(1, hardState(1, 1, 5))
  const body = Buffer.concat(records.frames.chunks())
  const offset = SEGMENT_HEADER_SIZE + body.length
  const commit = Buffer.alloc(COMMIT_SIZE)
  const batchCrc = crc32(body, SALT)
  writeCommit(
    commit,
    0,
    { segment: 7, sequence: 1, offset, batchBytes: body.length, batchCrc, previousCrc: 0 },
    SALT,
  )
  return Buffer.concat([encodeSegmentHeader(1, 7, SALT), body, commit, Buffer.alloc(256)])
}

test('a batch is valid as it was written and with no byte changed', () => {
  const segment = oneBatch('some text')
  const commit = must(nextBatch(segment, SEGMENT_HEADER_SIZE, HEADER), 'batch')
  const end = commit.offset + COMMIT_SIZE
  const change = fc.record({
    at: fc.integer({ min: SEGMENT_HEADER_SIZE, max: end - 1 }),
    mask: fc.integer({ min: 1, max: 255 }),
  })
  fc.assert(
    fc.property(change, ({ at, mask }) => {
      const damaged = Buffer.from(segment)
      damaged[at] = (damaged[at] as number) ^ mask
      return nextBatch(damaged, SEGMENT_HEADER_SIZE, HEADER) === null
    }),
    { seed: 1, numRuns: 500 },
  )
})

test('arbitrary bytes are read without an exception and never as a batch', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const segment = Buffer.concat([encodeSegmentHeader(1, 7, SALT), bytes])
      assert.equal(nextBatch(segment, SEGMENT_HEADER_SIZE, HEADER), null)
      assert.equal(findLaterCommit(segment, SEGMENT_HEADER_SIZE, HEADER, 1), null)
    }),
    { seed: 2, numRuns: 300 },
  )
})

test('R5: a commit frame counts only where it was written and with the salt of its segment', () => {
  const segment = oneBatch('some text')
  const moved = Buffer.concat([
    encodeSegmentHeader(1, 7, SALT),
    Buffer.alloc(64),
    segment.subarray(SEGMENT_HEADER_SIZE),
  ])
  assert.equal(findLaterCommit(moved, SEGMENT_HEADER_SIZE, HEADER, 1), null)
  assert.equal(nextBatch(moved, SEGMENT_HEADER_SIZE + 64, HEADER), null)
  assert.equal(nextBatch(segment, SEGMENT_HEADER_SIZE, { ...HEADER, salt: SALT + 1 }), null)
  assert.equal(nextBatch(segment, SEGMENT_HEADER_SIZE, { ...HEADER, number: 8 }), null)
})
