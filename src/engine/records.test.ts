/** The stored forms: records, physical keys and expiry rows. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  decodeDueKey,
  encodeDueKey,
  encodeExpiryValue,
  expiryRangeUntil,
  expiryRowKey,
  parseExpiryRow,
} from './expiry-index.ts'
import { databaseRange, recordPrefix, recordRange, userKeyOf } from './keys.ts'
import { encodeRecord, KeyRecord, RecordType } from './records.ts'

const SEED = 11
const PLAIN = { noNullPrototype: true }
const bytes = fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array))
const latin1 = bytes.map((buffer) => buffer.toString('latin1'))
const u48 = fc.integer({ min: 0, max: 2 ** 48 - 1 })
const u53 = fc.maxSafeNat()
const databaseId = fc.integer({ min: 1, max: 2 ** 32 - 2 })

test('a record is read back as it was written', () => {
  const fields = {
    createRevision: u48,
    modRevision: u48,
    version: u48,
    createdAt: u48,
    updatedAt: u48,
    expiresAt: u53,
  }
  fc.assert(
    fc.property(fc.record(fields, PLAIN), bytes, (header, value) => {
      const record = new KeyRecord(encodeRecord({ type: RecordType.string, ...header }, value))
      const { createRevision, modRevision, version, createdAt, updatedAt, expiresAt } = record
      assert.deepEqual({ createRevision, modRevision, version, createdAt, updatedAt, expiresAt }, header)
      assert.deepEqual([record.type, record.typeName, record.value], [RecordType.string, 'string', value])
    }),
    { seed: SEED },
  )
})

test('R7: the bytes of a record are these', () => {
  const header = {
    createRevision: 1,
    modRevision: 2,
    version: 3,
    createdAt: 4,
    updatedAt: 2 ** 40,
    expiresAt: 258,
  }
  const record = encodeRecord({ type: RecordType.string, ...header }, Buffer.from('ab'))
  const fields = ['01', '01', '010000000000', '020000000000', '030000000000', '040000000000', '000000000001']
  assert.equal(record.toString('hex'), `${fields.join('')}0201000000000000${'6162'}`)
})

test('R7: a record of another format, or cut off, is refused', () => {
  const header = { createRevision: 1, modRevision: 1, version: 1, createdAt: 1, updatedAt: 1, expiresAt: 0 }
  const record = encodeRecord({ type: RecordType.string, ...header }, Buffer.alloc(0))
  assert.throws(() => new KeyRecord(record.subarray(0, 39)), /39 bytes/)
  record[0] = 3
  assert.throws(() => new KeyRecord(record), /format 3/)
})

test('a content type lies in front of the value, and changes nothing else', () => {
  const header = { createRevision: 1, modRevision: 2, version: 3, createdAt: 4, updatedAt: 5, expiresAt: 6 }
  const value = Buffer.from('value')
  const plain = new KeyRecord(encodeRecord({ type: RecordType.string, ...header }, value))
  const typed = new KeyRecord(encodeRecord({ type: RecordType.string, ...header }, value, Buffer.from('a/b')))
  assert.deepEqual([plain.value, plain.contentType], [value, null])
  assert.deepEqual([typed.value, typed.contentType], [value, Buffer.from('a/b')])
  assert.deepEqual([typed.expiresAt, typed.modRevision, typed.typeName], [6, 2, 'string'])
})

test('records of a database lie in its range, in the order of their user keys', () => {
  fc.assert(
    fc.property(databaseId, latin1, latin1, (id, a, b) => {
      const [one, other] = [recordPrefix(id) + a, recordPrefix(id) + b]
      assert.equal(one < other, Buffer.compare(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1')) < 0)
      for (const range of [databaseRange(id), recordRange(id, ''), recordRange(id, a)]) {
        assert(range.from <= one && one < range.to)
      }
      assert.equal(userKeyOf(one).toString('latin1'), a)
      const next = databaseRange(id + 1)
      assert(one < next.from)
    }),
    { seed: SEED },
  )
})

test('expiry rows order by time and are read back', () => {
  fc.assert(
    fc.property(u53, u53, databaseId, bytes, u53, (at, otherAt, id, key, revision) => {
      const row = expiryRowKey(at, id, key.toString('latin1'))
      const due = parseExpiryRow(row, encodeExpiryValue(revision))
      assert.deepEqual(due, {
        expiryRow: row,
        expiresAt: at,
        physicalDatabase: id,
        key,
        modRevision: revision,
      })
      assert.deepEqual(decodeDueKey(encodeDueKey(due)), due)
      const range = expiryRangeUntil(Math.min(otherAt, 2 ** 52))
      assert.equal(range.from <= row && row < range.to, at <= Math.min(otherAt, 2 ** 52))
      assert(row < databaseRange(1).from)
    }),
    { seed: SEED },
  )
})

test('what is no expiry row is told apart', () => {
  assert.equal(parseExpiryRow(`${recordPrefix(1)}key`, encodeExpiryValue(1)), null)
  assert.equal(parseExpiryRow(expiryRowKey(1, 1, 'k'), Buffer.alloc(3)), null)
  assert.equal(parseExpiryRow('', Buffer.alloc(8)), null)
})
