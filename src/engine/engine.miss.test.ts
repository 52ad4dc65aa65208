/** R2: a command that misses a record leaves no trace, says what it needs, and one fetch is enough. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { must } from '../lib/assert.ts'
import { SeededRandom } from '../lib/random.ts'
import type { Command } from '../protocol/commands.ts'
import { EngineClient, type Word } from '../testing/engine/engine-client.ts'
import { MapStore, MISS } from '../testing/storage/map-store.ts'
import { recordPrefix } from './keys.ts'
import { transactionCommand } from './transaction.ts'

const SESSION = 1
const ABSENT = 1_000

/** A client whose every read misses until it was fetched, with some keys in place. */
function missing(): EngineClient {
  const client = new EngineClient(new MapStore({ random: new SeededRandom(1) }))
  client.run('MSET', 'a', '1', 'b', '2', 'c', '3')
  client.run('EXPIRE', 'c', '100')
  client.store.missShare = 1
  return client
}

function decoded(command: Command) {
  return { code: command.spec.code, database: command.database, args: command.args }
}

function commandOf(client: EngineClient, ...words: Word[]): Command {
  return must(client.command(...words), 'command')
}

function transactionOf(client: EngineClient, ...commands: Word[][]): Command {
  return transactionCommand(
    [],
    commands.map((words) => commandOf(client, ...words)),
  )
}

describe('R2: a miss', () => {
  const writes: readonly (readonly [string, (client: EngineClient) => Command])[] = [
    ['SET', (client) => commandOf(client, 'SET', 'a', '9', 'EX', '10')],
    ['INCR', (client) => commandOf(client, 'INCR', 'b')],
    ['DEL', (client) => commandOf(client, 'DEL', 'a', 'b', 'c')],
    ['MSET', (client) => commandOf(client, 'MSET', 'a', '7', 'x', '8', 'c', '9')],
    ['EXPIRE', (client) => commandOf(client, 'EXPIRE', 'c', '5')],
    ['COPY', (client) => commandOf(client, 'COPY', 'c', 'x', 'DB', '3')],
    ['RENAME', (client) => commandOf(client, 'RENAME', 'c', 'a')],
    ['MOVE', (client) => commandOf(client, 'MOVE', 'c', '1')],
    ['BITOP', (client) => commandOf(client, 'BITOP', 'OR', 'x', 'a', 'b')],
    [
      'EXEC with a swap',
      (client) =>
        transactionOf(client, ['SWAPDB', '0', '1'], ['SET', 'a', '1'], ['SWAPDB', '0', '1'], ['INCR', 'a']),
    ],
    ['EXEC', (client) => transactionOf(client, ['SET', 'x', '1'], ['INCR', 'a'], ['DEL', 'b', 'c'])],
    ['EXEC with a flush', (client) => transactionOf(client, ['FLUSHALL'], ['SET', 'x', '1'], ['INCR', 'a'])],
  ]

  for (const [name, make] of writes) {
    test(`R2: leaves no trace of ${name}, not in the store, counters, revision or sessions`, () => {
      const client = missing()
      const command = make(client)
      const state = client.engine.save()
      const { puts, size } = client.store
      assert.throws(() => client.engine.executeWrite(decoded(command), SESSION, ABSENT), MISS)
      assert.deepEqual(client.engine.save(), state)
      assert.deepEqual([client.store.puts, client.store.size], [puts, size])
      assert.equal(client.engine.storedReply(SESSION, ABSENT), null)
    })

    test(`R2: ${name} gives the same reply and state after its misses as without any`, () => {
      const client = missing()
      const direct = missing()
      direct.store.missShare = 0
      assert.deepEqual(client.execute(make(client)), direct.execute(make(direct)))
      assert.deepEqual(client.engine.save(), direct.engine.save())
      assert.deepEqual(client.store.range('', null, 100), direct.store.range('', null, 100))
    })
  }

  test('R2: names every declared key, so that one fetch is enough', () => {
    const client = missing()
    const command = decoded(
      transactionOf(client, ['SET', 'x', '1'], ['INCR', 'a'], ['MSET', 'b', '1', 'c', '2']),
    )
    const declared = client.engine.declaredKeys(command)
    const prefix = recordPrefix(1)
    assert.deepEqual(declared, [`${prefix}x`, `${prefix}a`, `${prefix}b`, `${prefix}c`])
    assert.throws(() => client.engine.executeWrite(command, SESSION, ABSENT), MISS)
    assert.deepEqual(client.engine.missedKeys, declared)
    client.store.fetch(client.engine.missedKeys)
    client.engine.executeWrite(command, SESSION, ABSENT)
  })

  test('R2: also names keys that no declaration could tell, and keeps those of earlier attempts', () => {
    const client = missing()
    const command = decoded(transactionOf(client, ['FLUSHALL'], ['GET', 'a'], ['GET', 'b']))
    for (let fetches = 0; ; fetches++) {
      assert(fetches < 4)
      try {
        client.engine.executeWrite(command, SESSION, ABSENT)
        break
      } catch (error) {
        assert.equal(error, MISS)
        client.store.release()
        client.store.fetch(client.engine.missedKeys)
      }
    }
    assert.deepEqual(client.engine.keyspace(), [])
  })

  test('R2: a read that misses says what it needs', () => {
    const client = missing()
    const command = commandOf(client, 'MGET', 'a', 'b', 'none')
    assert.throws(() => client.engine.executeRead(command, client.nowMs), MISS)
    assert.equal(client.engine.missedKeys.length, 3)
    client.store.fetch(client.engine.missedKeys)
    assert.equal(client.engine.executeRead(command, client.nowMs).kind, 'reply')
  })

  test('R2: the expire command declares the records it compares', () => {
    const client = missing()
    client.nowMs += 200_000
    const command = { database: 0, ...client.engine.expireCommand(client.dueKeys()) }
    assert.deepEqual(client.engine.declaredKeys(command), [`${recordPrefix(1)}c`])
    assert.equal(client.expireDue(), 1)
  })
})

test('R2: an overlay writes each key once', () => {
  const client = new EngineClient()
  client.run('SET', 'a', '0')
  const puts = client.store.puts
  client.transaction([
    ['INCR', 'a'],
    ['INCR', 'a'],
    ['SET', 'b', '1'],
    ['DEL', 'b'],
    ['INCR', 'a'],
  ])
  assert.equal(client.store.puts, puts + 2)
  assert.equal(client.run('GET', 'a'), '$1\r\n3\r\n')
})

test('R2: commands of a transaction see the changes of those before them', () => {
  const client = new EngineClient()
  const reply = client.transaction([
    ['SET', 'a', '5'],
    ['INCR', 'a'],
    ['GET', 'a'],
    ['DEL', 'a'],
    ['GET', 'a'],
  ])
  assert.equal(reply, '*5\r\n+OK\r\n:6\r\n$1\r\n6\r\n:1\r\n$-1\r\n')
})
