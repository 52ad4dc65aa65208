/** The memory of created keys: exact but for three keys of one bucket, bounded, and the same after save and load. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '../lib/assert.ts'
import { ByteReader } from '../lib/byte-reader.ts'
import { ByteWriter } from '../lib/byte-writer.ts'
import { creationHash, RecentCreations } from './creations.ts'
import { recordPrefix } from './keys.ts'

const KEY = `${recordPrefix(7)}key`

function reloaded(creations: RecentCreations): RecentCreations {
  const writer = new ByteWriter()
  creations.save(writer)
  const loaded = new RecentCreations()
  loaded.load(new ByteReader(writer.finish()))
  return loaded
}

/** `count` keys of KEY's bucket with other hashes, as notes. */
function neighbours(count: number): number[] {
  const own = creationHash(0, KEY)
  const found: number[] = []
  for (let i = 0; found.length < count; i++) {
    const hash = creationHash(0, `${recordPrefix(7)}other ${i}`)
    if (hash % 4_096 === own % 4_096 && hash !== own) found.push(hash)
  }
  return found
}

test('knows nothing before it begins, nor of what was before that, nor once it has forgotten', () => {
  const creations = new RecentCreations()
  assert.equal(creations.neverSince(0, KEY, 5), false)
  creations.begin(10)
  assert.deepEqual([creations.neverSince(0, KEY, 9), creations.neverSince(0, KEY, 10)], [false, true])
  creations.forget()
  assert.equal(creations.neverSince(0, KEY, 10), false)
})

test('a key is told from others of its bucket until two of these came', () => {
  const creations = new RecentCreations()
  creations.begin(0)
  const [one, two] = neighbours(2)
  creations.note(must(one, 'neighbour'), 1)
  creations.note(must(one, 'neighbour'), 2)
  assert.equal(creations.neverSince(0, KEY, 0), true)
  creations.note(must(two, 'neighbour'), 3)
  assert.equal(creations.neverSince(0, KEY, 0), false)
  assert.equal(creations.neverSince(0, KEY, 2), true)
})

test('a key that came is known when others of its bucket came before and behind it, in its own database alone', () => {
  const [one, two] = neighbours(2)
  const creations = new RecentCreations()
  creations.begin(0)
  creations.note(must(one, 'neighbour'), 1)
  creations.note(creationHash(0, KEY), 2)
  assert.equal(creations.neverSince(0, KEY, 1), false)
  assert.equal(creations.neverSince(0, KEY, 2), true)
  assert.equal(creations.neverSince(3, KEY, 1), true)
  creations.note(must(two, 'neighbour'), 3)
  for (const memory of [creations, reloaded(creations)]) {
    assert.deepEqual([memory.neverSince(0, KEY, 1), memory.neverSince(0, KEY, 2)], [false, true])
  }
})

test('an exchange of its database brings keys from elsewhere', () => {
  const creations = new RecentCreations()
  creations.begin(0)
  creations.noteSwap(3, 4)
  for (const memory of [creations, reloaded(creations)]) {
    assert.deepEqual([memory.neverSince(3, KEY, 3), memory.neverSince(3, KEY, 4)], [false, true])
    assert.equal(memory.neverSince(2, KEY, 3), true)
  }
})
