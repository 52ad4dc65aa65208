/**
 * A random life of a store beside a sorted map: entries of puts, deletions and drops; reads by every way;
 * seals, compactions, faults, kills and losses of power. After each of them the store must say what the map
 * says. One seed decides everything.
 */
import assert from 'node:assert/strict'
import type { ByteString } from '../../lib/bytes.ts'
import { errorCode } from '../../lib/coded-error.ts'
import { type Random, SeededRandom } from '../../lib/random.ts'
import { MISS, type Pin, type PinnedState, type Row, type StoreOptions } from '../../storage/store/types.ts'
import { StoreFixture, type StoreFixtureOptions } from './store-fixture.ts'

type Change =
  | { readonly kind: 'put'; readonly key: ByteString; readonly value: Buffer | null }
  | { readonly kind: 'drop'; readonly from: ByteString; readonly to: ByteString }

type ModelMap = Map<ByteString, Buffer>

export interface StoreModelOptions extends StoreFixtureOptions {
  /** Distinct keys in use. */
  readonly keys?: number
  /** Values are at most this long; now and then one of 100 times that. */
  readonly valueSize?: number
}

interface HeldPin {
  readonly pin: Pin
  readonly keys: readonly ByteString[]
}

/** A pinned state and what it must go on saying. */
interface HeldState {
  readonly pinned: PinnedState
  readonly map: ModelMap
}

export class StoreModel {
  readonly fixture: StoreFixture
  readonly random: Random
  /** What was applied, from entry 1 on: the Raft log. */
  readonly log: (readonly Change[])[] = []
  readonly #options: StoreModelOptions
  #map: ModelMap = new Map()
  #pins: HeldPin[] = []
  #states: HeldState[] = []
  #scans = 0
  /** Pages of pinned states that were compared. */
  pages = 0

  constructor(seed: number, options: StoreModelOptions = {}) {
    this.random = new SeededRandom(seed).fork('store model')
    this.#options = options
    this.fixture = new StoreFixture({ seed, memtableBytes: 32 * 1024, tableBytes: 8 * 1024, ...options })
    this.fixture.open()
  }

  get index(): number {
    return this.log.length
  }

  /** The map after entry `index`. */
  at(index: number): ModelMap {
    const map: ModelMap = new Map()
    for (const changes of this.log.slice(0, index)) apply(map, changes)
    return map
  }

