/** Every command's replies, to the byte, as Redis 7.2 gives them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EngineClient } from '../testing/engine/engine-client.ts'
import { script } from '../testing/engine/engine-script.ts'

const NOT_AN_INTEGER = '-ERR value is not an integer or out of range'
const SYNTAX = '-ERR syntax error'

describe('GET and SET', () => {
  test('a value comes back as it was set, whatever its bytes', () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    script([
      ['GET a', '$-1'],
      [['SET', bytes, bytes], '+OK'],
      [['GET', bytes], `$256\r\n${bytes.toString('latin1')}`],
      [['SET', '', ''], '+OK'],
      [['GET', ''], '$0\r\n'],
    ])
  })

  test('NX sets only what is absent, XX only what is there', () => {
    script([
      ['SET a 1 XX', '$-1'],
      ['SET a 1 NX', '+OK'],
      ['SET a 2 nx', '$-1'],
      ['SET a 3 xx', '+OK'],
      ['GET a', '$1\r\n3'],
    ])
  })

  test('GET gives the value before, also when the condition fails', () => {
    script([
      ['SET a 1 GET', '$-1'],
      ['SET a 2 GET', '$1\r\n1'],
      ['SET a 3 NX GET', '$1\r\n2'],
      ['SET b 3 XX GET', '$-1'],
      ['SET a 4 XX GET', '$1\r\n2'],
      ['GET a', '$1\r\n4'],
    ])
  })

  test('expiry options set the time that is left', () => {
    script([
      ['SET a 1 EX 10', '+OK'],
      ['PTTL a', ':10000'],
      ['SET a 1 PX 10', '+OK'],
      ['PTTL a', ':10'],
      ['SET a 1 EXAT 1002', '+OK'],
      ['PTTL a', ':2000'],
      ['SET a 1 PXAT 1000003', '+OK'],
      ['PTTL a', ':3'],
      ['SET a 2 KEEPTTL', '+OK'],
      ['PTTL a', ':3'],
      ['SET a 2', '+OK'],
      ['PTTL a', ':-1'],
      ['SET b 1 KEEPTTL', '+OK'],
      ['PTTL b', ':-1'],
    ])
  })

  test('an absolute time that is past leaves no key', () => {
    script([
      ['SET a 1', '+OK'],
      ['SET a 2 PXAT 1', '+OK'],
      ['GET a', '$-1'],
      ['EXISTS a', ':0'],
      ['SET a 3 NX', '+OK'],
    ])
  })

  test('options that contradict each other or are none are a syntax error', () => {
    script([
      ['SET a 1 NX XX', SYNTAX],
      ['SET a 1 EX', SYNTAX],
      ['SET a 1 EX 10 PX 10', SYNTAX],
      ['SET a 1 EX 10 KEEPTTL', SYNTAX],
      ['SET a 1 KEEPTTL PX 10', SYNTAX],
      ['SET a 1 FOO', SYNTAX],
      [['SET', 'a', '1', 'x'.repeat(100)], SYNTAX],
      ['SET a 1 EX 10 EX 20', '+OK'],
      ['TTL a', ':20'],
      ['SET a 1 NX NX', '$-1'],
    ])
  })

  test('times that are no positive integers are refused', () => {
    const invalid = "-ERR invalid expire time in 'set' command"
    script([
      ['SET a 1 EX x', NOT_AN_INTEGER],
      ['SET a 1 EX 1.5', NOT_AN_INTEGER],
      ['SET a 1 EX 9223372036854775808', NOT_AN_INTEGER],
      ['SET a 1 EX 0', invalid],
      ['SET a 1 PX -1', invalid],
      ['SET a 1 PXAT 0', invalid],
      ['SET a 1 EX 9223372036854775807', invalid],
      ['GET a', '$-1'],
    ])
  })
})

describe('INCR, DECR and their like', () => {
  test('count from zero and keep the expiry', () => {
    script([
      ['INCR a', ':1'],
      ['INCRBY a 41', ':42'],
      ['DECR a', ':41'],
      ['DECRBY a 100', ':-59'],
      ['GET a', '$3\r\n-59'],
      ['EXPIRE a 100', ':1'],
      ['INCR a', ':-58'],
      ['TTL a', ':100'],
    ])
  })

  test('are exact over all 64 bits and refuse to leave them', () => {
    script([
      ['SET a 9223372036854775806', '+OK'],
      ['INCR a', ':9223372036854775807'],
      ['INCR a', '-ERR increment or decrement would overflow'],
      ['DECRBY a 9223372036854775807', ':0'],
      ['DECRBY a 9223372036854775807', ':-9223372036854775807'],
      ['DECR a', ':-9223372036854775808'],
      ['DECR a', '-ERR increment or decrement would overflow'],
      ['INCRBY a 9007199254740993', ':-9214364837600034815'],
      ['SET a 9007199254740991', '+OK'],
      ['INCR a', ':9007199254740992'],
      ['INCR a', ':9007199254740993'],
      ['DECRBY a -9223372036854775808', '-ERR decrement would overflow'],
    ])
  })

  test('refuse what does not look like an integer', () => {
    for (const text of ['', ' 1', '1 ', '01', '+1', '-0', '1.0', 'x', '9223372036854775808', '-', '--1']) {
      const client = new EngineClient()
      client.run('SET', 'a', text)
      assert.equal(client.run('INCR', 'a'), `${NOT_AN_INTEGER}\r\n`, text)
      assert.equal(client.run('INCRBY', 'b', text), `${NOT_AN_INTEGER}\r\n`, text)
      assert.equal(client.run('DECRBY', 'b', text), `${NOT_AN_INTEGER}\r\n`, text)
    }
  })
})

describe('several keys', () => {
  test('MSET sets all, MGET gives null for what is absent', () => {
    script([
      ['MSET a 1 b 2 a 3', '+OK'],
      ['MGET a b c a', '*4\r\n$1\r\n3\r\n$1\r\n2\r\n$-1\r\n$1\r\n3'],
      ['MSET a 1 b', "-ERR wrong number of arguments for 'mset' command"],
      ['EXPIRE a 10', ':1'],
      ['MSET a 1', '+OK'],
      ['TTL a', ':-1'],
    ])
  })

  test('DEL and DELETE count a key once, EXISTS as often as it is named', () => {
    script([
      ['MSET a 1 b 2 c 3', '+OK'],
      ['EXISTS a a b x', ':3'],
      ['DEL a a x', ':1'],
      ['DELETE b c', ':2'],
      ['DBSIZE', ':0'],
    ])
  })

  test('the same buffer may name a key twice', () => {
    const client = new EngineClient()
    const key = Buffer.from('k')
    client.run('MSET', key, '1', key, '2')
    assert.equal(client.run('GET', key), '$1\r\n2\r\n')
    assert.equal(client.run('DEL', key, key), ':1\r\n')
    assert.equal(client.run('DBSIZE'), ':0\r\n')
  })
})

describe('EXPIRE, TTL, PERSIST', () => {
  test('set, tell and remove the time that is left', () => {
    const client = script([
      ['EXPIRE a 10', ':0'],
      ['TTL a', ':-2'],
      ['PTTL a', ':-2'],
      ['PERSIST a', ':0'],
      ['SET a 1', '+OK'],
      ['PERSIST a', ':0'],
      ['EXPIRE a 10', ':1'],
      ['TTL a', ':10'],
      ['PEXPIRE a 1499', ':1'],
      ['TTL a', ':1'],
      ['PEXPIRE a 1500', ':1'],
      ['TTL a', ':2'],
      ['PERSIST a', ':1'],
      ['TTL a', ':-1'],
      ['PEXPIRE a 400', ':1'],
      ['TTL a', ':0'],
    ])
    client.nowMs += 150
    assert.equal(client.run('PTTL', 'a'), ':250\r\n')
    client.nowMs += 250
    assert.equal(client.run('PTTL', 'a'), ':-2\r\n')
  })

  test('conditions compare with the expiry there is; none counts as infinite', () => {
    script([
      ['SET a 1', '+OK'],
      ['EXPIRE a 10 XX', ':0'],
      ['EXPIRE a 10 GT', ':0'],
      ['EXPIRE a 10 NX', ':1'],
      ['EXPIRE a 20 NX', ':0'],
      ['EXPIRE a 10 GT', ':0'],
      ['EXPIRE a 11 GT', ':1'],
      ['EXPIRE a 11 LT', ':0'],
      ['EXPIRE a 10 LT', ':1'],
      ['EXPIRE a 30 XX', ':1'],
      ['EXPIRE a 40 XX GT', ':1'],
      ['EXPIRE a 30 xx lt', ':1'],
      ['PERSIST a', ':1'],
      ['EXPIRE a 50 LT', ':1'],
      ['TTL a', ':50'],
    ])
  })

  test('a time in the past deletes', () => {
    script([
      ['MSET a 1 b 2 c 3 d 4', '+OK'],
      ['EXPIRE a 0', ':1'],
      ['EXPIRE b -1', ':1'],
      ['PEXPIRE c -9223372036854775808', ':1'],
      ['EXPIRE d -9223372036854775', ':1'],
      ['EXISTS a b c d', ':0'],
      ['DBSIZE', ':0'],
    ])
  })

  test('wrong options and times are refused with their own texts', () => {
    script([
      ['SET a 1', '+OK'],
      ['EXPIRE a 10 Foo', '-ERR Unsupported option Foo'],
      ['EXPIRE a x Foo', '-ERR Unsupported option Foo'],
      ['EXPIRE a 10 NX XX', '-ERR NX and XX, GT or LT options at the same time are not compatible'],
      ['EXPIRE a 10 GT NX', '-ERR NX and XX, GT or LT options at the same time are not compatible'],
      ['EXPIRE a 10 GT LT', '-ERR GT and LT options at the same time are not compatible'],
      ['EXPIRE a x', NOT_AN_INTEGER],
      ['EXPIRE a 9223372036854775807', "-ERR invalid expire time in 'expire' command"],
      ['EXPIRE a -9223372036854775807', "-ERR invalid expire time in 'expire' command"],
      ['PEXPIRE a 9223372036854775807', "-ERR invalid expire time in 'pexpire' command"],
      ['EXPIRE none 9223372036854775807', "-ERR invalid expire time in 'expire' command"],
      ['TTL a', ':-1'],
    ])
  })
})

describe('databases', () => {
  test('TYPE, DBSIZE and FLUSHALL', () => {
    script([
      ['TYPE a', '+none'],
      ['SET a 1', '+OK'],
      ['TYPE a', '+string'],
      ['DBSIZE', ':1'],
      ['FLUSHALL now', SYNTAX],
      ['FLUSHALL ASYNC SYNC', SYNTAX],
      ['FLUSHALL async', '+OK'],
      ['DBSIZE', ':0'],
      ['GET a', '$-1'],
      ['SET a 1', '+OK'],
      ['FLUSHALL SYNC', '+OK'],
      ['FLUSHALL', '+OK'],
      ['EXISTS a', ':0'],
    ])
  })

  test('hold keys of their own; FLUSHALL empties all of them', () => {
    const client = new EngineClient()
    client.run('SET', 'a', '0')
    client.database = 15
    assert.equal(client.run('GET', 'a'), '$-1\r\n')
    client.run('MSET', 'a', '15', 'b', '1')
    client.run('EXPIRE', 'a', '10')
    assert.deepEqual(client.engine.keyspace(), [
      { database: 0, keys: 1, expires: 0 },
      { database: 15, keys: 2, expires: 1 },
    ])
    client.database = 3
    client.run('FLUSHALL')
    assert.deepEqual(client.engine.keyspace(), [])
  })
})

test('every command refuses a wrong number of arguments by its name', () => {
  const wrong = (name: string) => `-ERR wrong number of arguments for '${name}' command`
  script([
    ['GET', wrong('get')],
    ['get a b', wrong('get')],
    ['SET a', wrong('set')],
    ['DEL', wrong('del')],
    ['DELETE', wrong('delete')],
    ['INCR', wrong('incr')],
    ['INCRBY a', wrong('incrby')],
    ['DBSIZE a', wrong('dbsize')],
    ['TTL a b', wrong('ttl')],
    ['MSET a', wrong('mset')],
    ['EXPIRE a', wrong('expire')],
  ])
})
