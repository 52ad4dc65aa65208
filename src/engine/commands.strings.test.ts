/** Replies of the further commands on strings, to the byte, as Redis 7.2 gives them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { limits } from '../protocol/limits.ts'
import { EngineClient } from '../testing/engine/engine-client.ts'
import { script } from '../testing/engine/engine-script.ts'

const NOT_AN_INTEGER = '-ERR value is not an integer or out of range'
const NOT_A_FLOAT = '-ERR value is not a valid float'
const SYNTAX = '-ERR syntax error'
const TOO_LONG = '-ERR string exceeds maximum allowed size (proto-max-bulk-len)'

describe('SETNX, SETEX, PSETEX, GETSET, MSETNX', () => {
  test('SETNX sets only what is absent and leaves its expiry alone', () => {
    script([
      ['SETNX a 1', ':1'],
      ['EXPIRE a 10', ':1'],
      ['SETNX a 2', ':0'],
      ['GET a', '$1\r\n1'],
      ['TTL a', ':10'],
    ])
  })

  test('SETEX and PSETEX want a time that is positive', () => {
    script([
      ['SETEX a 10 x', '+OK'],
      ['TTL a', ':10'],
      ['PSETEX a 1500 y', '+OK'],
      ['PTTL a', ':1500'],
      ['SETEX a 0 z', "-ERR invalid expire time in 'setex' command"],
      ['PSETEX a -1 z', "-ERR invalid expire time in 'psetex' command"],
      ['SETEX a 1.5 z', NOT_AN_INTEGER],
      ['GET a', '$1\r\ny'],
    ])
  })

  test('GETSET gives the string before and drops the expiry', () => {
    script([
      ['GETSET a 1', '$-1'],
      ['EXPIRE a 10', ':1'],
      ['GETSET a 2', '$1\r\n1'],
      ['TTL a', ':-1'],
    ])
  })

  test('MSETNX sets all or none', () => {
    script([
      ['MSETNX a 1 b 2 a 3', ':1'],
      ['MSETNX c 1 b 9', ':0'],
      ['MGET a b c', '*3\r\n$1\r\n3\r\n$1\r\n2\r\n$-1'],
      ['MSETNX c 1 d', "-ERR wrong number of arguments for 'msetnx' command"],
    ])
  })
})

describe('GETDEL and GETEX', () => {
  test('GETDEL deletes what it gives', () => {
    script([
      ['GETDEL a', '$-1'],
      ['SET a 1', '+OK'],
      ['GETDEL a', '$1\r\n1'],
      ['DBSIZE', ':0'],
    ])
  })

  test('GETEX changes the expiry and nothing else', () => {
    script([
      ['GETEX a EX x', '$-1'],
      ['SET a 1', '+OK'],
      ['GETEX a', '$1\r\n1'],
      ['TTL a', ':-1'],
      ['GETEX a EX 10', '$1\r\n1'],
      ['TTL a', ':10'],
      ['GETEX a', '$1\r\n1'],
      ['TTL a', ':10'],
      ['GETEX a PERSIST', '$1\r\n1'],
      ['TTL a', ':-1'],
      ['GETEX a PXAT 1000003', '$1\r\n1'],
      ['PTTL a', ':3'],
      ['GETEX a EXAT 1', '$1\r\n1'],
      ['EXISTS a', ':0'],
    ])
  })

  test('GETEX refuses options that contradict each other or are none', () => {
    script([
      ['SET a 1', '+OK'],
      ['GETEX a EX', SYNTAX],
      ['GETEX a EX 1 PERSIST', SYNTAX],
      ['GETEX a PERSIST PX 1', SYNTAX],
      ['GETEX a EX 1 PX 1', SYNTAX],
      ['GETEX a KEEPTTL', SYNTAX],
      ['GETEX a EX 0', "-ERR invalid expire time in 'getex' command"],
      ['GETEX a EX x', NOT_AN_INTEGER],
      ['TTL a', ':-1'],
    ])
  })
})

describe('parts of a string', () => {
  test('APPEND adds to the end and keeps the expiry; an empty value creates the key', () => {
    script([
      [['APPEND', 'a', ''], ':0'],
      ['EXISTS a', ':1'],
      ['APPEND a he', ':2'],
      ['EXPIRE a 10', ':1'],
      ['APPEND a llo', ':5'],
      ['GET a', '$5\r\nhello'],
      ['TTL a', ':10'],
      ['STRLEN a', ':5'],
      ['STRLEN none', ':0'],
    ])
  })

  test('GETRANGE takes both ends, from either side', () => {
    script([
      ['SET a hello', '+OK'],
      ['GETRANGE a 1 3', '$3\r\nell'],
      ['GETRANGE a -3 -1', '$3\r\nllo'],
      ['GETRANGE a 0 100', '$5\r\nhello'],
      ['GETRANGE a -100 1', '$2\r\nhe'],
      ['GETRANGE a 3 1', '$0\r\n'],
      ['GETRANGE a -1 -2', '$0\r\n'],
      ['GETRANGE a 0 -100', '$1\r\nh'],
      ['GETRANGE a -9223372036854775807 -9223372036854775808', '$0\r\n'],
      ['SUBSTR a 1 1', '$1\r\ne'],
      ['GETRANGE none 0 -1', '$0\r\n'],
      ['GETRANGE none 0 x', NOT_AN_INTEGER],
    ])
  })

  test('SETRANGE fills with zeros, and an empty value changes nothing', () => {
    script([
      [['SETRANGE', 'a', '5', ''], ':0'],
      ['EXISTS a', ':0'],
      ['SETRANGE a 2 xy', ':4'],
      ['GET a', '$4\r\n\0\0xy'],
      ['SETRANGE a 1 z', ':4'],
      ['GET a', '$4\r\n\0zxy'],
      [['SETRANGE', 'a', '100', ''], ':4'],
      ['SETRANGE a -1 x', '-ERR offset is out of range'],
      ['SETRANGE a x x', NOT_AN_INTEGER],
    ])
  })

  test('R20: no string grows beyond the limit', () => {
    const client = new EngineClient()
    client.run('SET', 'a', Buffer.alloc(limits.valueBytes))
    const { revision } = client.engine
    script(
      [
        ['APPEND a x', TOO_LONG],
        [['SETRANGE', 'a', limits.valueBytes, 'x'], TOO_LONG],
        ['SETRANGE b 9223372036854775807 x', TOO_LONG],
        [['BITFIELD', 'b', 'SET', 'u8', limits.valueBytes * 8 - 4, '1'], TOO_LONG],
      ],
      client,
    )
    assert.equal(client.engine.revision, revision)
  })
})

describe('INCRBYFLOAT', () => {
  test('adds as Redis does and keeps the expiry', () => {
    script([
      ['INCRBYFLOAT a 10.50', '$4\r\n10.5'],
      ['EXPIRE a 10', ':1'],
      ['INCRBYFLOAT a 0.1', '$4\r\n10.6'],
      ['INCRBYFLOAT a -10.6', '$1\r\n0'],
      ['TTL a', ':10'],
      ['INCRBYFLOAT a 5.0e3', '$4\r\n5000'],
      ['INCRBYFLOAT a -0x1p3', '$4\r\n4992'],
      ['GET a', '$4\r\n4992'],
    ])
  })

  test('refuses what is no number, or would not be finite', () => {
    script([
      ['SET a x', '+OK'],
      ['INCRBYFLOAT a 1', NOT_A_FLOAT],
      ['INCRBYFLOAT b nan', NOT_A_FLOAT],
      ['INCRBYFLOAT b 1e5000', NOT_A_FLOAT],
      ['INCRBYFLOAT b inf', '-ERR increment would produce NaN or Infinity'],
      ['SET c 1e4932', '+OK'],
      ['INCRBYFLOAT c 1e4932', '-ERR increment would produce NaN or Infinity'],
      ['EXISTS b', ':0'],
    ])
  })
})

describe('LCS', () => {
  const texts = [['MSET a ohmytext b mynewtext', '+OK']] as const

  test('gives the sequence, its length, or where it lies', () => {
    script([
      ...texts,
      ['LCS a b', '$6\r\nmytext'],
      ['LCS a b LEN', ':6'],
      [
        'LCS a b IDX',
        '%2\r\n$7\r\nmatches\r\n*2\r\n*2\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n' +
          '*2\r\n*2\r\n:2\r\n:3\r\n*2\r\n:0\r\n:1\r\n$3\r\nlen\r\n:6',
      ],
      [
        'LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN',
        '%2\r\n$7\r\nmatches\r\n*1\r\n*3\r\n*2\r\n:4\r\n:7\r\n*2\r\n:5\r\n:8\r\n:4\r\n$3\r\nlen\r\n:6',
      ],
      ['LCS a none', '$0\r\n'],
      ['LCS a none LEN', ':0'],
    ])
  })

  test('refuses wrong options, and strings whose table would be too large', () => {
    const client = script([
      ...texts,
      ['LCS a b LEN IDX', '-ERR If you want both the length and indexes, please just use IDX.'],
      ['LCS a b MINMATCHLEN', SYNTAX],
      ['LCS a b MINMATCHLEN x', NOT_AN_INTEGER],
    ])
    client.run('SET', 'long', Buffer.alloc(Math.sqrt(limits.lcsCells)))
    assert.match(client.run('LCS', 'long', 'long'), /^-ERR Insufficient memory/)
  })
})
