/** What the store answers, memory and disk taken together. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreFixture } from '../../testing/storage/store-fixture.ts'

const KEY = (i: number): string => `key-${String(i).padStart(6, '0')}`

function filled(count: number, options: ConstructorParameters<typeof StoreFixture>[0] = {}): StoreFixture {
  const fixture = new StoreFixture(options)
  fixture.open()
  for (let i = 0; i < count; i++) fixture.store.put(KEY(i), Buffer.from(`value ${i}`))
  fixture.store.endEntry(1, 1)
  return fixture
}

test('a new store is empty and stands at index 0', () => {
  const fixture = new StoreFixture()
  const store = fixture.open()
  assert.equal(store.manifestIndex, 0)
  assert.equal(store.manifestTerm, 0)
  assert.equal(store.manifestMeta.length, 0)
  assert.equal(store.get('a'), null)
  assert.deepEqual(store.range('', null, 10), [])
  assert.deepEqual(fixture.rows(), [])
})

test('a put is visible at once, and the newest of a key wins', () => {
  const fixture = new StoreFixture()
  const store = fixture.open()
  store.put('a', Buffer.from('1'))
  assert.equal(String(store.get('a')), '1')
  store.put('a', Buffer.from('2'))
  store.put('b', Buffer.alloc(0))
  assert.equal(String(store.get('a')), '2')
  assert.equal(store.get('b')?.length, 0)
  store.put('a', null)
  assert.equal(store.get('a'), null)
  assert.deepEqual(
    store.range('', null, 10).map((row) => row.key),
    ['b'],
  )
})

test('a value given out never changes', () => {
  const fixture = new StoreFixture()
  const store = fixture.open()
  const source = Buffer.from('first')
  store.put('a', source)
  const value = store.get('a')
  source.fill(0)
  store.put('a', Buffer.from('other'))
  store.endEntry(1, 1)
  fixture.flush(1)
  assert.equal(String(value), 'first')
})

test('a flush moves everything to tables and a start finds it there', () => {
  const fixture = filled(5_000)
  fixture.flush(1, 'meta')
  assert.equal(fixture.store.status().memtableBytes, 0)
  assert.equal(fixture.store.status().tableEntries, 5_000)
  assert.equal(fixture.read(KEY(1234)), 'value 1234')
  fixture.crash('none')
  const store = fixture.open()
  assert.equal(store.manifestIndex, 1)
  assert.equal(String(store.manifestMeta), 'meta')
  assert.equal(fixture.read(KEY(0)), 'value 0')
  assert.equal(fixture.read(KEY(4_999)), 'value 4999')
  assert.equal(fixture.read('key'), null)
  const rows = fixture.rows(KEY(100), KEY(105), 100)
  assert.deepEqual(
    rows.map((row) => row.key),
    [100, 101, 102, 103, 104].map(KEY),
  )
  assert.equal(fixture.rows().length, 5_000)
})

test('what was not flushed is gone after a crash: the log has it', () => {
  const fixture = new StoreFixture()
  fixture.open()
  fixture.entry(1, { a: '1' })
  fixture.flush(1)
  fixture.entry(2, { a: '2', b: '2' })
  fixture.crash('all')
  fixture.open()
  assert.equal(fixture.store.manifestIndex, 1)
  assert.deepEqual(fixture.dump(), { a: '1' })
})

test('get() misses what is not in memory, and fetch() makes it certain until release()', () => {
  const fixture = filled(5_000)
  fixture.flush(1)
  assert.equal(fixture.misses(KEY(42)), true)
  assert.equal(fixture.misses('absent key'), false)
  const pin = fixture.fetch([KEY(42), KEY(43), 'absent key'])
  for (let i = 0; i < 5_000; i += 10) fixture.read(KEY(i))
  assert.equal(String(fixture.store.get(KEY(42))), 'value 42')
  assert.equal(fixture.store.get('absent key'), null)
  pin.release()
  assert.equal(fixture.misses(KEY(42)), true)
})

test('a value larger than any block or chunk survives memory, tables and compaction', () => {
  const fixture = new StoreFixture({ memtableBytes: 64 * 2 ** 20, tableBytes: 32 * 2 ** 20 })
  const store = fixture.open()
  const large = Buffer.alloc(16 * 2 ** 20, 'x')
  store.put('big', large)
  store.put('small', Buffer.from('s'))
  store.endEntry(1, 1)
  assert.equal(store.get('big')?.equals(large), true)
  fixture.flush(1)
  for (let i = 2; i < 6; i++) {
    fixture.entry(i, { small: `${i}` })
    fixture.flush(i)
  }
  fixture.settle()
  assert.equal(fixture.read('big')?.length, large.length)
  assert.equal(fixture.read('small'), '5')
  assert.equal(fixture.rows('b', 'c', 1)[0]?.value.equals(large), true)
})
