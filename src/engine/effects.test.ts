/** Effects: told once per command that did something, in order, the same on every replica, and nothing for nobody. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { must } from '../lib/assert.ts'
import { SeededRandom } from '../lib/random.ts'
import { EngineClient, type Word } from '../testing/engine/engine-client.ts'
import { MapStore } from '../testing/storage/map-store.ts'
import type { Effects, KeyChange } from './effects.ts'
import { parseNoticeClasses } from './notice-classes.ts'
import { KeyRecord } from './records.ts'

function shown(change: KeyChange): string {
  if ('other' in change) return `${change.sub} ${change.kind} ${change.database} ${change.other}`
  const { sub, kind, database, key, record, created } = change
  const value = record === null ? '' : ` = ${new KeyRecord(record).value}`
  return `${sub} ${kind} ${database}:${key}${value}${created ? ' (created)' : ''}`
}

function told(effects: Effects): string[] {
  const { revision, changes, notices } = effects
  return [
    `revision ${revision}`,
    ...changes.map(shown),
    ...notices.map(({ event, database, key }) => `${event} ${database}:${key}`),
  ]
}

function listening(client = new EngineClient()): { client: EngineClient; seen: string[][] } {
  const seen: string[][] = []
  client.engine.onEffects((effects) => seen.push(told(effects)))
  return { client, seen }
}

describe('changes', () => {
  test('carry the revision, the record and whether the key is new', () => {
    const { client, seen } = listening()
    client.run('SET', 'a', '1')
    client.run('INCR', 'a')
    client.run('DEL', 'a', 'absent')
    assert.deepEqual(seen, [
      ['revision 1', '0 put 0:a = 1 (created)'],
      ['revision 2', '0 put 0:a = 2'],
      ['revision 3', '0 delete 0:a'],
    ])
  })

  test('are none for commands without effect and for failed ones', () => {
    const { client, seen } = listening()
    client.run('SET', 'a', 'text')
    seen.length = 0
    client.run('DEL', 'absent')
    client.run('SET', 'a', '1', 'NX')
    client.run('INCR', 'a')
    client.run('FLUSHDB')
    client.run('FLUSHDB')
    client.run('GET', 'a')
    assert.deepEqual(seen, [['revision 2', '0 flush 0 0']])
  })

  test('of one key in one command are one change, the last; what came and went is none', () => {
    const { client, seen } = listening()
    client.run('SET', 'b', '0')
    seen.length = 0
    client.transaction([
      ['SET', 'a', '1'],
      ['SET', 'gone', '1'],
      ['INCR', 'a'],
      ['DEL', 'gone'],
      ['DEL', 'b'],
    ])
    assert.deepEqual(seen, [['revision 2', '0 put 0:a = 2 (created)', '1 delete 0:b']])
  })

  test('tell that a record is gone that was due, although the command put another in its place first', () => {
    const { client, seen } = listening()
    client.run('SET', 'a', '1', 'PX', '10')
    client.nowMs += 10
    seen.length = 0
    client.transaction([
      ['SET', 'a', '2'],
      ['DEL', 'a'],
    ])
    assert.deepEqual(seen, [['revision 2', '0 delete 0:a']])
  })

  test('are not drawn together over a flush or a swap', () => {
    const { client, seen } = listening()
    client.transaction([
      ['SET', 'a', '1'],
      ['FLUSHDB'],
      ['SET', 'a', '2'],
      ['SWAPDB', '0', '1'],
      ['SET', 'a', '3'],
    ])
    assert.deepEqual(seen, [
      [
        'revision 1',
        '0 put 0:a = 1 (created)',
        '1 flush 0 0',
        '2 put 0:a = 2 (created)',
        '3 swap 0 1',
        '4 put 0:a = 3 (created)',
      ],
    ])
  })

  test('of expiry say so', () => {
    const { client, seen } = listening()
    client.engine.wantNotices(must(parseNoticeClasses('KEA'), 'classes'))
    client.run('SET', 'a', '1', 'PX', '10')
    client.run('SET', 'b', '1', 'PX', '10')
    client.nowMs += 11
    client.run('SET', 'b', '2')
    seen.length = 0
    client.expireDue()
    assert.deepEqual(seen, [['revision 4', '0 expire 0:a', 'expired 0:a']])
  })

  test('over a due key: it expired, and a new one was made', () => {
    const { client, seen } = listening()
    client.run('SET', 'b', '1', 'PX', '10')
    client.nowMs += 11
    client.engine.wantNotices(must(parseNoticeClasses('KEAn'), 'classes'))
    seen.length = 0
    client.run('SET', 'b', '2')
    assert.deepEqual(seen, [['revision 2', '0 put 0:b = 2 (created)', 'expired 0:b', 'new 0:b', 'set 0:b']])
  })
})

describe('effects', () => {
  test('R2: are told once by a command that misses and runs again', () => {
    const store = new MapStore({ random: new SeededRandom(3) })
    const { client, seen } = listening(new EngineClient(store))
    client.engine.wantNotices(must(parseNoticeClasses('KEA'), 'classes'))
    client.run('MSET', 'a', '1', 'b', '2')
    seen.length = 0
    store.missShare = 1
    client.transaction([
      ['INCR', 'a'],
      ['RENAME', 'b', 'c'],
    ])
    assert.ok(store.misses > 0)
    assert.deepEqual(seen, [
      [
        'revision 2',
        '0 put 0:a = 2',
        '1 put 0:c = 2 (created)',
        '2 delete 0:b',
        'incrby 0:a',
        'rename_from 0:b',
        'rename_to 0:c',
      ],
    ])
  })

  test('R13: are not told again for a duplicate', () => {
    const { client, seen } = listening()
    const { engine } = client
    const { spec, database, args } = must(client.command('INCR', 'a'), 'command')
    const first = engine.executeWrite({ code: spec.code, database, args }, 1, 0)
    const again = engine.executeWrite({ code: spec.code, database, args }, 1, 0)
    assert.deepEqual([first.toString(), again.toString()], [':1\r\n', ':1\r\n'])
    assert.equal(seen.length, 1)
  })

  test('are built for nobody without a listener', () => {
    const { client, seen } = listening()
    client.engine.onEffects(null)
    client.run('SET', 'a', '1')
    assert.equal(seen.length, 0)
    client.engine.onEffects((effects) => seen.push(told(effects)))
    client.run('SET', 'b', '1')
    assert.deepEqual(seen, [['revision 2', '0 put 0:b = 1 (created)']])
  })

  test('are the same on a replica whose records miss', () => {
    const script = randomWrites(400)
    const steady = listening()
    const missing = listening(new EngineClient(new MapStore({ random: new SeededRandom(9), missShare: 0.5 })))
    for (const { client } of [steady, missing]) {
      client.engine.wantNotices(must(parseNoticeClasses('KEAn'), 'classes'))
      for (const words of script) client.run(...words)
    }
    assert.ok(missing.client.store.misses > 100)
    assert.deepEqual(missing.seen, steady.seen)
  })
})

/** Writes of a few keys, so that they meet. */
function randomWrites(count: number): Word[][] {
  const random = new SeededRandom(5)
  const key = (): string => `k${random.below(6)}`
  const makers: (() => Word[])[] = [
    () => ['SET', key(), random.below(100)],
    () => ['MSET', key(), '1', key(), '2'],
    () => ['DEL', key(), key()],
    () => ['INCR', key()],
    () => ['RENAME', key(), key()],
    () => ['COPY', key(), key(), 'REPLACE'],
    () => ['MOVE', key(), '1'],
    () => ['APPEND', key(), 'x'],
    () => ['GETDEL', key()],
    () => ['SWAPDB', '0', '1'],
  ]
  return Array.from({ length: count }, () => (makers[random.below(makers.length)] as () => Word[])())
}
