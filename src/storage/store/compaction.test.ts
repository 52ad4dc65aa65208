/** Bounds: how many runs there are, how often a record is rewritten, how much space dead records take. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SeededRandom } from '../../lib/random.ts'
import { StoreFixture } from '../../testing/storage/store-fixture.ts'
import { pickGroup, type RunSize } from './compaction-policy.ts'

function sizes(...list: readonly number[]): RunSize[] {
  return list.map((bytes, i) => ({ bytes, id: i + 1, mergeInto: 0 }))
}

test('nothing is merged while runs are few', () => {
  assert.equal(pickGroup([], 10), null)
  assert.equal(pickGroup(sizes(100), 10), null)
  assert.equal(pickGroup(sizes(100, 90, 110, 2_000), 10), null)
})

test('four neighbours of one size class become one run', () => {
  assert.deepEqual(pickGroup(sizes(100, 90, 110, 100, 10_000), 10), { first: 0, last: 3 })
  assert.deepEqual(pickGroup(sizes(5, 100, 90, 110, 100, 10_000), 10), { first: 1, last: 4 })
  assert.deepEqual(
    pickGroup(sizes(100, 3, 3, 3, 10_000), 10),
    { first: 0, last: 3 },
    'small ones behind large ones too',
  )
})

test('everything is merged when newer runs reach the size of the oldest', () => {
  assert.deepEqual(pickGroup(sizes(100, 400, 500), 10), { first: 0, last: 2 })
  assert.equal(pickGroup(sizes(100, 300, 500), 10), null)
})

test('R6: while space is short everything becomes one run, so that deletions free it', () => {
  assert.deepEqual(pickGroup(sizes(1, 10_000), 10, true), { first: 0, last: 1 })
  assert.equal(pickGroup(sizes(10_000), 10, true), null)
})

test('a merge under way is finished, but newer small runs are merged before', () => {
  const runs = sizes(90, 100, 100, 100, 400, 400, 3_000).map((run) => ({
    ...run,
    mergeInto: run.bytes === 400 ? 7 : 0,
  }))
  assert.deepEqual(pickGroup(runs, 10), { first: 0, last: 3 })
  assert.deepEqual(pickGroup(runs.slice(1), 10), { first: 3, last: 5 })
})

/** Writes `count` records in entries of 20 and waits for the background work as it goes. */
function write(
  fixture: StoreFixture,
  count: number,
  key: (i: number) => string,
): { bytes: number; runsMax: number } {
  const { store, world } = fixture
  let index = store.manifestIndex
  let bytes = 0
  let runsMax = 0
  for (let i = 0; i < count; ) {
    for (let j = 0; j < 20 && i < count; j++) {
      const value = Buffer.alloc(100, i++ & 0xff)
      const name = key(i)
      store.put(name, value)
      bytes += name.length + value.length
    }
    store.endEntry(++index, 1)
    if (store.shouldSeal(0)) {
      store.seal(Buffer.alloc(0))
      world.runUntil(() => store.status().sealedMemtables === 0, 'flushed')
      world.runFor(200)
    }
    runsMax = Math.max(runsMax, store.status().sortedRuns)
  }
  store.seal(Buffer.alloc(0))
  fixture.settle()
  return { bytes, runsMax }
}

const random = new SeededRandom(11)
const name = (i: number): string => `key-${String(i).padStart(8, '0')}`

const workloads: readonly { what: string; key: (i: number) => string; space: number; writes: number }[] = [
  { what: 'ascending keys', key: name, space: 1.3, writes: 4.5 },
  { what: 'random overwrites', key: () => name(random.below(4_000)), space: 2.3, writes: 4.5 },
  {
    what: 'skewed overwrites',
    key: () => name(random.below(1 + random.below(1 + random.below(20_000)))),
    space: 2.3,
    writes: 5,
  },
]

