/** R11: what counts as a change, and what each key remembers of its own. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { must } from '../lib/assert.ts'
import { EngineClient, type Word } from '../testing/engine/engine-client.ts'
import { recordPrefix } from './keys.ts'
import { KeyRecord } from './records.ts'

function recordOf(client: EngineClient, key: string): KeyRecord {
  const prefix = recordPrefix(client.engine.physicalDatabase(client.database))
  return new KeyRecord(must(client.store.get(prefix + key), `record of ${key}`))
}

/** How far each command raises the revision. */
function steps(client: EngineClient, ...commands: Word[][]): number[] {
  return commands.map((words) => {
    const before = client.engine.revision
    client.run(...words)
    return client.engine.revision - before
  })
}

describe('R11: the revision grows by one', () => {
  test('R11: for each command that changed state', () => {
    const client = new EngineClient()
    const commands = [
      ['SET', 'a', '1'],
      ['INCR', 'a'],
      ['MSET', 'a', '1', 'b', '2'],
      ['EXPIRE', 'a', '9'],
    ]
    assert.deepEqual(steps(client, ...commands, ['PERSIST', 'a'], ['DEL', 'a', 'b']), [1, 1, 1, 1, 1, 1])
  })

  test('R11: for a transaction as a whole, and all its keys carry it', () => {
    const client = new EngineClient()
    client.run('SET', 'a', '1')
    client.transaction([
      ['SET', 'b', '1'],
      ['INCR', 'a'],
      ['GET', 'a'],
      ['SET', 'c', '1'],
      ['INCR', 'c'],
    ])
    assert.equal(client.engine.revision, 2)
    for (const key of ['a', 'b', 'c']) assert.equal(recordOf(client, key).modRevision, 2)
    assert.equal(recordOf(client, 'c').createRevision, 2)
    assert.equal(recordOf(client, 'c').version, 2)
  })

  test('R11: for an expire command, whatever the number of keys', () => {
    const client = new EngineClient()
    client.run('SET', 'a', '1', 'PX', '5')
    client.run('SET', 'b', '1', 'PX', '5')
    client.nowMs += 5
    assert.equal(client.expireDue(), 2)
    assert.equal(client.engine.revision, 3)
  })

  test('R11: for FLUSHALL, once for all databases', () => {
    const client = new EngineClient()
    client.run('SET', 'a', '1')
    client.database = 1
    client.run('SET', 'a', '1')
    assert.deepEqual(steps(client, ['FLUSHALL'], ['FLUSHALL']), [1, 0])
  })

  test('R11: for FLUSHDB and SWAPDB, unless there is nothing to empty or exchange', () => {
    const client = new EngineClient()
    client.run('SET', 'a', '1')
    const swaps = [
      ['SWAPDB', '0', '1'],
      ['SWAPDB', '1', '1'],
      ['SWAPDB', '2', '3'],
      ['FLUSHDB'],
      ['SWAPDB', '1', '0'],
      ['FLUSHDB'],
      ['FLUSHDB'],
    ]
    assert.deepEqual(steps(client, ...swaps), [1, 0, 0, 0, 1, 1, 0])
  })

  test('R11: for commands that change two keys, which both carry it', () => {
    const client = new EngineClient()
    client.run('SET', 'a', '1')
    assert.deepEqual(steps(client, ['COPY', 'a', 'b'], ['RENAME', 'a', 'c'], ['MOVE', 'b', '1']), [1, 1, 1])
    assert.deepEqual([recordOf(client, 'c').modRevision, recordOf(client, 'c').version], [3, 1])
    assert.equal(client.revisionsOf('a', 'b', 'c'), '*3\r\n:-4\r\n:-4\r\n:3\r\n')
    client.database = 1
    assert.equal(recordOf(client, 'b').modRevision, 4)
  })
})

describe('R11: the revision stays', () => {
  test('R11: for commands without effect and for failed ones', () => {
    const client = new EngineClient()
    client.run('SET', 'a', 'x')
    const commands = [
      ['DEL', 'none'],
      ['SET', 'a', '1', 'NX'],
      ['SET', 'none', '1', 'XX'],
      ['EXPIRE', 'none', '9'],
      ['EXPIRE', 'a', '9', 'XX'],
      ['PERSIST', 'a'],
      ['INCR', 'a'],
      ['SET', 'a', '1', 'EX'],
      ['GET', 'a'],
      ['SETNX', 'a', '1'],
      ['MSETNX', 'b', '1', 'a', '1'],
      ['GETDEL', 'none'],
      ['GETEX', 'a'],
      ['GETEX', 'a', 'PERSIST'],
      ['SETRANGE', 'a', '0', ''],
      ['SETBIT', 'a', '1', '1'],
      ['BITFIELD', 'a', 'SET', 'u8', '0', '120'],
      ['BITFIELD', 'a', 'OVERFLOW', 'FAIL', 'INCRBY', 'u1', '0', '9'],
      ['BITOP', 'AND', 'none', 'nothing'],
      ['INCRBYFLOAT', 'a', '1'],
      ['RENAME', 'a', 'a'],
      ['RENAMENX', 'a', 'a'],
      ['COPY', 'a', 'a'],
      ['MOVE', 'none', '1'],
      ['EXPIREAT', 'a', '1', 'XX'],
    ]
    assert.deepEqual(new Set(steps(client, ...commands)), new Set([0]))
  })

  test('R11: for sessions, ticks, no-ops, reads and expire commands that find nothing', () => {
    const client = new EngineClient()
    client.run('SET', 'a', '1', 'PX', '5')
    const due = client.engine.expireCommand([])
    client.engine.openSession(9, 9, 'b')
    client.engine.closeSessionsOf(9)
    client.engine.beginEntry(client.nowMs + 1)
    client.write({ database: 0, ...due })
    client.write({ database: 0, ...client.engine.growthCommand(true) })
    assert.equal(client.engine.revision, 1)
  })

  test('R11: for a transaction without effect, or whose watch failed', () => {
    const client = new EngineClient()
    client.run('SET', 'a', '1')
    client.transaction([
      ['DEL', 'none'],
      ['GET', 'a'],
    ])
    const watched = [{ database: 0, modRevision: 7, key: Buffer.from('a') }]
    assert.equal(client.transaction([['SET', 'a', '2']], watched), '*-1\r\n')
    assert.equal(client.engine.revision, 1)
  })
})

