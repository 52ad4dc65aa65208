/** R13: every (session, sequence) is executed at most once, on every replica, across saves and loads. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { toByteString } from '../lib/bytes.ts'
import { limits } from '../protocol/limits.ts'
import { errorCodeReply } from '../protocol/reply.ts'
import { MapStore } from '../testing/storage/map-store.ts'
import { commandTable } from './command-table.ts'
import { KvEngine } from './engine.ts'
import { ENGINE_LEVEL } from './level.ts'
import { ABOVE_WINDOW_REPLY, BELOW_FLOOR_REPLY, CLOSED_SESSION_REPLY } from './sessions.ts'
import { isTooNew } from './too-new.ts'

const NOT_KEPT = toByteString(errorCodeReply('REPLY_NOT_KEPT'))

function command(...words: string[]) {
  const [name, ...args] = words as [string, ...string[]]
  return { code: commandTable.get(name)?.code ?? 0, database: 0, args: args.map((word) => Buffer.from(word)) }
}

function open(): {
  store: MapStore
  engine: KvEngine
  run: (session: number, sequence: number, ...words: string[]) => string
} {
  const store = new MapStore()
  const engine = new KvEngine(store)
  engine.openSession(10, 1, 'a')
  return {
    store,
    engine,
    run: (session, sequence, ...words) =>
      toByteString(engine.executeWrite(command(...words), session, sequence)),
  }
}

describe('R13: a duplicate', () => {
  test('R13: gets the stored reply and is not executed again', () => {
    const { engine, run } = open()
    assert.equal(run(10, 1, 'incr', 'a'), ':1\r\n')
    assert.equal(run(10, 1, 'incr', 'a'), ':1\r\n')
    assert.equal(run(10, 2, 'incr', 'a'), ':2\r\n')
    assert.equal(run(10, 1, 'incr', 'a'), ':1\r\n')
    assert.equal(engine.revision, 2)
  })

  test('R13: is exact: sequences that were skipped may still come, in any order', () => {
    const { run } = open()
    assert.equal(run(10, 5, 'incr', 'a'), ':1\r\n')
    assert.equal(run(10, 3, 'incr', 'a'), ':2\r\n')
    assert.equal(run(10, 5, 'incr', 'a'), ':1\r\n')
    assert.equal(run(10, 3, 'incr', 'a'), ':2\r\n')
    assert.equal(run(10, 4, 'incr', 'a'), ':3\r\n')
  })

  test('R13: of a failed command gets its error', () => {
    const { run } = open()
    run(10, 1, 'set', 'a', 'x')
    const error = run(10, 2, 'incr', 'a')
    assert.match(error, /^-ERR value/)
    run(10, 3, 'del', 'a')
    assert.equal(run(10, 2, 'incr', 'a'), error)
  })

  test('R13: is told apart by session', () => {
    const { engine, run } = open()
    engine.openSession(11, 2, 'a')
    assert.equal(run(10, 1, 'incr', 'a'), ':1\r\n')
    assert.equal(run(11, 1, 'incr', 'a'), ':2\r\n')
  })

  test('R13: storedReply() knows what was executed', () => {
    const { engine, run } = open()
    run(10, 1, 'incr', 'a')
    assert.equal(engine.storedReply(10, 1)?.toString(), ':1\r\n')
    assert.equal(engine.storedReply(10, 2), null)
    assert.equal(engine.storedReply(99, 1), null)
  })
})

describe('R13: kept replies', () => {
  test('R13: up to 4 KiB are kept; a retry of a larger one is told that it was executed', () => {
    const { run } = open()
    const fits = 'x'.repeat(limits.keptReplyBytes - '$4085\r\n'.length - 2)
    const large = `${fits}y`
    run(10, 1, 'set', 'a', fits)
    run(10, 2, 'set', 'b', large)
    const first = run(10, 3, 'set', 'a', '1', 'GET')
    assert.equal(first.length, limits.keptReplyBytes)
    assert.equal(run(10, 3, 'set', 'a', '1', 'GET'), first)
    assert.equal(run(10, 4, 'set', 'b', '2', 'GET').length, limits.keptReplyBytes + 1)
    assert.equal(run(10, 4, 'set', 'b', '2', 'GET'), NOT_KEPT)
    assert.equal(run(10, 5, 'set', 'b', '3', 'GET'), '$1\r\n2\r\n')
  })

  test('R13: all together are bounded per session; the floor frees them', () => {
    const { engine, run } = open()
    const value = 'x'.repeat(4000)
    run(10, 0, 'set', 'a', value)
    const count = Math.floor(limits.keptRepliesBytes / 4009)
    for (let i = 1; i <= count + 1; i++) run(10, i, 'set', 'a', value, 'GET')
    assert.equal(run(10, count, 'set', 'a', value, 'GET').length, 4009)
    assert.equal(run(10, count + 1, 'set', 'a', value, 'GET'), NOT_KEPT)
    assert.equal(run(10, count + 2, 'incr', 'n'), ':1\r\n')
    assert.equal(run(10, count + 2, 'incr', 'n'), ':1\r\n')
    engine.advanceFloor(10, 5)
    run(10, count + 3, 'set', 'a', value, 'GET')
    assert.equal(run(10, count + 3, 'set', 'a', value, 'GET').length, 4009)
  })
})

describe('R13: the window', () => {
  test('R13: a sequence below the floor is an error, never a second execution', () => {
    const { engine, run } = open()
    run(10, 1, 'incr', 'a')
    engine.advanceFloor(10, 2)
    assert.equal(run(10, 1, 'incr', 'a'), toByteString(BELOW_FLOOR_REPLY))
    assert.equal(engine.storedReply(10, 1), null)
    assert.equal(run(10, 2, 'incr', 'a'), ':2\r\n')
  })

  test('R13: the floor never goes back and may pass sequences that never came', () => {
    const { engine, run } = open()
    run(10, 1, 'incr', 'a')
    engine.advanceFloor(10, 1_000_000)
    engine.advanceFloor(10, 5)
    assert.equal(run(10, 999_999, 'incr', 'a'), toByteString(BELOW_FLOOR_REPLY))
    assert.equal(run(10, 1_000_000, 'incr', 'a'), ':2\r\n')
    engine.advanceFloor(99, 1)
  })

  test('R13: holds limits.sessionWindow sequences above the floor and refuses those beyond', () => {
    const { engine, run } = open()
    const last = limits.sessionWindow - 1
    for (let sequence = 0; sequence <= last; sequence++) run(10, sequence, 'incr', 'a')
    assert.equal(run(10, last + 1, 'incr', 'a'), toByteString(ABOVE_WINDOW_REPLY))
    assert.equal(run(10, 0, 'incr', 'a'), ':1\r\n')
    engine.advanceFloor(10, 1)
    assert.equal(run(10, last + 1, 'incr', 'a'), `:${last + 2}\r\n`)
    assert.equal(run(10, 1, 'incr', 'a'), ':2\r\n')
  })
})

describe('R13: sessions', () => {
  test('R13: opening closes every older one of the peer and no other', () => {
    const { engine, run } = open()
    engine.openSession(11, 2, 'x')
    engine.openSession(12, 1, 'b')
    assert.equal(engine.sessionOf(1, 'a'), null)
    assert.equal(engine.sessionOf(1, 'b'), 12)
    assert.equal(engine.sessionOf(2, 'x'), 11)
    assert.equal(run(10, 1, 'incr', 'a'), toByteString(CLOSED_SESSION_REPLY))
    assert.equal(run(12, 1, 'incr', 'a'), ':1\r\n')
    assert.equal(run(11, 1, 'incr', 'a'), ':2\r\n')
  })

  test('R13: the same peer and boot id keep the session they have', () => {
    const { engine, run } = open()
    run(10, 1, 'incr', 'a')
    engine.openSession(15, 1, 'a')
    assert.equal(engine.sessionOf(1, 'a'), 10)
    assert.equal(run(10, 1, 'incr', 'a'), ':1\r\n')
  })

  test('R13: removal of the peer closes its session; the same process may open another', () => {
    const { engine, run } = open()
    run(10, 1, 'incr', 'a')
    engine.closeSessionsOf(1)
    assert.equal(run(10, 2, 'incr', 'a'), toByteString(CLOSED_SESSION_REPLY))
    engine.openSession(20, 1, 'a')
    assert.equal(run(20, 2, 'incr', 'a'), ':2\r\n')
    assert.equal(run(10, 1, 'incr', 'a'), toByteString(CLOSED_SESSION_REPLY))
  })

  test('R13: a session that was never opened is closed', () => {
    assert.equal(open().run(77, 1, 'incr', 'a'), toByteString(CLOSED_SESSION_REPLY))
  })
})

describe('R13: save and load', () => {
  test('R13: keep every reply, the floor and the sessions', () => {
    const { engine, store, run } = open()
    engine.openSession(11, 2, 'x')
    const words = [
      ['set', 'a', '1'],
      ['incr', 'a'],
      ['incrby', 'a', '5000'],
      ['set', 'a', 'x', 'GET'],
      ['incr', 'a'],
    ]
    words.push(
      ['set', 'b', 'y'.repeat(5000)],
      ['set', 'b', '1', 'GET'],
      ['set', 'c', '1', 'XX'],
      ['del', 'none'],
    )
    engine.advanceFloor(10, 3)
    for (const [i, each] of words.entries()) run(10, 4 + 2 * i, ...each)
    const state = engine.save()
    const replies = words.map((_, i) => engine.storedReply(10, 4 + 2 * i)?.toString('latin1'))

    const loaded = new KvEngine(store)
    loaded.load(state)
    assert.deepEqual(loaded.save(), state)
    words.forEach((each, i) => {
      assert.equal(toByteString(loaded.executeWrite(command(...each), 10, 4 + 2 * i)), replies[i])
    })
    assert.deepEqual(loaded.save(), state)
    assert.equal(loaded.executeWrite(command('incr', 'a'), 10, 2), BELOW_FLOOR_REPLY)
    assert.equal(loaded.sessionOf(2, 'x'), 11)
  })

  test('R13: keep a floor that passed everything', () => {
    const { engine, store, run } = open()
    run(10, 1, 'incr', 'a')
    engine.advanceFloor(10, 50)
    const loaded = new KvEngine(store)
    loaded.load(engine.save())
    assert.deepEqual(loaded.save(), engine.save())
    assert.equal(loaded.executeWrite(command('incr', 'a'), 10, 49), BELOW_FLOOR_REPLY)
    assert.equal(String(loaded.executeWrite(command('incr', 'a'), 10, 50)), ':2\r\n')
  })

  test('R13: an engine that executed and one that loaded go on alike', () => {
    const { engine, store } = open()
    for (let i = 0; i < 50; i++) engine.executeWrite(command('incr', `k${i % 7}`), 10, i)
    const loaded = new KvEngine(new MapStore())
    loaded.load(engine.save())
    const copy = new MapStore()
    for (const row of store.range('', null, Infinity)) copy.put(row.key, row.value)
    const other = new KvEngine(copy)
    other.load(engine.save())
    for (let i = 40; i < 90; i++) {
      const one = engine.executeWrite(command('incr', `k${i % 7}`), 10, i)
      assert.deepEqual(other.executeWrite(command('incr', `k${i % 7}`), 10, i), one)
    }
    assert.deepEqual(other.save(), engine.save())
  })
})

test('R13: a state that is cut off, too long, or of another version is refused', () => {
  const { engine } = open()
  const state = engine.save()
  assert.throws(() => engine.load(state.subarray(0, state.length - 1)), /cut off/)
  assert.throws(() => engine.load(Buffer.concat([state, Buffer.from([0])])), /stray/)
  const other = Buffer.from(state)
  other[0] = 9
  assert.throws(() => engine.load(other), /version 9/)
  const above = Buffer.from(state)
  above[4] = 200
  assert.throws(() => engine.load(above), /level 200/)
})

test('R7: the engine level is raised, never lowered, saved with the state, and refused when it is not known', () => {
  const { engine } = open()
  assert.equal(engine.engineLevel, 1)
  engine.raiseLevel(ENGINE_LEVEL)
  engine.raiseLevel(1)
  assert.equal(engine.engineLevel, ENGINE_LEVEL)
  assert.throws(() => engine.raiseLevel(ENGINE_LEVEL + 1), isTooNew)
  const loaded = new KvEngine(new MapStore())
  loaded.load(engine.save())
  assert.equal(loaded.engineLevel, ENGINE_LEVEL)
  const older = new KvEngine(new MapStore(), () => 0, 1)
  assert.throws(() => older.load(engine.save()), isTooNew)
})

test('R7: what only a later version knows is refused as such, in a state and in the log', () => {
  const { engine } = open()
  const later = Buffer.from(engine.save())
  later[0] = 200
  assert.throws(() => engine.load(later), isTooNew)
  const unknown = { code: 9_999, database: 0, args: [] }
  const state = engine.save()
  assert.throws(() => engine.executeWrite(unknown, 10, 0), isTooNew)
  assert.deepEqual(engine.save(), state)
})
