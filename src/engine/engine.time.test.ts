/**
 * R12: the stamp of the applied entry is the only time; due keys are invisible, and replicated commands
 * delete them.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { must } from '../lib/assert.ts'
import { EngineClient } from '../testing/engine/engine-client.ts'

function withDueKey(): EngineClient {
  const client = new EngineClient()
  client.run('SET', 'a', '1', 'PX', '100')
  return client
}

describe('R12: a key due by the applied stamp is invisible', () => {
  test('R12: to reads', () => {
    const client = withDueKey()
    client.nowMs += 99
    assert.equal(client.run('GET', 'a'), '$1\r\n1\r\n')
    client.nowMs += 1
    for (const [words, reply] of [
      [['GET', 'a'], '$-1'],
      [['EXISTS', 'a'], ':0'],
      [['TTL', 'a'], ':-2'],
      [['TYPE', 'a'], '+none'],
      [['MGET', 'a'], '*1\r\n$-1'],
    ] as const) {
      assert.equal(client.run(...words), `${reply}\r\n`)
    }
  })

  test('R12: to writes, which then start anew', () => {
    for (const [words, reply, ttl] of [
      [['INCRBY', 'a', '5'], ':5', ':-1'],
      [['DEL', 'a'], ':0', ':-2'],
      [['EXPIRE', 'a', '5'], ':0', ':-2'],
      [['PERSIST', 'a'], ':0', ':-2'],
      [['SET', 'a', '2', 'XX'], '$-1', ':-2'],
      [['SET', 'a', '2', 'GET'], '$-1', ':-1'],
      [['SET', 'a', '2', 'KEEPTTL'], '+OK', ':-1'],
    ] as const) {
      const client = withDueKey()
      client.nowMs += 100
      assert.equal(client.run(...words), `${reply}\r\n`)
      assert.equal(client.run('TTL', 'a'), `${ttl}\r\n`)
    }
  })

  test('R12: at its very millisecond', () => {
    const client = new EngineClient()
    client.run('SET', 'a', '1', 'PXAT', client.nowMs + 1)
    assert.equal(client.run('PTTL', 'a'), ':1\r\n')
    client.nowMs++
    assert.equal(client.run('PTTL', 'a'), ':-2\r\n')
  })
})

describe('R12: a read', () => {
  const read = (client: EngineClient, nowMs: number, ...words: string[]) =>
    client.engine.executeRead(must(client.command(...words), 'command'), nowMs)

  test('R12: of a key due by the time of the read but not by the stamp waits for a tick', () => {
    const client = withDueKey()
    const dueAt = client.nowMs + 100
    assert.equal(read(client, dueAt - 1, 'GET', 'a').kind, 'reply')
    assert.deepEqual(read(client, dueAt, 'GET', 'a'), { kind: 'tick' })
    assert.deepEqual(read(client, dueAt, 'MGET', 'b', 'a'), { kind: 'tick' })
    client.engine.beginEntry(dueAt)
    assert.deepEqual(read(client, dueAt, 'GET', 'a'), { kind: 'reply', reply: Buffer.from('$-1\r\n') })
  })

  test('R12: of other keys waits for nothing', () => {
    const client = withDueKey()
    client.run('SET', 'b', '1')
    assert.equal(read(client, client.nowMs + 1000, 'GET', 'b').kind, 'reply')
  })

  test('R12: with an earlier time uses the applied stamp', () => {
    const client = withDueKey()
    client.engine.beginEntry(client.nowMs + 100)
    assert.deepEqual(read(client, 0, 'GET', 'a'), { kind: 'reply', reply: Buffer.from('$-1\r\n') })
  })

  test('R12: takes whole milliseconds', () => {
    const client = withDueKey()
    const outcome = read(client, client.nowMs + 0.7, 'PTTL', 'a')
    assert.deepEqual(outcome, { kind: 'reply', reply: Buffer.from(':100\r\n') })
  })
})

describe('R12: the expire command', () => {
  test('R12: deletes what is due by the stamp, record and row', () => {
    const client = withDueKey()
    client.run('SET', 'b', '1', 'PX', '200')
    client.nowMs += 100
    assert.equal(client.dueKeys().length, 1)
    assert.equal(client.expireDue(), 1)
    assert.equal(client.store.size, 2)
    assert.deepEqual(client.dueKeys(), [])
  })

  test('R12: spares a key that changed since it was found, also one that is due again', () => {
    const changes = [['PERSIST', 'a'], ['EXPIRE', 'a', '9'], ['INCR', 'a'], ['DEL', 'a'], ['FLUSHALL']]
    for (const change of changes) {
      const client = withDueKey()
      const { from, to } = client.engine.expiryRange(client.nowMs + 100)
      const due = client.store.range(from, to, 10).map((row) => {
        return must(client.engine.parseExpiryRow(row.key, row.value), 'expiry row')
      })
      client.run(...change)
      client.nowMs += 100
      const reply = client.write({ database: 0, ...client.engine.expireCommand(due) })
      assert.equal(reply.toString(), ':0\r\n', change.join(' '))
    }
  })

  test('R12: spares a key that is not due by the stamp, however early it was proposed', () => {
    const client = withDueKey()
    const { from, to } = client.engine.expiryRange(client.nowMs + 100)
    const [row] = client.store.range(from, to, 10)
    const due = must(client.engine.parseExpiryRow(must(row, 'row').key, must(row, 'row').value), 'due key')
    assert.equal(client.write({ database: 0, ...client.engine.expireCommand([due]) }).toString(), ':0\r\n')
    assert.equal(client.run('GET', 'a'), '$1\r\n1\r\n')
  })

  test('R12: finds each key again after every kind of change: index and records agree', () => {
    const client = new EngineClient()
    client.run('SET', 'a', '1', 'EX', '10')
    client.run('INCR', 'a')
    client.run('SET', 'a', '5', 'KEEPTTL')
    client.run('EXPIRE', 'a', '20')
    client.transaction([
      ['INCR', 'a'],
      ['PEXPIRE', 'a', '500'],
      ['INCR', 'a'],
    ])
    client.run('SET', 'b', '1', 'EX', '10')
    client.run('SET', 'b', '1')
    client.nowMs += 500
    assert.equal(client.dueKeys().length, 1)
    assert.equal(client.expireDue(), 1)
    assert.equal(client.store.size, 1)
  })
})

test('R12: the stamp never goes back', () => {
  const client = new EngineClient()
  client.engine.beginEntry(2_000_000)
  client.engine.beginEntry(1_000_000)
  assert.equal(client.engine.stampMs, 2_000_000)
})
