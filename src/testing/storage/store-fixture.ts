/**
 * One store on a simulated disk, for tests: processes come and go, the disk stays. Drives the world until
 * what was asked for is done, so that tests read as sequences.
 */
import { assert, must } from '../../lib/assert.ts'
import type { ByteString } from '../../lib/bytes.ts'
import type { Callback } from '../../storage/disk.ts'
import { storeJobs } from '../../storage/store/jobs.ts'
import { openStore } from '../../storage/store/store.ts'
import { MISS, type Pin, type Row, type Store, type StoreOptions } from '../../storage/store/types.ts'
import { SimClock, SimTime } from '../sim/clock.ts'
import { SimDisk, type SimDiskOptions } from '../sim/disk.ts'
import { SimJobs } from '../sim/jobs.ts'
import type { SimProcess } from '../sim/process.ts'
import { SimWorld } from '../sim/world.ts'

export const STORE_FOLDER = '/data/store'

export interface StoreFixtureOptions {
  readonly seed?: number
  /** Several fixtures may share one world. */
  readonly world?: SimWorld
  readonly name?: string
  readonly disk?: SimDiskOptions
  readonly memtableBytes?: number
  readonly blockCacheBytes?: number
  readonly tableBytes?: number
}

export class StoreFixture {
  readonly world: SimWorld
  readonly disk: SimDisk
  readonly options: StoreFixtureOptions
  /** What onFatal got, in order. */
  readonly fatals: Error[] = []
  readonly warnings: string[] = []
  #process: SimProcess | null = null
  #store: Store | null = null

  constructor(options: StoreFixtureOptions = {}) {
    this.options = options
    this.world = options.world ?? new SimWorld(options.seed ?? 1)
    this.disk = new SimDisk(this.world, options.name ?? 'disk', options.disk)
  }

  get store(): Store {
    return must(this.#store, 'open store')
  }

  /** Starts a process that opens the store; throws what openStore refuses with. */
  open(overrides: Partial<StoreOptions> = {}): Store {
    this.start(overrides)
    return this.store
  }

  /** Opens and waits; the store before must be gone. */
  start(overrides: Partial<StoreOptions> = {}): void {
    assert(this.#process === null || !this.#process.alive, 'The process before is gone')
    const process = this.world.spawn('store')
    this.#process = process
    this.#store = null
    const {
      memtableBytes = 64 * 1024,
      tableBytes = 32 * 1024,
      blockCacheBytes = 96 * 1024,
      name,
    } = this.options
    const options: StoreOptions = {
      memtableBytes,
      tableBytes,
      blockCacheBytes,
      folder: STORE_FOLDER,
      disk: this.disk.mount(process),
      jobs: new SimJobs(process, this.disk, storeJobs),
      clock: new SimClock(process, new SimTime(this.world)),
      filePrefix: name ?? 'a1',
      pendingInstall: null,
      onFatal: (error) => this.fatals.push(error),
      log: (_level, message) => this.warnings.push(message),
      ...overrides,
    }
    this.#store = this.wait((done) => openStore(options, done), 'store is open')
  }

  /** Runs the world until `action` calls back; throws its error. */
  wait<T>(action: (done: Callback<T>) => void, what = 'answer'): T {
    let answer: { error: Error | null; value: T } | null = null
    action((error, value) => {
      assert(answer === null, `${what}: called back twice`)
      answer = { error, value }
    })
    this.world.runUntil(() => answer !== null, what)
    const { error, value } = must(answer as { error: Error | null; value: T } | null, what)
    if (error !== null) throw error
    return value
  }

  /** One entry: puts (null deletes) and its end at the next index. */
  entry(index: number, changes: Readonly<Record<ByteString, string | null>>, term = 1): void {
    for (const [key, value] of Object.entries(changes)) {
      this.store.put(key, value === null ? null : Buffer.from(value, 'latin1'))
    }
    this.store.endEntry(index, term)
  }

  /** Seals and waits for the manifest that follows. */
  flush(index: number, meta = ''): void {
    this.store.seal(Buffer.from(meta))
    this.world.runUntil(() => this.store.manifestIndex === index, `manifest ${index}`)
  }

  /** Waits until no sealed memtable, no job and no retry is left. */
  settle(): void {
    this.world.runUntil(() => this.store.status().sealedMemtables === 0, 'no sealed memtable')
    this.world.runFor(2_000)
  }

  /** The value of `key` by whatever way it takes. */
  read(key: ByteString): string | null {
    const pin = this.fetch([key])
    const value = this.store.get(key)
    pin.release()
    return value === null ? null : value.toString('latin1')
  }

  /** True when get() needs a block that is not in memory. */
  misses(key: ByteString): boolean {
    try {
      this.store.get(key)
      return false
    } catch (error) {
      if (error === MISS) return true
      throw error
    }
  }

  fetch(keys: readonly ByteString[]): Pin {
    return this.wait((done) => this.store.fetch(keys, done), 'keys are fetched')
  }

  rows(from: ByteString = '', to: ByteString | null = null, limit = Number.POSITIVE_INFINITY): Row[] {
    return this.wait((done) => this.store.fetchRange(from, to, limit, done), 'range is read')
  }

  /** Everything in the store, as text. */
  dump(): Record<string, string> {
    return Object.fromEntries(this.rows().map(({ key, value }) => [key, value.toString('latin1')]))
  }

  close(): void {
    this.wait<void>((done) => this.store.close(() => done(null, undefined)), 'store is closed')
    this.kill()
  }

  /** kill -9: what was written stays, durable or not. */
  kill(): void {
    this.#process?.kill()
  }

  /** Loss of power. */
  crash(...keep: Parameters<SimDisk['crash']>): void {
    this.disk.crash(...keep)
  }

  /** Names in the store's folder, sorted. */
  files(): string[] {
    return this.disk.folders
      .paths()
      .filter((path) => path.startsWith(`${STORE_FOLDER}/`))
      .map((path) => path.slice(STORE_FOLDER.length + 1))
      .toSorted()
  }
}
