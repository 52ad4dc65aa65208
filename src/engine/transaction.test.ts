/** MULTI/EXEC as one command: its codec, its comparisons, its databases, and when it is a read. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { must } from '../lib/assert.ts'
import type { Command } from '../protocol/commands.ts'
import { decodeInner, decodeWatched, encodeTransaction } from '../protocol/transaction.ts'
import { EngineClient } from '../testing/engine/engine-client.ts'
import { MapStore } from '../testing/storage/map-store.ts'
import { internalCommands } from './command-table.ts'
import { ENGINE_LEVEL, FIRST_LEVEL } from './level.ts'
import { isReadOnly, transactionCommand, watchCommand } from './transaction.ts'

const SEED = 3
const PLAIN = { noNullPrototype: true }

function commands(client: EngineClient, ...lines: string[]): Command[] {
  return lines.map((line) => must(client.command(...line.split(' ')), line))
}

test('watched keys and commands are read back as they were written', () => {
  const bytes = fc.uint8Array({ maxLength: 9 }).map((array) => Buffer.from(array))
  const watched = fc.record(
    {
      database: fc.integer({ min: 0, max: 15 }),
      modRevision: fc.maxSafeInteger(),
      key: bytes,
    },
    PLAIN,
  )
  const command = fc.record(
    {
      database: fc.integer({ min: 0, max: 15 }),
      args: fc.array(bytes, { maxLength: 4 }),
    },
    PLAIN,
  )
  fc.assert(
    fc.property(fc.array(watched, { maxLength: 4 }), fc.array(command, { maxLength: 4 }), (keys, inner) => {
      const spec = internalCommands.noop
      const args = encodeTransaction(
        keys,
        inner.map((each) => ({ spec, ...each })),
      )
      assert.deepEqual(decodeWatched(args), keys)
      assert.deepEqual(
        decodeInner(args),
        inner.map((each) => ({ code: spec.code, ...each })),
      )
    }),
    { seed: SEED },
  )
})

test('watched keys that are cut off are refused', () => {
  const args = encodeTransaction([{ database: 0, modRevision: 1, key: Buffer.from('key') }], [])
  const watched = args[0] as Buffer
  assert.throws(() => decodeWatched([watched.subarray(0, watched.length - 1)]), /beyond/)
  assert.throws(() => decodeWatched([watched.subarray(0, 5)]), /cut off/)
})

describe('a transaction', () => {
  test('of reads alone is a read', () => {
    const client = new EngineClient()
    assert(isReadOnly(commands(client, 'GET a', 'MGET a b', 'DBSIZE')))
    assert(isReadOnly([]))
    assert(!isReadOnly(commands(client, 'GET a', 'DEL a')))
    assert.equal(transactionCommand([], commands(client, 'GET a')).spec, internalCommands.execRead)
    assert.equal(transactionCommand([], commands(client, 'SET a b')).spec, internalCommands.exec)
    assert.equal(client.transaction([['GET', 'a'], ['DBSIZE']]), '*2\r\n$-1\r\n:0\r\n')
    assert.equal(client.transaction([]), '*0\r\n')
  })

  test('goes on after an error, which is a reply among the others', () => {
    const client = new EngineClient()
    const reply = client.transaction([
      ['SET', 'a', 'x'],
      ['INCR', 'a'],
      ['SET', 'a', '1', 'EX'],
      ['INCR', 'b'],
    ])
    const errors = ['-ERR value is not an integer or out of range', '-ERR syntax error']
    assert.equal(reply, `*4\r\n+OK\r\n${errors.join('\r\n')}\r\n:1\r\n`)
  })

  test('works on the database of each command', () => {
    const client = new EngineClient()
    const inner = [
      { database: 0, words: ['SET', 'a', '0'] },
      { database: 5, words: ['SET', 'a', '5'] },
    ]
    const reads = [
      { database: 0, words: ['GET', 'a'] },
      { database: 5, words: ['GET', 'a'] },
    ]
    const reply = client.transactionAcross([...inner, ...reads, { database: 5, words: ['DBSIZE'] }])
    assert.equal(reply, '*5\r\n+OK\r\n+OK\r\n$1\r\n0\r\n$1\r\n5\r\n:1\r\n')
  })

  test('sees the databases as a flush inside it leaves them', () => {
    const client = new EngineClient()
    client.run('SET', 'a', '1')
    const reply = client.transaction([
      ['FLUSHALL'],
      ['GET', 'a'],
      ['SET', 'a', '2'],
      ['DBSIZE'],
      ['FLUSHALL'],
      ['GET', 'a'],
    ])
    assert.equal(reply, '*6\r\n+OK\r\n$-1\r\n+OK\r\n:1\r\n+OK\r\n$-1\r\n')
    assert.equal(client.run('DBSIZE'), ':0\r\n')
  })

  test('holds no internal command', () => {
    const client = new EngineClient()
    const inner = [
      internalCommands.growth,
      internalCommands.exec,
      internalCommands.scan,
      internalCommands.expire,
    ]
    const args = [Buffer.from([1])]
    const reply = client.execute(
      transactionCommand(
        [],
        inner.map((spec) => ({ spec, database: 0, args })),
      ),
    )
    assert.match(reply.toString(), /^\*4\r\n(-ERR command is not possible inside MULTI\r\n){4}$/)
    assert.equal(client.engine.growthRefused, false)
  })
})

describe('R14: WATCH', () => {
  /** Watches `a` and `b`, lets `between` happen, and runs a transaction that compares. */
  function watchThen(between: (client: EngineClient) => void, level = ENGINE_LEVEL): string {
    const client = new EngineClient(new MapStore(), 1_000_000, level)
    client.run('SET', 'a', '1', 'PX', '100')
    const keys = ['a', 'b'].map((key) => Buffer.from(key))
    const [a, b] = client
      .execute(watchCommand(0, keys))
      .toString()
      .match(/(?<=:)-?\d+/g) as [string, string]
    between(client)
    const watched = keys.map((key, i) => ({ database: 0, modRevision: Number([a, b][i]), key }))
    return client.transaction([['SET', 'done', '1']], watched)
  }

  const SUCCESS = '*1\r\n+OK\r\n'
  const FAILURE = '*-1\r\n'

  test('R14: fails the transaction when a watched key was changed, made, deleted, flushed or expired', () => {
    const changes = ['SET a 1', 'PEXPIRE a 50', 'DEL a', 'SET b 1', 'FLUSHALL', 'INCR a']
    for (const line of changes)
      assert.equal(
        watchThen((client) => client.run(...line.split(' '))),
        FAILURE,
        line,
      )
    assert.equal(
      watchThen((client) => (client.nowMs += 100)),
      FAILURE,
    )
  })

  test('R14: lets it pass when nothing happened to them', () => {
    const others = ['SET c 1', 'SET a 1 NX', 'DEL b', 'PERSIST b', 'GET a']
    for (const line of others)
      assert.equal(
        watchThen((client) => client.run(...line.split(' '))),
        SUCCESS,
        line,
      )
    assert.equal(
      watchThen((client) => (client.nowMs += 99)),
      SUCCESS,
    )
  })

  test('R14: a key that came and went since it was watched has changed, although it is absent again', () => {
    assert.equal(
      watchThen((client) => client.run('SET', 'b', '1') + client.run('DEL', 'b')),
      FAILURE,
    )
  })

  test('R14: so has one that came and expired, deleted by its expire command or not yet', () => {
    const come = (client: EngineClient): void => {
      client.run('SET', 'b', '1', 'PX', '5')
      client.nowMs += 10
    }
    assert.equal(watchThen(come), FAILURE)
    const gone = (client: EngineClient): void => {
      come(client)
      client.run('SET', 'other', '1')
      client.expireDue()
    }
    assert.equal(watchThen(gone), FAILURE)
  })

  test('R14: the deletion of another key, and of a key that was due already, is no change', () => {
    assert.equal(
      watchThen((client) => client.run('SET', 'c', '1') + client.run('DEL', 'c')),
      SUCCESS,
    )
    const client = new EngineClient()
    client.run('SET', 'b', '1', 'PX', '5')
    client.nowMs += 10
    client.run('SET', 'other', '1')
    const [token] = [Number(/:(-?\d+)/.exec(client.revisionsOf('b'))?.[1])]
    client.expireDue()
    const command = must(client.command('SET', 'x', '1'), 'command')
    const watched = [{ database: 0, modRevision: token, key: Buffer.from('b') }]
    assert.equal(client.execute(transactionCommand(watched, [command])).toString(), SUCCESS)
  })

  test('R14: a flush changes no key that was absent before it; a swap of its own database does, of no other', () => {
    const within = (database: number, ...words: string[]): ((client: EngineClient) => void) => {
      return (client) => {
        client.database = database
        client.run('SET', 'other', '1')
        client.run(...words)
        client.database = 0
      }
    }
    /** Watches the absent key `b` of database 0. */
    const watchAbsentThen = (between: (client: EngineClient) => void, copied: boolean): string => {
      let client = new EngineClient()
      client.run('SET', 'a', '1')
      const token = Number(/:(-?\d+)/.exec(client.revisionsOf('b'))?.[1])
      between(client)
      if (copied) {
        const state = client.engine.save()
        client = new EngineClient(client.store)
        client.engine.load(state)
      }
      const watched = [{ database: 0, modRevision: token, key: Buffer.from('b') }]
      const inner = must(client.command('GET', 'b'), 'command')
      return client.execute(transactionCommand(watched, [inner])).toString()
    }
    for (const copied of [false, true]) {
      assert.equal(watchAbsentThen(within(3, 'FLUSHDB'), copied), '*1\r\n$-1\r\n')
      assert.equal(watchAbsentThen(within(3, 'SWAPDB', '3', '4'), copied), '*1\r\n$-1\r\n')
      assert.equal(watchAbsentThen(within(0, 'FLUSHDB'), copied), '*1\r\n$-1\r\n')
      assert.equal(watchAbsentThen(within(3, 'FLUSHALL'), copied), '*1\r\n$-1\r\n')
      assert.equal(watchAbsentThen(within(3, 'SWAPDB', '3', '0'), copied), FAILURE)
    }
  })

  test('R14: a key that came and was flushed has changed, by whatever command it came', () => {
    for (const lines of [
      ['SET b 1', 'FLUSHDB'],
      ['SET b 1 PX 1', 'FLUSHALL'],
      ['COPY a b', 'FLUSHDB'],
      ['RENAME a b', 'FLUSHALL'],
      ['SETBIT b 1 1', 'DEL b', 'FLUSHDB'],
      ['FLUSHDB', 'MSET c 1 b 1', 'FLUSHDB'],
    ]) {
      const between = (client: EngineClient): void => {
        for (const line of lines) client.run(...line.split(' '))
      }
      assert.equal(watchThen(between), FAILURE, lines.join(', '))
      assert.equal(watchThen(between, FIRST_LEVEL), FAILURE, lines.join(', '))
    }
  })

  test('R7: a cluster of the first level does not remember what came, and then a flush is a change', () => {
    const client = new EngineClient(new MapStore(), 1_000_000, FIRST_LEVEL)
    const key = Buffer.from('b')
    const tokenOf = (): number => Number(/:(-?\d+)/.exec(client.revisionsOf('b'))?.[1])
    const exec = (modRevision: number): string =>
      client.transaction([['SET', 'done', '1']], [{ database: 0, modRevision, key }])
    const before = tokenOf()
    client.run('SET', 'other', '1')
    client.run('FLUSHDB')
    assert.equal(exec(before), FAILURE)
    client.engine.raiseLevel(ENGINE_LEVEL)
    assert.equal(exec(before), FAILURE, 'what was before is not known')
    const since = tokenOf()
    client.run('SET', 'other', '1')
    client.run('FLUSHDB')
    assert.equal(exec(since), SUCCESS)
    const loaded = new EngineClient(client.store)
    loaded.engine.load(client.engine.save())
    assert.equal(
      loaded.transaction([['GET', 'x']], [{ database: 0, modRevision: since, key }]),
      '*1\r\n$-1\r\n',
    )
  })

  test('R14: what happened too long ago to be remembered counts as a change', () => {
    const churn = (client: EngineClient): void => {
      for (let i = 0; i < 9_000; i++) {
        client.run('SET', 'c', '1')
        client.run('DEL', 'c')
      }
    }
    assert.equal(watchThen(churn, FIRST_LEVEL), FAILURE)
    assert.equal(watchThen(churn), SUCCESS, 'no key of its bucket came')
  })

  test('R14: compares keys of several databases', () => {
    const client = new EngineClient()
    client.database = 2
    client.run('SET', 'a', '1')
    client.database = 0
    const key = Buffer.from('a')
    const watched = [
      { database: 2, modRevision: 1, key },
      { database: 0, modRevision: 0, key },
    ]
    assert.equal(client.transaction([['GET', 'a']], watched), '*1\r\n$-1\r\n')
    assert.equal(client.transaction([['SET', 'a', '1']], watched), SUCCESS)
    assert.equal(client.transaction([['GET', 'a']], watched), FAILURE)
  })
})