  key(): ByteString {
    const number = this.random.below(this.#options.keys ?? 400)
    return `k${number.toString(36).padStart(2, '0')}${'.'.repeat(number % 7)}`
  }

  value(): Buffer {
    const { valueSize = 60 } = this.#options
    return this.random.bytes(this.random.below(this.random.below(200) === 0 ? 100 * valueSize : valueSize))
  }

  /** Applies one random entry to both, and seals when that is due. */
  entry(): void {
    const changes: Change[] = []
    for (let left = this.random.below(12); left > 0; left--) {
      const value = this.random.below(4) === 0 ? null : this.value()
      changes.push({ kind: 'put', key: this.key(), value })
    }
    if (this.random.below(60) === 0) {
      const [from, to] = [this.key(), this.key()].sort() as [ByteString, ByteString]
      if (from < to) changes.push({ kind: 'drop', from, to })
    }
    this.log.push(changes)
    apply(this.#map, changes)
    this.#applyToStore(changes, this.log.length)
    const { store } = this.fixture
    if (!store.stalled && (store.shouldSeal(0) || this.random.below(40) === 0)) this.seal()
  }

  seal(): void {
    this.fixture.store.seal(Buffer.from(`meta ${this.log.length}`))
  }

  /** Every key by get(), after a fetch where needed, and every row by a range. */
  checkAll(): void {
    for (let i = 0; i < 20; i++) this.checkKey(this.key())
    const rows = this.fixture.rows()
    assert.deepEqual(rows.map(text), this.#expectedRows('', null, Number.POSITIVE_INFINITY))
  }

  checkKey(key: ByteString): void {
    const pin = this.fixture.fetch([key])
    assert.deepEqual(this.fixture.store.get(key), this.#map.get(key) ?? null)
    pin.release()
  }

  /**
   * A range that may take several turns, during which others may write: its answer is the map when it comes.
   */
  startScan(): void {
    const from = this.key()
    const to = this.random.below(3) === 0 ? null : this.key()
    const limit = 1 + this.random.below(150)
    this.#scans++
    this.fixture.store.fetchRange(from, to, limit, (error, rows) => {
      this.#scans--
      if (errorCode(error) === 'CLOSED') return
      if (error !== null) throw error
      assert.deepEqual(rows.map(text), this.#expectedRows(from, to, limit))
    })
  }

  /** The synchronous range: right, or MISS. */
  checkRange(): void {
    const from = this.key()
    const limit = 1 + this.random.below(30)
    try {
      const rows = this.fixture.store.range(from, null, limit)
      assert.deepEqual(rows.map(text), this.#expectedRows(from, null, limit))
    } catch (error) {
      if (error !== MISS) throw error
    }
  }

  /** Pins keys for a while. */
  pinSome(): void {
    const keys = Array.from({ length: 1 + this.random.below(8) }, () => this.key())
    this.#pins.push({ keys, pin: this.fixture.fetch(keys) })
  }

  /** R2: no get() of a pinned key misses, and none is older than a memtable that was sealed since. */
  checkPins(): void {
    for (const { keys } of this.#pins) {
      for (const key of keys) assert.deepEqual(this.fixture.store.get(key), this.#map.get(key) ?? null)
    }
  }

  releasePins(): void {
    for (const { pin } of this.#pins) pin.release()
    this.#pins = []
  }

  /** Pins the whole state for a while. */
  pinState(): void {
    this.#states.push({ pinned: this.fixture.store.pin(), map: new Map(this.#map) })
  }

  /** A page of a pinned state, up or down, while others may write: as it was when it was pinned. */
  startPage(): void {
    const state = this.#states[this.random.below(Math.max(1, this.#states.length))]
    if (state === undefined) return
    const [from, to] = [this.key(), this.random.below(3) === 0 ? null : this.key()]
    const reverse = this.random.below(2) === 0
    const limit = 1 + this.random.below(150)
    const rows: Row[] = []
    this.#scans++
    const visit = (row: Row): boolean => rows.push(row) < limit
    state.pinned.scan({ from, to, reverse }, visit, (error) => {
      this.#scans--
      if (errorCode(error) === 'GONE') return
      if (error !== null) throw error
      const expected = rowsOf(state.map, from, to)
      if (reverse) expected.reverse()
      assert.deepEqual(rows.map(text), expected.slice(0, limit))
      this.pages++
    })
  }

  releaseState(): void {
    const [state] = this.#states.splice(this.random.below(Math.max(1, this.#states.length)), 1)
    state?.pinned.release()
  }

  /** Ends the process in some way, starts another one and replays. */
  restart(overrides: Partial<StoreOptions> = {}): void {
    const how = this.random.below(3)
    if (how === 0) this.fixture.kill()
    else if (how === 1) this.fixture.crash()
    else if (this.fixture.fatals.length === 0) this.fixture.close()
    this.reopen(overrides)
  }

  /** After the process ended: the store is at a manifest, and the log gives the rest. */
  reopen(overrides: Partial<StoreOptions> = {}): void {
    this.#pins = []
    this.#states = []
    this.#scans = 0
    this.fixture.kill()
    this.fixture.fatals.length = 0
    this.fixture.disk.faults.clear()
    const store = this.fixture.open(overrides)
    const index = store.manifestIndex
    assert.ok(index <= this.log.length)
    assert.equal(String(store.manifestMeta), index === 0 ? '' : `meta ${index}`)
    this.#map = this.at(index)
    this.checkAll()
    for (let i = index; i < this.log.length; i++) {
      this.#applyToStore(this.log[i] as readonly Change[], i + 1)
      apply(this.#map, this.log[i] as readonly Change[])
    }
    this.checkAll()
  }

  /** Takes over the log of `source` up to what this store installed. */
  adopt(source: StoreModel): void {
    const index = this.fixture.store.manifestIndex
    this.log.splice(0, this.log.length, ...source.log.slice(0, index))
    this.#map = this.at(index)
  }

  waitForScans(): void {
    this.fixture.world.runUntil(() => this.#scans === 0, 'scans are done')
  }

  #applyToStore(changes: readonly Change[], index: number): void {
    const { store } = this.fixture
    for (const change of changes) {
      if (change.kind === 'put') store.put(change.key, change.value)
      else store.dropRange(change.from, change.to)
    }
    store.endEntry(index, 1 + Math.floor(index / 100))
  }

  #expectedRows(from: ByteString, to: ByteString | null, limit: number): string[] {
    return rowsOf(this.#map, from, to).slice(0, limit)
  }
}

function rowsOf(map: ModelMap, from: ByteString, to: ByteString | null): string[] {
  return [...map]
    .filter(([key]) => key >= from && (to === null || key < to))
    .map(([key, value]) => text({ key, value }))
    .sort()
}

function apply(map: ModelMap, changes: readonly Change[]): void {
  for (const change of changes) {
    if (change.kind === 'drop') {
      for (const key of [...map.keys()]) if (key >= change.from && key < change.to) map.delete(key)
    } else if (change.value === null) map.delete(change.key)
    else map.set(change.key, change.value)
  }
}

function text({ key, value }: Row): string {
  return `${key} = ${value.toString('base64')}`
}
