/**
 * The table's promises: permanent codes, Redis' specifications, arguments checked early, growth refused when
 * told.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { must } from '../lib/assert.ts'
import { toByteString } from '../lib/bytes.ts'
import { limits } from '../protocol/limits.ts'
import { EngineClient } from '../testing/engine/engine-client.ts'
import { checkCommand } from './check-command.ts'
import { commandKeys } from './command-keys.ts'
import {
  commandRow,
  commandTable,
  findCommandRow,
  INTERNAL_CODE_MAX,
  internalCommands,
} from './command-table.ts'
import { KvEngine } from './engine.ts'

const CODES: Readonly<Record<string, number>> = {
  del: 100,
  delete: 101,
  exists: 102,
  expire: 103,
  pexpire: 104,
  ttl: 105,
  pttl: 106,
  persist: 107,
  type: 108,
  unlink: 109,
  touch: 110,
  expireat: 111,
  pexpireat: 112,
  expiretime: 113,
  pexpiretime: 114,
  rename: 115,
  renamenx: 116,
  copy: 117,
  move: 118,
  'object|encoding': 119,
  'object|refcount': 120,
  'object|idletime': 121,
  'object|freq': 122,
  'object|help': 123,
  'memory|usage': 125,
  dump: 126,
  restore: 127,
  get: 200,
  set: 201,
  incr: 202,
  incrby: 203,
  decr: 204,
  decrby: 205,
  mget: 206,
  mset: 207,
  setnx: 208,
  setex: 209,
  psetex: 210,
  getset: 211,
  getdel: 212,
  getex: 213,
  msetnx: 214,
  append: 215,
  strlen: 216,
  getrange: 217,
  substr: 218,
  setrange: 219,
  incrbyfloat: 220,
  lcs: 221,
  setbit: 300,
  getbit: 301,
  bitcount: 302,
  bitpos: 303,
  bitop: 304,
  bitfield: 305,
  bitfield_ro: 306,
  dbsize: 950,
  flushall: 951,
  flushdb: 952,
  swapdb: 953,
  publish: 980,
  spublish: 981,
  eval: 1000,
  evalsha: 1001,
  eval_ro: 1002,
  evalsha_ro: 1003,
  'script|load': 1010,
  'script|exists': 1011,
  'script|flush': 1012,
  'script|kill': 1013,
  'script|debug': 1014,
  'script|help': 1015,
  'internal|noop': 1,
  'internal|expire': 2,
  'internal|exec': 3,
  'internal|execread': 4,
  'internal|watch': 5,
  'internal|growth': 6,
  'internal|scan': 7,
  'internal|randomkey': 8,
  'internal|kv': 10,
  'internal|kvput': 11,
  'internal|kvread': 12,
  'internal|once': 13,
  'internal|setting': 20,
}

test('R7: codes are part of the log format: these are for ever', () => {
  const rows = [...commandTable.values(), ...Object.values(internalCommands)]
  assert.deepEqual(Object.fromEntries(rows.map((row) => [row.name, row.code])), CODES)
  for (const row of rows) assert.equal(commandRow(row.code), findCommandRow(row.code))
})

test('R7: a code that this program does not know is an assertion, not a reply', () => {
  assert.equal(findCommandRow(60_000), null)
  assert.throws(() => commandRow(60_000), /60000/)
  assert.throws(() => commandRow(199), /199/)
})

test('a logical database that does not exist is an assertion', () => {
  const client = new EngineClient()
  client.database = 16
  assert.throws(() => client.run('GET', 'a'), /logical database/)
})

test('no name that a client can send leads to an internal command', () => {
  for (const [name, row] of commandTable) {
    assert.equal(name, row.name)
    assert.match(name, /^[a-z_]+(\|[a-z]+)?$/)
    assert(!name.startsWith('internal|'))
    assert(row.code > INTERNAL_CODE_MAX)
    // As in Redis, flags do not say what a script may do.
    if (row.group === 'scripting') continue
    assert.equal(row.kind, row.flags.some((flag) => flag === 'write' || flag === 'pubsub') ? 'write' : 'read')
  }
})

test('keys of a script are as many as it says', () => {
  const keys = (...words: string[]) => {
    const { spec, args } = must(new EngineClient().command(...words), 'command')
    return commandKeys(spec, args).map(String)
  }
  assert.deepEqual(keys('EVAL', 'return 1', '2', 'a', 'b', 'c'), ['a', 'b'])
  assert.deepEqual(keys('EVALSHA_RO', 'sha', '0', 'a'), [])
  for (const count of ['-1', '3', 'x', '99999999999999999999']) {
    assert.deepEqual(keys('EVAL', 'return 1', count, 'a', 'b'), [], count)
  }
})

test('keys of a command are found by their positions', () => {
  const keys = (...words: string[]) => {
    const { spec, args } = must(new EngineClient().command(...words), 'command')
    return commandKeys(spec, args).map(String)
  }
  assert.deepEqual(keys('GET', 'a'), ['a'])
  assert.deepEqual(keys('SET', 'a', 'b', 'EX', '1'), ['a'])
  assert.deepEqual(keys('DEL', 'a', 'b', 'c'), ['a', 'b', 'c'])
  assert.deepEqual(keys('MSET', 'a', '1', 'b', '2'), ['a', 'b'])
  assert.deepEqual(keys('DBSIZE'), [])
  assert.deepEqual(keys('OBJECT', 'ENCODING', 'a'), ['a'])
  assert.deepEqual(keys('BITOP', 'AND', 'a', 'b', 'c'), ['a', 'b', 'c'])
  assert.deepEqual(keys('COPY', 'a', 'b', 'REPLACE'), ['a', 'b'])
})

describe('checkCommand()', () => {
  const check = (...words: (string | Buffer)[]) => {
    const reply = checkCommand(must(new EngineClient().command(...words), 'command'))
    return reply === null ? null : toByteString(reply)
  }

  test('passes what may be executed', () => {
    assert.equal(check('GET', 'a'), null)
    assert.equal(check('SET', Buffer.alloc(limits.keyBytes), Buffer.alloc(limits.valueBytes)), null)
    assert.equal(check('MSET', 'a', Buffer.alloc(limits.keyBytes + 1)), null)
  })

  test('refuses a wrong number of arguments by the name of the command', () => {
    assert.equal(check('GET'), "-ERR wrong number of arguments for 'get' command\r\n")
    assert.equal(check('SET', 'a'), "-ERR wrong number of arguments for 'set' command\r\n")
  })

  test('counts both words of a subcommand', () => {
    const spec = { ...commandRow(CODES.get as number), name: 'config|get', arity: -3 }
    assert.equal(checkCommand({ spec, database: 0, args: [Buffer.from('x')] }), null)
    const refused = "-ERR wrong number of arguments for 'config|get' command\r\n"
    assert.equal(checkCommand({ spec, database: 0, args: [] })?.toString(), refused)
  })

  test('R20: refuses keys, values and requests beyond the limits', () => {
    const longKey = Buffer.alloc(limits.keyBytes + 1)
    const value = Buffer.alloc(limits.valueBytes)
    assert.match(check('GET', longKey) ?? '', /^-ERR request is larger than the limit: key is 65537 bytes/)
    assert.match(check('MSET', 'a', '1', longKey, '1') ?? '', /key is 65537 bytes/)
    assert.match(check('SET', 'a', Buffer.alloc(limits.valueBytes + 1)) ?? '', /argument is 16777217 bytes/)
    assert.match(
      check('MSET', 'a', value, 'b', value, 'c', value, 'd', value) ?? '',
      /request is 67108868 bytes/,
    )
    const many = new Array(limits.requestArguments + 1).fill(Buffer.alloc(0))
    const spec = commandRow(CODES.del as number)
    assert.match(String(checkCommand({ spec, database: 0, args: many })), /1048577 arguments/)
  })
})

describe('R6: while growth is refused', () => {
  const DISK_FULL = /^-OOM a majority of the disks/

  function full(): EngineClient {
    const client = new EngineClient()
    client.run('MSET', 'a', '1', 'b', '2')
    client.write({ database: 0, ...client.engine.growthCommand(true) })
    return client
  }

  test('R6: commands that grow data answer DISK_FULL and change nothing', () => {
    const client = full()
    const { revision } = client.engine
    for (const words of [
      ['SET', 'a', '2'],
      ['INCR', 'a'],
      ['MSET', 'a', '2'],
      ['SET', 'a'],
    ]) {
      assert.match(
        client.run(...words),
        words.length === 2 && words[0] === 'SET' ? /wrong number/ : DISK_FULL,
      )
    }
    assert.equal(client.engine.revision, revision)
    assert.equal(client.engine.growthRefused, true)
  })

  test('R6: reads, deletes and expiries go on', () => {
    const client = full()
    assert.equal(client.run('GET', 'a'), '$1\r\n1\r\n')
    assert.equal(client.run('EXPIRE', 'a', '1'), ':1\r\n')
    assert.equal(client.run('DEL', 'b'), ':1\r\n')
    client.nowMs += 1000
    assert.equal(client.expireDue(), 1)
    assert.equal(client.run('FLUSHALL'), '+OK\r\n')
  })

  test('R6: a transaction that grows is refused as a whole', () => {
    const client = full()
    assert.match(
      client.transaction([
        ['DEL', 'a'],
        ['SET', 'b', '1'],
      ]),
      DISK_FULL,
    )
    assert.equal(client.run('EXISTS', 'a'), ':1\r\n')
    assert.equal(
      client.transaction([
        ['DEL', 'a'],
        ['GET', 'b'],
      ]),
      '*2\r\n:1\r\n$1\r\n2\r\n',
    )
  })

  test('R6: it is saved with the state and ends by another command', () => {
    const client = full()
    const loaded = new KvEngine(client.store)
    loaded.load(client.engine.save())
    assert.equal(loaded.growthRefused, true)
    client.write({ database: 0, ...client.engine.growthCommand(false) })
    assert.equal(client.run('SET', 'a', '2'), '+OK\r\n')
  })
})

test('R20: one entry writes a bounded amount; what is refused has no effect and works in the next entry', () => {
  const client = new EngineClient()
  const { spec, args } = must(client.command('SETRANGE', 'a', limits.valueBytes - 1, 'x'), 'command')
  const write = (sequence: number): string =>
    toByteString(client.engine.executeWrite({ code: spec.code, database: 0, args }, 1, sequence))
  client.engine.beginEntry(1)
  const whole = Math.ceil(limits.entryWriteBytes / limits.valueBytes)
  for (let i = 0; i < whole; i++) assert.equal(write(i), `:${limits.valueBytes}\r\n`)
  const { revision } = client.engine
  assert.match(write(whole), /^-TRYAGAIN .*too much would be written at once/)
  assert.equal(client.engine.revision, revision)
  const expire = must(client.command('EXPIRE', 'a', 100), 'command')
  const copies = { code: expire.spec.code, database: 0, args: expire.args }
  const refused = toByteString(client.engine.executeWrite(copies, 1, whole + 1))
  assert.match(refused, /too much would be written at once/, 'a record is written anew for its expiry too')
  client.engine.beginEntry(2)
  assert.equal(write(whole + 2), `:${limits.valueBytes}\r\n`)
})
