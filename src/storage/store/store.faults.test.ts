/** What the store does when the disk lies, fills up or fails; and where its bounds make callers wait. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCode } from '../../lib/coded-error.ts'
import { STORE_FOLDER, StoreFixture, type StoreFixtureOptions } from '../../testing/storage/store-fixture.ts'
import { MISS } from './types.ts'

const key = (i: number): string => `key-${String(i).padStart(6, '0')}`

function flushed(count: number, options: StoreFixtureOptions = {}): StoreFixture {
  const fixture = new StoreFixture(options)
  fixture.open()
  for (let i = 0; i < count; i++) fixture.store.put(key(i), Buffer.from(`value ${i}`))
  fixture.store.endEntry(1, 1)
  fixture.flush(1, 'meta')
  return fixture
}

function thrownBy(action: () => void, what = 'action'): Error {
  try {
    action()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error(`Nothing was thrown: ${what}`)
}

function tableFiles(fixture: StoreFixture): string[] {
  return fixture.files().filter((name) => name.endsWith('.tbl'))
}

test('a damaged block is never served: fetch and ranges say CORRUPT, with file and offset', () => {
  const fixture = flushed(2_000)
  const path = `${STORE_FOLDER}/${tableFiles(fixture)[0]}`
  fixture.disk.flipBit(path, 9_000, 3)
  const damaged = key(350)
  const byFetch = thrownBy(() => fixture.fetch([damaged]))
  assert.equal(errorCode(byFetch), 'CORRUPT')
  assert.match(byFetch.message, /a1-1\.tbl at offset \d+/)
  assert.equal(errorCode(thrownBy(() => fixture.rows())), 'CORRUPT')
  assert.equal(
    thrownBy(() => fixture.store.get(damaged)),
    MISS,
  )
  assert.equal(fixture.read(key(5)), 'value 5', 'other blocks are served')
  fixture.disk.flipBit(path, 9_000, 3)
  assert.equal(fixture.read(damaged), 'value 350', 'a failed load leaves nothing behind')
})

test('a block of another place is refused although its own checksum is right', () => {
  const fixture = flushed(2_000)
  const path = `${STORE_FOLDER}/${tableFiles(fixture)[0]}`
  const size = 8_192 + 64
  const bytes = fixture.disk.peek(path)?.subarray(0, size) as Buffer
  const second = Buffer.from(bytes)
  fixture.disk.damage(path, 8_200, second)
  assert.equal(errorCode(thrownBy(() => fixture.rows())), 'CORRUPT')
})

test('a compaction over a damaged block fails, changes nothing and leaves no files', () => {
  const fixture = flushed(2_000)
  const [first] = tableFiles(fixture)
  fixture.disk.flipBit(`${STORE_FOLDER}/${first}`, 100, 0)
  for (let i = 0; i < 2_000; i++) fixture.store.put(key(i), Buffer.from('a newer value'))
  fixture.store.endEntry(2, 1)
  fixture.flush(2)
  fixture.world.runFor(500)
  const { jobFailures, sortedRuns, tables } = fixture.store.status()
  assert.ok(jobFailures > 0)
  assert.equal(sortedRuns, 2)
  assert.equal(fixture.read(key(3)), 'a newer value')
  assert.equal(tableFiles(fixture).length, tables)
})

test('a start refuses a damaged or missing table and a damaged manifest, and removes nothing', () => {
  for (const damage of ['footer', 'missing', 'manifest', 'other table'] as const) {
    const fixture = flushed(2_000)
    fixture.kill()
    const [first, second] = tableFiles(fixture).map((name) => `${STORE_FOLDER}/${name}`) as [string, string]
    const manifest = `${STORE_FOLDER}/manifest`
    if (damage === 'footer') fixture.disk.flipBit(first, (fixture.disk.peek(first)?.length as number) - 20, 0)
    if (damage === 'missing') fixture.disk.folders.remove(first)
    if (damage === 'manifest') fixture.disk.flipBit(manifest, 30, 0)
    if (damage === 'other table') {
      const [wrong, right] = [second, first].map((path) => fixture.disk.peek(path) as Buffer) as [
        Buffer,
        Buffer,
      ]
      fixture.disk.damage(first, right.length - wrong.length, wrong)
    }
    const before = fixture.files()
    const error = thrownBy(() => fixture.open(), damage)
    assert.equal(errorCode(error), 'CORRUPT', damage)
    assert.match(error.message, damage === 'manifest' ? /manifest/ : /a1-1\.tbl/)
    assert.deepEqual(fixture.files(), before)
  }
})

test('a start removes what neither manifest names, and only files of the store', () => {
  const fixture = flushed(100)
  fixture.kill()
  const process = fixture.world.spawn('litter')
  const disk = fixture.disk.mount(process)
  const names = ['a1-99.tbl', 'b2-5.tbl.part', 'manifest.new', 'notes.txt']
  for (const name of names) fixture.wait((done) => disk.open(`${STORE_FOLDER}/${name}`, 'create', done))
  process.kill()
  fixture.open()
  assert.deepEqual(fixture.files(), ['a1-1.tbl', 'manifest', 'notes.txt'])
  fixture.entry(2, { a: '1' })
  fixture.flush(2)
  assert.ok(tableFiles(fixture).includes('a1-100.tbl'), 'numbers of leftovers are not used again')
})

test('R6: a flush without space waits, stalls its caller, and resumes by itself', () => {
  const fixture = new StoreFixture({ memtableBytes: 4_096 })
  const { store } = { store: fixture.open() }
  fixture.disk.setCapacity(fixture.disk.usedBytes() + 100)
  let index = 0
  while (!store.stalled) {
    fixture.entry(++index, { [key(index)]: 'x'.repeat(500) })
    if (store.shouldSeal(0)) store.seal(Buffer.alloc(0))
  }
  assert.throws(() => store.seal(Buffer.alloc(0)), /Cannot seal/)
  fixture.world.runFor(3_000)
  assert.equal(store.stalled, true)
  assert.ok(store.status().jobFailures >= 4)
  assert.equal(fixture.read(key(1)), 'x'.repeat(500), 'reads go on')
  assert.deepEqual(tableFiles(fixture), [], 'no partial output stays')
  assert.deepEqual(fixture.fatals, [])
  fixture.disk.setCapacity(2 ** 40)
  fixture.world.runUntil(() => !store.stalled, 'flush after space came back', { timeoutMs: 6_000 })
  fixture.settle()
  assert.equal(store.manifestIndex > 0, true)
  assert.equal(fixture.read(key(1)), 'x'.repeat(500))
})

test('a failed folder sync after the rename is fatal, and the handler is not told of a manifest', () => {
  const fixture = flushed(100)
  const told: number[] = []
  fixture.store.onManifest((index) => told.push(index))
  fixture.entry(2, { a: '1' })
  fixture.disk.failNext({ operation: 'syncFolder', skip: 1 })
  fixture.store.seal(Buffer.alloc(0))
  fixture.world.runFor(1_000)
  assert.equal(fixture.fatals.length, 1)
  assert.equal(errorCode(fixture.fatals[0]), 'EIO')
  assert.deepEqual(told, [])
  assert.equal(fixture.store.manifestIndex, 1)
  fixture.crash('prefix')
  fixture.open()
  assert.ok([1, 2].includes(fixture.store.manifestIndex))
})

test('a start relies on no manifest whose name a loss of power could still take back', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const fixture = flushed(2_000, { seed })
    fixture.store.reclaim(true)
    fixture.entry(2, { [key(1)]: 'newer' })
    fixture.flush(2)
    const manifest = `${STORE_FOLDER}/manifest`
    const flushedManifest = fixture.disk.peek(manifest)
    const isReplaced = (): boolean => fixture.disk.peek(manifest)?.equals(flushedManifest as Buffer) === false
    fixture.world.runUntil(isReplaced, 'a compaction renamed its manifest')
    fixture.kill()
    fixture.open()
    fixture.crash('subset')
    fixture.open()
    assert.equal(fixture.read(key(1)), 'newer')
    assert.equal(fixture.read(key(2)), 'value 2')
  }
})

test('R9: the handler hears of an index only when its manifest is durable', () => {
  const fixture = new StoreFixture()
  const store = fixture.open()
  store.onManifest((index) => {
    fixture.crash('none')
    fixture.open()
    assert.equal(fixture.store.manifestIndex, index)
  })
  fixture.entry(7, { a: '1' })
  store.seal(Buffer.from('m'))
  fixture.world.runUntil(() => fixture.store !== store, 'crashed and opened again')
  assert.equal(fixture.read('a'), '1')
})

test('R9: a seal is due by size or by log, by log only when something new would become durable', () => {
  const fixture = new StoreFixture({ memtableBytes: 10_000 })
  const store = fixture.open({ memtableLogBytes: 1_000_000 })
  assert.equal(store.shouldSeal(2_000_000), false, 'nothing was applied')
  store.endEntry(1, 1)
  assert.equal(store.shouldSeal(999_999), false)
  assert.equal(store.shouldSeal(1_000_000), true)
  store.seal(Buffer.alloc(0))
  store.endEntry(2, 1)
  assert.equal(store.shouldSeal(2_000_000), false, 'a flush is on its way')
  fixture.settle()
  assert.equal(store.manifestIndex, 1)
  assert.equal(store.shouldSeal(0), false)
  fixture.entry(3, { a: 'x'.repeat(10_000) })
  assert.equal(store.shouldSeal(0), true)
})

test('a seal inside an entry is refused', () => {
  const fixture = new StoreFixture()
  const store = fixture.open()
  store.put('a', Buffer.from('1'))
  assert.throws(() => store.seal(Buffer.alloc(0)), /inside an entry/)
})

test('R2: a pinned key is answered from the flushed memtable, not from what lay below it', () => {
  const fixture = flushed(2_000)
  fixture.entry(2, { [key(7)]: 'newer', [key(8)]: null })
  const pin = fixture.fetch([key(7), key(8), key(9), 'new key'])
  fixture.entry(3, { [key(9)]: 'newest', 'new key': '1' })
  fixture.flush(3)
  fixture.settle()
  const values = [key(7), key(8), key(9), 'new key'].map((name) => fixture.store.get(name))
  assert.deepEqual(
    values.map((value) => value && String(value)),
    ['newer', null, 'newest', '1'],
  )
  pin.release()
  assert.throws(() => pin.release(), /released twice/)
})

test('R2: a pin outlives compactions and evictions', () => {
  const fixture = flushed(2_000)
  const pin = fixture.fetch([key(100)])
  for (let index = 2; index < 8; index++) {
    for (let i = 0; i < 2_000; i += 3) fixture.store.put(key(i), Buffer.from(`${index}`))
    fixture.store.endEntry(index, 1)
    fixture.flush(index)
  }
  fixture.settle()
  assert.ok(fixture.store.status().bytesCompacted > 0)
  assert.equal(String(fixture.store.get(key(100))), 'value 100')
  pin.release()
})

test('a synchronous range gives up on too many deleted records; fetchRange takes many turns', () => {
  const fixture = new StoreFixture({ memtableBytes: 64 * 2 ** 20 })
  const store = fixture.open()
  for (let i = 0; i < 30_000; i++) store.put(key(i), null)
  store.put('z', Buffer.from('last'))
  store.endEntry(1, 1)
  assert.equal(
    thrownBy(() => store.range('', null, 1)),
    MISS,
  )
  const events = fixture.world.eventCount
  assert.deepEqual(fixture.dump(), { z: 'last' })
  assert.ok(fixture.world.eventCount - events >= 15, 'one slice per turn')
})

test('a long range answers with the state at the moment it answers', () => {
  const fixture = flushed(5_000)
  let keys: string[] | null = null
  fixture.store.fetchRange(key(10), key(4_000), 3_000, (error, rows) => {
    assert.equal(error, null)
    keys = rows.map((row) => `${row.key} ${row.value}`)
  })
  let index = 1
  while (keys === null) {
    fixture.world.step()
    fixture.entry(++index, { [key(10)]: `${index}`, [key(11)]: null, 'key-000010a': `${index}` })
    if (index === 4) fixture.store.dropRange(key(20), key(30))
  }
  const found = keys as string[]
  assert.equal(found.length, 3_000)
  assert.equal(found[0], `${key(10)} ${index - 1}`)
  assert.equal(found[1], `key-000010a ${index - 1}`)
  assert.equal(found[2], `${key(12)} value 12`)
  assert.equal(
    found.some((row) => row.startsWith('key-00002')),
    false,
  )
})

test('close() ends a job under way, refuses what waits, and leaves a store that opens', () => {
  const fixture = flushed(3_000)
  for (let i = 0; i < 3_000; i++) fixture.store.put(key(i), Buffer.from('second'))
  fixture.store.endEntry(2, 1)
  fixture.store.seal(Buffer.alloc(0))
  const snapshot = fixture.store.snapshot()
  const answers: string[] = []
  fixture.store.fetchRange('', null, 10, (error) => answers.push(errorCode(error)))
  fixture.store.fetch([key(1)], (error) => answers.push(errorCode(error)))
  fixture.close()
  assert.deepEqual(answers, ['CLOSED', 'CLOSED'])
  snapshot.release()
  fixture.open()
  assert.equal(fixture.store.manifestIndex, 1)
  assert.equal(fixture.rows().length, 3_000)
  assert.deepEqual(tableFiles(fixture).length, fixture.store.status().tables)
})