describe('R11: a key remembers', () => {
  test('R11: its creation until it goes, and counts its changes', () => {
    const client = new EngineClient()
    client.run('SET', 'other', '1')
    client.run('SET', 'a', '1')
    client.nowMs += 10
    client.run('SET', 'a', '2')
    client.run('EXPIRE', 'a', '100')
    const record = recordOf(client, 'a')
    assert.deepEqual(
      [
        record.createRevision,
        record.modRevision,
        record.version,
        record.createdAt,
        record.updatedAt,
        record.expiresAt,
      ],
      [2, 4, 3, 1_000_000, 1_000_010, 1_100_010],
    )
  })

  test('R11: nothing of what was deleted, flushed or due before', () => {
    const client = new EngineClient()
    for (const end of [['DEL', 'a'], ['FLUSHALL'], ['PEXPIRE', 'a', '3']]) {
      client.run('SET', 'a', '1')
      client.run('INCR', 'a')
      client.run(...end)
      client.nowMs += 3
      client.run('SET', 'a', '1')
      const record = recordOf(client, 'a')
      assert.deepEqual([record.version, record.createdAt], [1, client.nowMs])
      assert.equal(record.createRevision, client.engine.revision)
      assert.equal(record.modRevision, client.engine.revision)
    }
  })

  test('R11: WATCH gives the negated revision of the state for what is absent or due', () => {
    const client = new EngineClient()
    client.run('SET', 'a', '1')
    client.run('SET', 'b', '1', 'PX', '5')
    client.nowMs += 5
    assert.equal(client.revisionsOf('a', 'b', 'c'), '*3\r\n:1\r\n:-2\r\n:-2\r\n')
  })
})

describe('R11: DBSIZE', () => {
  test('R11: counts records until their expire command applies', () => {
    const client = new EngineClient()
    client.run('MSET', 'a', '1', 'b', '2')
    client.run('PEXPIRE', 'a', '5')
    client.nowMs += 10
    assert.equal(client.run('EXISTS', 'a'), ':0\r\n')
    assert.equal(client.run('DBSIZE'), ':2\r\n')
    assert.equal(client.run('DEL', 'a'), ':0\r\n')
    assert.equal(client.run('DBSIZE'), ':2\r\n')
    client.expireDue()
    assert.equal(client.run('DBSIZE'), ':1\r\n')
    assert.deepEqual(client.engine.keyspace(), [{ database: 0, keys: 1, expires: 0 }])
  })

  test('R11: does not count an overwritten due record twice', () => {
    const client = new EngineClient()
    client.run('SET', 'a', '1', 'PX', '5')
    client.nowMs += 5
    assert.equal(client.run('SET', 'a', '1', 'NX'), '+OK\r\n')
    assert.equal(client.run('DBSIZE'), ':1\r\n')
    assert.deepEqual(client.engine.keyspace(), [{ database: 0, keys: 1, expires: 0 }])
    assert.equal(client.expireDue(), 0)
  })
})

describe('R11: physical databases', () => {
  test('R11: a flush takes new ids and drops the old ranges; ids are never used again', () => {
    const client = new EngineClient()
    const seen = new Set<number>()
    for (let round = 0; round < 5; round++) {
      client.run('SET', 'a', '1', 'EX', '9')
      const id = client.engine.physicalDatabase(0)
      assert(!seen.has(id))
      seen.add(id)
      client.run('FLUSHALL')
      assert.deepEqual(client.store.range(recordPrefix(id), `${recordPrefix(id)}\xff`, 10), [])
    }
    assert.equal(client.engine.physicalDatabase(3), 4)
  })

  test('R11: expiry rows of a flushed database are removed without a revision', () => {
    const client = new EngineClient()
    client.run('SET', 'a', '1', 'PX', '5')
    client.run('FLUSHALL')
    client.run('SET', 'a', '2')
    client.nowMs += 5
    const { revision } = client.engine
    assert.equal(client.dueKeys().length, 1)
    assert.equal(client.expireDue(), 0)
    assert.equal(client.engine.revision, revision)
    assert.deepEqual(client.dueKeys(), [])
    assert.equal(client.run('GET', 'a'), '$1\r\n2\r\n')
  })
})
