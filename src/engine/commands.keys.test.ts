/** Replies of the further commands on keys and databases, to the byte, as Redis 7.2 gives them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EngineClient } from '../testing/engine/engine-client.ts'
import { script } from '../testing/engine/engine-script.ts'

const NOT_AN_INTEGER = '-ERR value is not an integer or out of range'
const NO_SUCH_KEY = '-ERR no such key'
const SAME = '-ERR source and destination objects are the same'
const OUT_OF_RANGE = '-ERR DB index is out of range'
const SYNTAX = '-ERR syntax error'

describe('UNLINK and TOUCH', () => {
  test('delete and count as DEL and EXISTS', () => {
    script([
      ['MSET a 1 b 2', '+OK'],
      ['TOUCH a a none', ':2'],
      ['UNLINK a a none', ':1'],
      ['DBSIZE', ':1'],
    ])
  })
})

describe('EXPIREAT, PEXPIREAT, EXPIRETIME, PEXPIRETIME', () => {
  test('set and tell the time at which a key goes', () => {
    script([
      ['EXPIREAT a 2000', ':0'],
      ['EXPIRETIME a', ':-2'],
      ['SET a 1', '+OK'],
      ['PEXPIRETIME a', ':-1'],
      ['EXPIREAT a 2000', ':1'],
      ['PEXPIRETIME a', ':2000000'],
      ['PEXPIREAT a 2000499', ':1'],
      ['EXPIRETIME a', ':2000'],
      ['PEXPIREAT a 2000500', ':1'],
      ['EXPIRETIME a', ':2001'],
      ['PTTL a', ':1000500'],
    ])
  })

  test('take the conditions of EXPIRE; a time that is past deletes', () => {
    script([
      ['SET a 1', '+OK'],
      ['EXPIREAT a 2000 XX', ':0'],
      ['EXPIREAT a 2000 GT', ':0'],
      ['EXPIREAT a 2000 LT', ':1'],
      ['EXPIREAT a 1999 GT', ':0'],
      ['PEXPIREAT a 2000001 GT', ':1'],
      ['EXPIREAT a 3000 NX', ':0'],
      ['EXPIREAT a x', NOT_AN_INTEGER],
      ['EXPIREAT a 9223372036854775807', "-ERR invalid expire time in 'expireat' command"],
      ['EXPIREAT a 1000', ':1'],
      ['DBSIZE', ':0'],
    ])
  })
})

describe('RENAME and RENAMENX', () => {
  test('move value and expiry over whatever was there', () => {
    const client = script([
      ['RENAME a b', NO_SUCH_KEY],
      ['SET a 1 EX 10', '+OK'],
      ['SET b 2 EX 99', '+OK'],
      ['RENAME a b', '+OK'],
      ['GET b', '$1\r\n1'],
      ['TTL b', ':10'],
      ['EXISTS a', ':0'],
      ['SET c 3', '+OK'],
      ['RENAME c b', '+OK'],
      ['TTL b', ':-1'],
    ])
    assert.deepEqual(client.engine.keyspace(), [{ database: 0, keys: 1, expires: 0 }])
  })

  test('to the same name change nothing', () => {
    const client = script([
      ['RENAME a a', NO_SUCH_KEY],
      ['SET a 1', '+OK'],
      ['RENAME a a', '+OK'],
      ['RENAMENX a a', ':0'],
    ])
    assert.equal(client.engine.revision, 1)
  })

  test('RENAMENX wants a free name; a due key does not take one', () => {
    const client = script([
      ['RENAMENX a b', NO_SUCH_KEY],
      ['MSET a 1 b 2', '+OK'],
      ['RENAMENX a b', ':0'],
      ['RENAMENX a c', ':1'],
      ['PEXPIRE b 5', ':1'],
    ])
    client.nowMs += 5
    assert.equal(client.run('RENAMENX', 'c', 'b'), ':1\r\n')
    assert.deepEqual(client.engine.keyspace(), [{ database: 0, keys: 1, expires: 0 }])
  })
})

describe('COPY and MOVE', () => {
  test('COPY keeps value and expiry, also in another database', () => {
    const client = script([
      ['COPY a b', ':0'],
      ['SET a 1 EX 10', '+OK'],
      ['COPY a b', ':1'],
      ['TTL b', ':10'],
      ['COPY a b', ':0'],
      ['SET a 2', '+OK'],
      ['COPY a b REPLACE', ':1'],
      ['TTL b', ':-1'],
      ['COPY a a', SAME],
      ['COPY a a DB 0', SAME],
      ['COPY a a DB 15', ':1'],
      ['COPY a a DB 16', OUT_OF_RANGE],
      ['COPY a a DB x', NOT_AN_INTEGER],
      ['COPY a b DB', SYNTAX],
      ['SELECT 15', ''],
      ['GET a', '$1\r\n2'],
    ])
    assert.deepEqual(
      client.engine.keyspace().map(({ keys }) => keys),
      [2, 1],
    )
  })

  test('MOVE takes the key along, unless it is there already', () => {
    script([
      ['MOVE a 1', ':0'],
      ['SET a 1 EX 10', '+OK'],
      ['MOVE a 0', SAME],
      ['MOVE a 16', OUT_OF_RANGE],
      ['MOVE a x', NOT_AN_INTEGER],
      ['MOVE a 99999999999', '-ERR value is out of range, value must between -2147483648 and 2147483647'],
      ['MOVE a 1', ':1'],
      ['EXISTS a', ':0'],
      ['SET a 2', '+OK'],
      ['MOVE a 1', ':0'],
      ['SELECT 1', ''],
      ['GET a', '$1\r\n1'],
      ['TTL a', ':10'],
    ])
  })
})

describe('SWAPDB and FLUSHDB', () => {
  test('exchange keys, counters and expiries of two databases', () => {
    const client = script([
      ['SET a 0', '+OK'],
      ['SELECT 1', ''],
      ['MSET a 1 b 1', '+OK'],
      ['PEXPIRE b 5', ':1'],
      ['SWAPDB 0 1', '+OK'],
      ['GET a', '$1\r\n0'],
      ['SELECT 0', ''],
      ['MGET a b', '*2\r\n$1\r\n1\r\n$1\r\n1'],
    ])
    assert.deepEqual(client.engine.keyspace(), [
      { database: 0, keys: 2, expires: 1 },
      { database: 1, keys: 1, expires: 0 },
    ])
    client.nowMs += 5
    assert.equal(client.expireDue(), 1)
    assert.equal(client.run('DBSIZE'), ':1\r\n')
  })

  test('refuse databases that do not exist', () => {
    script([
      ['SWAPDB x 1', '-ERR invalid first DB index'],
      ['SWAPDB 1 x', '-ERR invalid second DB index'],
      ['SWAPDB 0 16', OUT_OF_RANGE],
      ['SWAPDB -1 x', '-ERR invalid second DB index'],
      ['FLUSHDB now', SYNTAX],
    ])
  })

  test('FLUSHDB empties the current database alone', () => {
    const client = script([
      ['SET a 0', '+OK'],
      ['SELECT 1', ''],
      ['SET a 1', '+OK'],
      ['FLUSHDB async', '+OK'],
      ['DBSIZE', ':0'],
    ])
    assert.deepEqual(client.engine.keyspace(), [{ database: 0, keys: 1, expires: 0 }])
  })

  test('a transaction sees databases as swapped before in it', () => {
    const client = new EngineClient()
    client.run('SET', 'a', '0')
    const reply = client.transaction([
      ['SWAPDB', '0', '1'],
      ['GET', 'a'],
      ['SET', 'a', '9'],
      ['SWAPDB', '1', '0'],
      ['GET', 'a'],
    ])
    assert.equal(reply, '*5\r\n+OK\r\n$-1\r\n+OK\r\n+OK\r\n$1\r\n0\r\n')
  })
})

describe('OBJECT', () => {
  test('tells what follows from the value', () => {
    const client = script([
      ['MSET i 12 e abc', '+OK'],
      [['SET', 'r', 'x'.repeat(45)], '+OK'],
      ['OBJECT ENCODING i', '$3\r\nint'],
      ['object encoding e', '$6\r\nembstr'],
      ['OBJECT ENCODING r', '$3\r\nraw'],
      ['OBJECT ENCODING none', '$-1'],
      ['OBJECT REFCOUNT i', ':1'],
      ['OBJECT IDLETIME i', ':0'],
    ])
    client.nowMs += 2500
    assert.equal(client.run('OBJECT', 'IDLETIME', 'i'), ':2\r\n')
    assert.match(client.run('OBJECT', 'FREQ', 'i'), /^-ERR An LFU maxmemory policy is not selected/)
    assert.match(client.run('OBJECT', 'HELP'), /^\*11\r\n\+OBJECT <subcommand>/)
  })
})
