/** The memory of the history: what it takes, and what is left to the garbage collector. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventKeyAt, WatchHistory } from './watch-history.ts'

const LIMIT = 1024 * 1024
const KEY = Buffer.from('key')

/** Bytes of shared memory that a history made for puts of these record sizes, in turn. */
function sharedBytes(sizes: readonly number[], rounds: number): number {
  const history = new WatchHistory(LIMIT)
  const made = new Set<ArrayBufferLike>()
  for (let revision = 1; revision <= rounds; revision++) {
    const record = Buffer.alloc(sizes[revision % sizes.length] as number)
    const change = { kind: 'put', database: 0, key: KEY, record, created: true, sub: 0 } as const
    history.append(change, revision)
    history.advance(revision)
    const { key } = eventKeyAt(history.newest)
    assert.deepEqual(key, KEY)
    if (key?.buffer instanceof SharedArrayBuffer) made.add(key.buffer)
    assert(history.bytes <= LIMIT)
  }
  return [...made].reduce((sum, { byteLength }) => sum + byteLength, 0)
}

test('memory that V8 does not see is at most what the history may take, however often it turns over', () => {
  assert.equal(sharedBytes([200], 12_000), LIMIT)
  assert.equal(sharedBytes([40_000], 500), 0)
  assert(sharedBytes([200, 10_000, 700_000], 600) <= LIMIT)
})
