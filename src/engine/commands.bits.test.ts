/** Replies of the commands on bits, to the byte, as Redis 7.2 gives them. */
import { describe, test } from 'node:test'
import { script } from '../testing/engine/engine-script.ts'

const NOT_AN_INTEGER = '-ERR value is not an integer or out of range'
const OFFSET = '-ERR bit offset is not an integer or out of range'
const SYNTAX = '-ERR syntax error'

describe('SETBIT and GETBIT', () => {
  test('write and read single bits, highest first', () => {
    script([
      ['SETBIT a 7 1', ':0'],
      ['SETBIT a 0 1', ':0'],
      ['GET a', '$1\r\n\x81'],
      ['SETBIT a 7 0', ':1'],
      ['GETBIT a 0', ':1'],
      ['GETBIT a 7', ':0'],
      ['GETBIT a 1000', ':0'],
      ['GETBIT none 1', ':0'],
      ['SETBIT a 15 0', ':0'],
      ['STRLEN a', ':2'],
    ])
  })

  test('refuse offsets and bits that are none', () => {
    script([
      ['SETBIT a -1 1', OFFSET],
      ['SETBIT a 134217728 1', OFFSET],
      ['SETBIT a x 2', OFFSET],
      ['SETBIT a 1 2', '-ERR bit is not an integer or out of range'],
      ['GETBIT a #1', OFFSET],
      ['EXISTS a', ':0'],
    ])
  })
})

describe('BITCOUNT and BITPOS', () => {
  test('count in bytes or bits', () => {
    script([
      ['SET a foobar', '+OK'],
      ['BITCOUNT a', ':26'],
      ['BITCOUNT a 0 0', ':4'],
      ['BITCOUNT a 1 1 BYTE', ':6'],
      ['BITCOUNT a 5 30 BIT', ':17'],
      ['BITCOUNT a -2 -1', ':7'],
      ['BITCOUNT a 3 1', ':0'],
      ['BITCOUNT none', ':0'],
      ['BITCOUNT a 1', SYNTAX],
      ['BITCOUNT a 0 1 NIBBLE', SYNTAX],
    ])
  })

  test('find the first bit; a search for 0 without an end goes beyond the string', () => {
    script([
      [['SET', 'a', Buffer.from([0xff, 0xf0, 0x00])], '+OK'],
      ['BITPOS a 0', ':12'],
      ['BITPOS a 1 2', ':-1'],
      ['BITPOS a 1 7 15 BIT', ':7'],
      [['SET', 'b', Buffer.from([0xff])], '+OK'],
      ['BITPOS b 0', ':8'],
      ['BITPOS b 0 0 -1', ':-1'],
      ['BITPOS none 0', ':0'],
      ['BITPOS none 1', ':-1'],
      ['BITPOS b 2', '-ERR The bit argument must be 1 or 0.'],
    ])
  })

  test('refuse wrong ranges of absent keys as well (7.2)', () => {
    script([
      ['BITCOUNT none 0 x', NOT_AN_INTEGER],
      ['BITPOS none 0 x', NOT_AN_INTEGER],
      ['BITPOS none 0 0 1 NIBBLE', SYNTAX],
    ])
  })
})

describe('BITOP', () => {
  test('works on all bytes of the longest string', () => {
    script([
      [['MSET', 'a', Buffer.from([0xf0, 0xff]), 'b', Buffer.from([0x3c])], '+OK'],
      ['BITOP AND d a b', ':2'],
      ['GET d', '$2\r\n\x30\x00'],
      ['BITOP OR d a b', ':2'],
      ['GET d', '$2\r\n\xfc\xff'],
      ['BITOP xor d a b', ':2'],
      ['GET d', '$2\r\n\xcc\xff'],
      ['BITOP NOT d b', ':1'],
      ['GET d', '$1\r\n\xc3'],
    ])
  })

  test('deletes its target when nothing is left, and drops its expiry otherwise', () => {
    script([
      ['SET d 1 EX 10', '+OK'],
      ['SET a 1', '+OK'],
      ['BITOP OR d a', ':1'],
      ['TTL d', ':-1'],
      ['BITOP AND d none other', ':0'],
      ['EXISTS d', ':0'],
      ['BITOP NAND d a', SYNTAX],
      ['BITOP NOT d a a', '-ERR BITOP NOT must be called with a single source key.'],
    ])
  })
})

describe('BITFIELD', () => {
  test('reads, sets and adds integers of any width', () => {
    script([
      ['BITFIELD a SET i8 0 -1 GET u4 4 INCRBY u8 #1 200', '*3\r\n:0\r\n:15\r\n:200'],
      ['GET a', '$2\r\n\xff\xc8'],
      ['BITFIELD a SET i64 3 -9223372036854775808', '*1\r\n:-126100789566373888'],
      ['BITFIELD a GET i64 3 GET u3 0', '*2\r\n:-9223372036854775808\r\n:7'],
      ['BITFIELD a', '*0'],
      ['BITFIELD none GET u8 0', '*1\r\n:0'],
      ['EXISTS none', ':0'],
    ])
  })

  test('wraps, saturates or refuses, as told for what follows', () => {
    script([
      ['BITFIELD a INCRBY u2 0 5', '*1\r\n:1'],
      ['BITFIELD a OVERFLOW SAT INCRBY u2 0 5 OVERFLOW FAIL INCRBY u2 0 1', '*2\r\n:3\r\n$-1'],
      ['BITFIELD a OVERFLOW SAT SET i8 8 -200 GET i8 8', '*2\r\n:0\r\n:-128'],
      ['BITFIELD a OVERFLOW SAT SET u8 8 -1 GET u8 8', '*2\r\n:128\r\n:255'],
      ['BITFIELD a OVERFLOW MAYBE', '-ERR Invalid OVERFLOW type specified'],
    ])
  })

  test('makes room for a write that then fails', () => {
    script([
      ['BITFIELD a OVERFLOW FAIL INCRBY u2 8 5', '*1\r\n$-1'],
      ['STRLEN a', ':2'],
    ])
  })

  test('refuses wrong types, offsets and words before it changes anything', () => {
    const type =
      '-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.'
    script([
      ['BITFIELD a SET u8 0 1 GET u64 0', type],
      ['BITFIELD a SET u8 0 1 GET u8 -1', OFFSET],
      ['BITFIELD a SET u8 0 1 SET u8 #99999999999 1', OFFSET],
      ['BITFIELD a SET u8 0 x', NOT_AN_INTEGER],
      ['BITFIELD a GET u8', SYNTAX],
      ['BITFIELD_RO a SET u8 0 1', '-ERR BITFIELD_RO only supports the GET subcommand'],
      ['BITFIELD_RO a GET u8 0', '*1\r\n:0'],
      ['EXISTS a', ':0'],
    ])
  })
})