for (const { what, key, space, writes } of workloads) {
  test(`write and space amplification and runs stay within their bounds: ${what}`, () => {
    const fixture = new StoreFixture({ memtableBytes: 128 * 1024, tableBytes: 32 * 1024 })
    fixture.open()
    const { bytes, runsMax } = write(fixture, 30_000, key)
    const { bytesFlushed, bytesCompacted, tableBytes, sealedMemtables } = fixture.store.status()
    assert.equal(sealedMemtables, 0)
    const live = fixture.rows().reduce((sum, row) => sum + row.key.length + row.value.length, 0)
    const writeFactor = (bytesFlushed + bytesCompacted) / bytes
    assert.ok(writeFactor <= writes, `write amplification ${writeFactor}`)
    assert.ok(tableBytes / live <= space, `space amplification ${tableBytes / live}`)
    assert.ok(runsMax <= 12, `${runsMax} runs`)
    const onDisk = fixture.disk.usedBytes()
    assert.ok(onDisk <= 1.1 * tableBytes + 10_000, `${onDisk} bytes on disk for ${tableBytes} of tables`)
  })
}

test('deletions disappear when everything is merged: an emptied store takes no space', () => {
  const fixture = new StoreFixture()
  const store = fixture.open()
  for (let i = 0; i < 2_000; i++) store.put(name(i), Buffer.alloc(50))
  store.endEntry(1, 1)
  fixture.flush(1)
  for (let i = 0; i < 2_000; i++) store.put(name(i), null)
  store.endEntry(2, 1)
  fixture.flush(2)
  for (let i = 3; i < 12 && store.status().tables > 0; i++) {
    for (let j = 0; j < 800; j++) store.put(`x${j}`, i % 2 === 0 ? Buffer.alloc(50) : null)
    store.endEntry(i, 1)
    fixture.flush(i)
    fixture.settle()
  }
  assert.ok(store.status().tableEntries < 2_000, `${store.status().tableEntries} entries`)
})

test('a dropped range that fills tables costs nothing: they go with the next manifest', () => {
  const fixture = new StoreFixture()
  const store = fixture.open()
  for (let i = 0; i < 5_000; i++) store.put(`a${name(i)}`, Buffer.alloc(50))
  store.endEntry(1, 1)
  fixture.flush(1)
  assert.equal(store.status().tables > 3, true)
  store.dropRange('a', 'b')
  assert.deepEqual(fixture.rows(), [])
  assert.equal(fixture.read(`a${name(7)}`), null)
  store.endEntry(2, 1)
  fixture.flush(2)
  fixture.settle()
  assert.equal(store.status().tables, 0)
  assert.equal(store.status().bytesCompacted, 0)
  assert.deepEqual(fixture.files(), ['manifest'])
})

test('a dropped range in the middle of tables is cleaned up in the background', () => {
  const fixture = new StoreFixture()
  const store = fixture.open()
  for (let i = 0; i < 900; i++) store.put(`${'abc'[i % 3]}${name(i)}`, Buffer.alloc(50))
  store.endEntry(1, 1)
  fixture.flush(1)
  store.dropRange('b', 'c')
  store.endEntry(2, 1)
  fixture.flush(2)
  fixture.settle()
  assert.equal(store.status().tableEntries, 600)
  assert.deepEqual(new Set(fixture.rows().map((row) => row.key[0])), new Set(['a', 'c']))
})

test('R20: thousands of dropped ranges do not pile up', () => {
  const fixture = new StoreFixture({ memtableBytes: 64 * 2 ** 20 })
  const store = fixture.open()
  fixture.entry(1, { z: 'stays' })
  for (let i = 2; i < 2_000; i++) {
    store.put(`d${String(i).padStart(6, '0')}x`, Buffer.from('1'))
    store.dropRange(`d${String(i).padStart(6, '0')}`, `d${String(i).padStart(6, '0')}~`)
    store.endEntry(i, 1)
    if (store.shouldSeal(0)) fixture.flush(i)
  }
  assert.ok(store.manifestIndex > 1_000, 'drops alone make seals due')
  fixture.flush(1_999)
  fixture.settle()
  assert.deepEqual(fixture.dump(), { z: 'stays' })
  assert.equal(store.status().tableEntries, 1)
})
