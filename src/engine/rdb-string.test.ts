/** Dumps of strings: what is written is read back, what is damaged is refused; compared with redis-server elsewhere. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { crc64 } from '../lib/crc64.ts'
import { script } from '../testing/engine/engine-script.ts'
import { decodeDump, encodeDump, isDump } from './rdb-string.ts'

/** A dump with this body and a right footer. */
function sealed(...body: number[]): Buffer {
  const bytes = Buffer.from([...body, 11, 0])
  return Buffer.concat([bytes, crc64(bytes)])
}

test('every string comes back as it was dumped', () => {
  const integers = [0, 1, -1, 127, -128, 128, 32_767, -32_769, 2 ** 31 - 1, -(2 ** 31), 2 ** 31].map(String)
  const texts = [
    '',
    '01',
    '-0',
    '1.5',
    'x'.repeat(63),
    'x'.repeat(64),
    'x'.repeat(16_383),
    'x'.repeat(16_384),
  ]
  for (const text of [...integers, ...texts]) {
    const dump = encodeDump(Buffer.from(text))
    assert(isDump(dump))
    assert.equal(decodeDump(dump)?.toString(), text)
  }
})

test('what is compressed is read', () => {
  const packed = [1, 0x61, 0x62, 0xe0, 10, 1]
  assert.equal(decodeDump(sealed(0, 0xc3, packed.length, 21, ...packed))?.toString(), 'ababababababababababa')
})

test('what is damaged, cut off, newer or no string is refused and harms nothing', () => {
  const dump = encodeDump(Buffer.from('hello'))
  for (let i = 0; i < dump.length; i++) {
    const damaged = Buffer.from(dump)
    damaged[i] = (damaged[i] as number) ^ 1
    assert(!isDump(damaged))
    assert(!isDump(dump.subarray(0, i)))
  }
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 20 }), (body) => {
      for (const head of [[], [0], [0, 0xc3], [0, 0xc3, 4, 8]]) decodeDump(sealed(...head, ...body))
    }),
    { seed: 1, numRuns: 500 },
  )
  for (const body of [
    [],
    [0],
    [1, 1, 0x61],
    [0, 5, 0x61],
    [0, 0xc3, 2, 5, 0xe0, 1],
    [0, 0x80, 0],
    [0, 0xc5],
  ]) {
    assert.equal(decodeDump(sealed(...body)), null, String(body))
  }
})

describe('DUMP and RESTORE', () => {
  const five = encodeDump(Buffer.from('5'))

  test('take a value and its expiry from one key to another', () => {
    script([
      ['DUMP a', '$-1'],
      ['SET a 5', '+OK'],
      ['DUMP a', `$13\r\n${five.toString('latin1')}`],
      [['RESTORE', 'b', '0', five], '+OK'],
      ['TTL b', ':-1'],
      [['RESTORE', 'b', '0', five], '-BUSYKEY Target key name already exists.'],
      [['RESTORE', 'b', '1500', five, 'REPLACE'], '+OK'],
      ['PTTL b', ':1500'],
      [['RESTORE', 'b', '1000003', five, 'REPLACE', 'ABSTTL', 'FREQ', '3'], '+OK'],
      ['PTTL b', ':3'],
      [['RESTORE', 'b', '3', five, 'REPLACE', 'ABSTTL'], '+OK'],
      ['EXISTS b', ':0'],
    ])
  })

  test('refuse what is wrong, in the order of Redis', () => {
    script([
      [['RESTORE', 'b', 'x', 'y', 'no'], '-ERR syntax error'],
      [['RESTORE', 'b', 'x', 'y'], '-ERR value is not an integer or out of range'],
      [['RESTORE', 'b', '-1', 'y'], '-ERR Invalid TTL value, must be >= 0'],
      [['RESTORE', 'b', '0', 'y'], '-ERR DUMP payload version or checksum are wrong'],
      [['RESTORE', 'b', '0', sealed(1, 0)], '-ERR Bad data format'],
      [['RESTORE', 'b', '0', five, 'IDLETIME', '-1'], '-ERR Invalid IDLETIME value, must be >= 0'],
      [['RESTORE', 'b', '0', five, 'FREQ', '256'], '-ERR Invalid FREQ value, must be >= 0 and <= 255'],
      [['RESTORE', 'b', '0', five, 'FREQ', '1', 'IDLETIME', '1'], '-ERR syntax error'],
      ['EXISTS b', ':0'],
    ])
  })
})
