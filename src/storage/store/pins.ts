/**
 * Records that fetch() made certain (R2). A pinned key carries what the tables say of it, so that get() needs
 * no block; memtables stand before it. When a memtable retires into a table, its records of pinned keys
 * replace what was pinned: a memtable sealed after the pin still stands before it. Compactions change no
 * content, so pins do not mind them.
 */
import { assert } from '../../lib/assert.ts'
import type { ByteString } from '../../lib/bytes.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Callback } from '../disk.ts'
import type { Block } from './block.ts'
import { ClosedError } from './errors.ts'
import { hashKey } from './hash.ts'
import type { Memtable } from './memtable.ts'
import type { State } from './state.ts'
import type { Pin } from './types.ts'
import { lookup, type Version } from './version.ts'

/** Keys of one fetch() that read at the same time. */
const READS_AT_ONCE = 64
/** Up to this size a value is copied out, so that the pin does not hold its whole block. */
const COPY_BYTES = 4096

export interface PinnedKey {
  /** False while the tables were not asked, or need not be since a memtable holds the key. */
  readonly resolved: boolean
  readonly value: Buffer | null
}

interface PinnedEntry extends PinnedKey {
  resolved: boolean
  value: Buffer | null
  count: number
}

export class Pins {
  readonly #state: State
  readonly #clock: Clock
  #keys = new Map<ByteString, PinnedEntry>()
  #closed = false

  constructor(state: State, clock: Clock) {
    this.#state = state
    this.#clock = clock
  }

  get(key: ByteString): PinnedKey | undefined {
    return this.#keys.size === 0 ? undefined : this.#keys.get(key)
  }

  /** `done` runs in a later turn. */
  fetch(keys: readonly ByteString[], done: Callback<Pin>): void {
    const all = this.#keys
    const fetch = new Fetch(this.#state, this.#entries(keys), (error) => {
      const failure = this.#closed ? new ClosedError() : error
      if (failure !== null) unpin(all, keys)
      done(failure, failure === null ? new KeyPin(all, keys) : (null as unknown as Pin))
    })
    this.#clock.defer(() => fetch.start())
  }

  /** Before `memtable` leaves the state: its records are in tables from now on. */
  retire(memtable: Memtable): void {
    for (const [key, entry] of this.#keys) {
      const value = this.#state.valueIn(memtable, key)
      if (value === undefined) continue
      entry.value = keep(value)
      entry.resolved = true
    }
  }

  /** Everything in [from, to) is dropped now. */
  drop(from: ByteString, to: ByteString): void {
    for (const [key, entry] of this.#keys) {
      if (key < from || key >= to) continue
      entry.value = null
      entry.resolved = true
    }
  }

  /** The whole state was replaced: nothing is pinned any more. */
  clear(): void {
    this.#keys = new Map()
  }

  close(): void {
    this.#closed = true
  }

  #entries(keys: readonly ByteString[]): [ByteString, PinnedEntry][] {
    return keys.map((key) => {
      let entry = this.#keys.get(key)
      if (entry === undefined) {
        entry = { resolved: false, value: null, count: 0 }
        this.#keys.set(key, entry)
      }
      entry.count++
      return [key, entry]
    })
  }
}

class KeyPin implements Pin {
  readonly #all: Map<ByteString, PinnedEntry>
  readonly #keys: readonly ByteString[]
  #held = true

  constructor(all: Map<ByteString, PinnedEntry>, keys: readonly ByteString[]) {
    this.#all = all
    this.#keys = keys
  }

  release(): void {
    assert(this.#held, 'Pin is released twice')
    this.#held = false
    unpin(this.#all, this.#keys)
  }
}

/** `all` is the map the keys were pinned in: after clear() it is no longer the one that reads look into. */
function unpin(all: Map<ByteString, PinnedEntry>, keys: readonly ByteString[]): void {
  for (const key of keys) {
    const entry = all.get(key)
    if (entry !== undefined && --entry.count === 0) all.delete(key)
  }
}

/** The lookups of one fetch(), on the version that was the newest when it began. */
class Fetch {
  readonly #state: State
  readonly #version: Version
  readonly #entries: readonly [ByteString, PinnedEntry][]
  readonly #done: (error: Error | null) => void
  #next = 0
  #reading = 0
  #error: Error | null = null

  constructor(
    state: State,
    entries: readonly [ByteString, PinnedEntry][],
    done: (error: Error | null) => void,
  ) {
    this.#state = state
    this.#version = state.version.retain()
    this.#entries = entries
    this.#done = done
  }

  /** Starts lookups as far as allowed; ends the fetch when all are done. */
  start(): void {
    while (this.#next < this.#entries.length && this.#reading < READS_AT_ONCE && this.#error === null) {
      const [key, entry] = this.#entries[this.#next++] as [ByteString, PinnedEntry]
      const hash = hashKey(key)
      if (!entry.resolved && !this.#state.inMemtable(key, hash)) this.#look(key, hash, entry, 0, null)
    }
    const finished = this.#next === this.#entries.length || this.#error !== null
    if (!finished || this.#reading > 0) return
    this.#version.release()
    this.#done(this.#error)
  }

  /** Looks from run number `first` on; `loaded` is the block that run was missing. */
  #look(key: ByteString, hash: number, entry: PinnedEntry, first: number, loaded: Block | null): void {
    const { runs } = this.#version
    let block = loaded
    for (let i = first; i < runs.length; i++) {
      const found = lookup(runs[i] as (typeof runs)[number], key, hash, block)
      block = null
      if (found.kind === 'absent') continue
      if (found.kind === 'missing') {
        this.#reading++
        found.table.loadBlock(found.block, (error, read) => {
          this.#reading--
          this.#error ??= error
          if (error === null) this.#look(key, hash, entry, i, read)
          this.start()
        })
        return
      }
      const dropped = this.#state.drops.covers(key, found.block.version(found.position))
      resolve(entry, dropped ? null : found.block.value(found.position))
      return
    }
    resolve(entry, null)
  }
}

/** A memtable that retired in between, or a drop, knows better than the tables. */
function resolve(entry: PinnedEntry, value: Buffer | null): void {
  if (entry.resolved) return
  entry.value = keep(value)
  entry.resolved = true
}

function keep(value: Buffer | null): Buffer | null {
  return value !== null && value.length <= COPY_BYTES ? Buffer.from(value) : value
}
