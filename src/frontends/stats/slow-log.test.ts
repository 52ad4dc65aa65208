/** The slow log keeps the newest commands, and nothing of the requests they came in. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SlowLog } from './slow-log.ts'

const facts = { atSeconds: 1, micros: 2, peer: 'peer', clientName: '' }

function ids(log: SlowLog): number[] {
  return log.entries.map(({ id }) => id)
}

function words(log: SlowLog, at: number): string | undefined {
  return log.entries[at]?.words.join(' ')
}

test('of more slow commands than are kept the newest stay, newest first, with ids that count all', () => {
  const log = new SlowLog()
  log.lengthMax = 3
  for (let i = 0; i < 5; i++) log.add('get', [Buffer.from(`${i}`)], facts)
  assert.deepEqual(ids(log), [4, 3, 2])
  assert.equal(words(log, 0), 'get 4')
  log.add('get', [Buffer.from('5')], facts)
  assert.deepEqual(ids(log), [5, 4, 3])
  log.lengthMax = 4
  log.add('get', [Buffer.from('6')], facts)
  assert.deepEqual(ids(log), [6, 5, 4, 3])
  log.lengthMax = 2
  assert.deepEqual(ids(log), [6, 5])
  log.clear()
  assert.deepEqual(ids(log), [])
  log.add('get', [], facts)
  assert.deepEqual(ids(log), [7])
  log.lengthMax = 0
  log.add('get', [], facts)
  assert.deepEqual(ids(log), [])
})

test('what is kept does not change with the bytes that the client sent, and is bounded', () => {
  const log = new SlowLog()
  const long = Buffer.alloc(1024 * 1024, 'v')
  const many = Array.from({ length: 40 }, () => Buffer.from('w'))
  log.add('set', [Buffer.from('key'), long], facts)
  log.add('mset', many, facts)
  long.fill('x')
  for (const word of many) word.fill('x')
  assert.match(words(log, 0) ?? '', /^mset( w){30} \.\.\. \(10 more arguments\)$/)
  assert.match(words(log, 1) ?? '', /^set key v{128}\.\.\. \(1048448 more bytes\)$/)
})
