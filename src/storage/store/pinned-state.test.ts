/** Pinned states: what they hold on to, and when they end by themselves. The model test holds what they say. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCode } from '../../lib/coded-error.ts'
import { StoreFixture } from '../../testing/storage/store-fixture.ts'
import type { StatePin } from './pinned-state.ts'
import type { PinnedState, Row } from './types.ts'

const META = Buffer.from('meta')
const EVERYTHING = { from: '', to: null, reverse: false }

/** A store with entries of one put each. */
class World {
  readonly fixture: StoreFixture
  #index = 0

  constructor(options: { pinnedBytes?: number } = {}) {
    this.fixture = new StoreFixture({ memtableBytes: 1024 * 1024 })
    this.fixture.open(options)
  }

  put(key: string, value: string | null): void {
    const { store } = this.fixture
    store.put(key, value === null ? null : Buffer.from(value))
    store.endEntry(++this.#index, 1)
  }

  flush(): void {
    this.fixture.store.seal(META)
    this.fixture.settle()
  }

  pin(): PinnedState {
    return this.fixture.store.pin()
  }

  /** The rows of a pin as text, or the code of its error. */
  rowsOf(pin: PinnedState, reverse = false): string {
    const rows: Row[] = []
    let answer: string | null = null
    pin.scan(
      { ...EVERYTHING, reverse },
      (row) => rows.push(row) > 0,
      (error) => {
        answer = error === null ? rows.map(({ key, value }) => `${key}=${value}`).join(' ') : errorCode(error)
      },
    )
    this.fixture.world.runUntil(() => answer !== null, 'the scan is done')
    return answer ?? ''
  }
}

test('a pin sees each key as it was, wherever its record went', () => {
  const world = new World()
  world.put('in-table', '1')
  world.put('deleted-later', '1')
  world.flush()
  world.put('overwritten', '1')
  world.put('overwritten', '2')
  const first = world.pin()
  world.put('overwritten', '3')
  const second = world.pin()
  world.put('overwritten', '4')
  world.put('new', '1')
  world.put('deleted-later', null)
  world.flush()
  world.put('in-table', '2')
  world.flush()
  assert.equal(world.rowsOf(first), 'deleted-later=1 in-table=1 overwritten=2')
  assert.equal(world.rowsOf(second), 'deleted-later=1 in-table=1 overwritten=3')
  assert.equal(world.rowsOf(second, true), 'overwritten=3 in-table=1 deleted-later=1')
})

test('files that only a pin needs go when it is released', () => {
  const world = new World()
  for (let i = 0; i < 50; i++) world.put(`k${i}`, 'v')
  world.flush()
  const pin = world.pin()
  const held = world.fixture.files().filter((name) => name.endsWith('.tbl'))
  world.fixture.store.dropRange('', '\xff')
  world.put('last', 'v')
  world.flush()
  world.fixture.settle()
  assert(held.every((name) => world.fixture.files().includes(name)))
  assert.equal(world.rowsOf(pin).split(' ').length, 50)
  pin.release()
  pin.release()
  world.fixture.settle()
  assert(!held.some((name) => world.fixture.files().includes(name)))
  assert.equal(world.rowsOf(pin), 'GONE')
})

test('R20: when pins hold on to too much memory the oldest ends', () => {
  const world = new World({ pinnedBytes: 200_000 })
  const pins: PinnedState[] = []
  for (let i = 0; i < 5; i++) {
    world.put(`k${i}`, 'v'.repeat(90_000))
    pins.push(world.pin())
    world.flush()
    assert(world.fixture.store.status().pinnedBytes < 300_000)
  }
  const ends = pins.map((pin) => world.rowsOf(pin).slice(0, 4))
  assert.deepEqual(ends.slice(0, 2), ['GONE', 'GONE'])
  const [oldest, , , , newest] = pins as StatePin[]
  assert.equal(oldest?.memtables.length, 0, 'whoever still has a pin that ended holds no memory by it')
  assert(newest !== undefined && newest.memtables.length > 0)
  assert.deepEqual(ends.slice(-1), ['k0=v'])
})

test('R6: pins end when space runs short', () => {
  const world = new World()
  world.put('k', 'v')
  const pin = world.pin()
  world.fixture.store.reclaim(true)
  assert.equal(world.rowsOf(pin), 'GONE')
  assert.equal(world.fixture.store.status().pins, 0)
})

test('pins end when a snapshot replaces the state', () => {
  const world = new World()
  world.put('k', 'v')
  world.flush()
  const manifest = world.fixture.store.snapshot().manifest
  const pin = world.pin()
  let installed = false
  world.fixture.store.install(manifest, (error) => {
    assert.equal(error, null)
    installed = true
  })
  world.fixture.world.runUntil(() => installed, 'the snapshot is installed')
  assert.equal(world.rowsOf(pin), 'GONE')
})
