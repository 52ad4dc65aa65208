/** The message codec: round trips, no copies, damaged input. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Entry, EntryKind, encodeEntry, entryPayload } from '../protocol/entry.ts'
import { confOfVoters } from './membership.ts'
import { decodeMessage, encodeMessage } from './message-codec.ts'
import type { AppendEntries, Message } from './messages.ts'

fc.configureGlobal({ seed: 20_268 })

const GROUP = 3
const u64 = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const byte = fc.integer({ min: 0, max: 255 })
const envelope = { from: u64, to: u64, term: u64 }

const entries = fc
  .record({ prevIndex: fc.nat(1000), prevTerm: fc.nat(5), sizes: fc.array(fc.nat(50), { maxLength: 4 }) })
  .map(({ prevIndex, prevTerm, sizes }) => ({
    prevIndex,
    prevTerm,
    entries: sizes.map((size, i) =>
      encodeEntry(GROUP, prevTerm + i, prevIndex + 1 + i, EntryKind.commands, [Buffer.alloc(size, i)]),
    ),
  }))

const append = fc
  .record({ from: u64, to: u64, commitIndex: u64, body: entries })
  .map(({ body, ...rest }): AppendEntries => ({ kind: 'appendEntries', term: 99, ...rest, ...body }))

const plain: fc.Arbitrary<Message> = fc.oneof(
  fc.record({ kind: fc.constant('requestPreVote'), ...envelope, lastIndex: u64, lastTerm: u64 }),
  fc.record({ kind: fc.constant('preVoteResponse'), ...envelope, reject: fc.boolean() }),
  fc.record({
    kind: fc.constant('requestVote'),
    ...envelope,
    lastIndex: u64,
    lastTerm: u64,
    transfer: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('voteResponse'), ...envelope, reject: fc.boolean() }),
  fc.record({
    kind: fc.constant('appendResponse'),
    ...envelope,
    index: u64,
    reject: fc.boolean(),
    hintIndex: u64,
    hintTerm: u64,
    space: byte,
  }),
  fc.record({ kind: fc.constant('heartbeat'), ...envelope, commitIndex: u64, position: u64 }),
  fc.record({ kind: fc.constant('heartbeatResponse'), ...envelope, position: u64, space: byte }),
  fc.record({
    kind: fc.constant('installSnapshot'),
    ...envelope,
    meta: fc
      .tuple(u64, u64)
      .map(([index, term]) => ({ index, term, confState: confOfVoters([1, 2, 2 ** 47]) })),
  }),
  fc.record({ kind: fc.constant('timeoutNow'), ...envelope }),
)
const message: fc.Arbitrary<Message> = fc.oneof(plain, append)

test('every message survives the codec', () => {
  fc.assert(
    fc.property(message, (value) => {
      assert.deepEqual(decodeMessage(Buffer.concat(encodeMessage(value)), GROUP), { ...value })
    }),
    { numRuns: 500 },
  )
})

test('frames are neither copied when encoding nor when decoding', () => {
  const entry = encodeEntry(GROUP, 1, 1, EntryKind.commands, [Buffer.from('x')])
  const value: AppendEntries = {
    kind: 'appendEntries',
    from: 1,
    to: 2,
    term: 1,
    prevIndex: 0,
    prevTerm: 0,
    commitIndex: 0,
    entries: [entry],
  }
  const chunks = encodeMessage(value)
  assert.equal(chunks[1], entry.frame)
  const bytes = Buffer.concat(chunks)
  const decoded = decodeMessage(bytes, GROUP)
  assert.ok(decoded?.kind === 'appendEntries')
  assert.equal(decoded.entries[0]?.frame.buffer, bytes.buffer)
})

test('truncated, extended and foreign messages are refused', () => {
  fc.assert(
    fc.property(message, fc.nat(), (value, cut) => {
      const bytes = Buffer.concat(encodeMessage(value))
      assert.equal(decodeMessage(bytes.subarray(0, cut % bytes.length), GROUP), null)
      assert.equal(decodeMessage(Buffer.concat([bytes, Buffer.alloc(8)]), GROUP), null)
      if (value.kind === 'appendEntries' && value.entries.length > 0)
        assert.equal(decodeMessage(bytes, 4), null)
    }),
  )
})

test('flipped bits give a message or null, never an exception, and never a damaged entry', () => {
  fc.assert(
    fc.property(message, fc.nat(), fc.nat(7), (value, at, bit) => {
      const bytes = Buffer.concat(encodeMessage(value))
      const position = at % bytes.length
      bytes[position] = (bytes[position] as number) ^ (1 << bit)
      const decoded = decodeMessage(bytes, GROUP)
      if (value.kind !== 'appendEntries' || decoded?.kind !== 'appendEntries') return
      const content = ({ term, index, kind, frame }: Entry): unknown[] => [
        term,
        index,
        kind,
        entryPayload({ term, index, kind, frame }),
      ]
      assert.deepEqual(
        decoded.entries.map(content),
        value.entries.slice(0, decoded.entries.length).map(content),
      )
    }),
    { numRuns: 1000 },
  )
})

test('noise is refused without an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
      const bytes = Buffer.from(noise)
      if (bytes.length > 1) bytes[0] = 1
      decodeMessage(bytes, GROUP)
    }),
    { numRuns: 1000 },
  )
})

test('R7: fields that a newer version adds to a body are skipped', () => {
  const value: Message = { kind: 'heartbeat', from: 1, to: 2, term: 3, commitIndex: 4, position: 5 }
  const [head] = encodeMessage(value)
  assert.ok(head !== undefined)
  const longer = Buffer.concat([head, Buffer.alloc(8, 7)])
  longer.writeUInt32LE(24, 4)
  assert.deepEqual(decodeMessage(longer, GROUP), value)
})

test('R7: the bytes of a heartbeat are those of version 1', () => {
  const value: Message = { kind: 'heartbeat', from: 1, to: 2, term: 3, commitIndex: 4, position: 5 }
  const expected = [
    '01070000 10000000',
    '0100000000000000 0200000000000000 0300000000000000',
    '0400000000000000 0500000000000000',
  ]
  assert.equal(Buffer.concat(encodeMessage(value)).toString('hex'), expected.join('').replaceAll(' ', ''))
})
