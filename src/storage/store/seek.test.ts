/** Random places: every part of the range comes up about as often as it has rows, in memory and in tables. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../lib/random.ts'
import { StoreFixture } from '../../testing/storage/store-fixture.ts'

const ROWS = 4_000
const DRAWS = 2_000
const KEY = (i: number): string => `key-${String(i).padStart(6, '0')}`

/** Places by quarters of the keys. */
function quarters(fixture: StoreFixture): number[] {
  const random = new SeededRandom(3)
  const counts = [0, 0, 0, 0]
  for (let i = 0; i < DRAWS; i++) {
    const place = fixture.store.seek('key-', 'key.', random.float())
    assert.ok(place !== null && place.from >= 'key-' && place.from < 'key.' && place.rows >= 1)
    // A block's bound is shorter than the keys behind it.
    const at = Math.floor((Number(place.from.slice(4).padEnd(6, '0')) / ROWS) * 4)
    counts[at] = (counts[at] as number) + 1
  }
  return counts
}

function filled(from: number, to: number, fixture = new StoreFixture()): StoreFixture {
  for (let i = from; i < to; i++) fixture.store.put(KEY(i), Buffer.alloc(100, 'v'))
  return fixture
}

function assertEven(counts: readonly number[]): void {
  for (const count of counts) {
    assert.ok(count > DRAWS / 6 && count < DRAWS / 3, `places by quarters: ${counts.join(' ')}`)
  }
}

function opened(): StoreFixture {
  const fixture = new StoreFixture({ memtableBytes: 16 * 1024 * 1024 })
  fixture.open()
  fixture.store.put('a-before', Buffer.from('x'))
  fixture.store.put('z-behind', Buffer.from('x'))
  return fixture
}

test('nothing is found where nothing is', () => {
  const fixture = opened()
  assert.equal(fixture.store.seek('key-', 'key.', 0.5), null)
})

test('in a memtable', () => {
  const fixture = filled(0, ROWS, opened())
  fixture.store.endEntry(1, 1)
  assertEven(quarters(fixture))
})

test('in tables', () => {
  const fixture = filled(0, ROWS, opened())
  fixture.store.endEntry(1, 1)
  fixture.flush(1)
  assert.ok(fixture.store.status().tables > 1)
  assertEven(quarters(fixture))
})

test('half in tables, half in the memtable', () => {
  const fixture = filled(0, ROWS / 2, opened())
  fixture.store.endEntry(1, 1)
  fixture.flush(1)
  filled(ROWS / 2, ROWS, fixture)
  fixture.store.endEntry(2, 1)
  assertEven(quarters(fixture))
})
