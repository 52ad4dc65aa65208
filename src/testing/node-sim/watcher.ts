/**
 * A client that copies the keyspace: a listing of one node, then its watch, resumed at another node whenever a process
 * ends or time has come. Its copy must be the state, at every revision that a listing shows, and all nodes must tell
 * the same history.
 */
import type { PinnedSnapshot } from '../../cluster/clients/listing.ts'
import type { Node } from '../../cluster/node.ts'
import type { Watch, WatchEvent } from '../../cluster/watches/watch.ts'
import { crc32 } from '../../lib/crc32.ts'
import type { Random } from '../../lib/random.ts'
import type { SimWorld } from '../sim/world.ts'
import { check } from './invariants.ts'
import type { Machine } from './machine.ts'

const FROM = Buffer.alloc(0)
const STEP_MS = 20
const BATCH = 7
/** Batches of events after which it goes to another node. */
const LEAVES_ONCE_IN = 10
const BATCH_BYTES = 4_000
const PAGE = { from: FROM, to: null, reverse: false, maxBytes: 20_000, keysOnly: false }
const PAGE_KEYS = 5
const LISTING_MS = 3_000

/** In front of the text of a row that expires. */
const EXPIRES = '~'

type Rows = Map<string, string>

/** What all watchers of a run share: what was told of each event, and what listings showed at each revision. */
export class WatchedHistory {
  readonly #events = new Map<string, string>()
  readonly #rows = new Map<number, string>()
  readonly #listed = new Set<number>()
  /** Events, resumptions, listings and falls behind the history. */
  readonly counts = { watchEvents: 0, watchResumes: 0, watchListings: 0, watchCompacted: 0 }

  note({ revision, sub, kind, key, item }: WatchEvent): void {
    this.counts.watchEvents++
    check(
      item === null || item.modRevision === revision,
      () => `Event of revision ${revision} has another one's item`,
    )
    const text = `${kind} ${key?.toString('latin1')} ${item === null ? '' : rowText(item)}`
    this.#same(this.#events, `${revision}.${sub}`, text)
  }

  /** The rows at a revision, however they came to be known; those that expire may be hidden or not. */
  noteRows(revision: number, rows: Rows): void {
    const lasting = [...rows].filter(([, text]) => !text.startsWith(EXPIRES))
    this.#same(this.#rows, revision, lasting.sort().join('\n'))
  }

  /** True when somebody told the rows of this revision. */
  hasRows(revision: number): boolean {
    return this.#rows.has(revision)
  }

  noteListing(revision: number, rows: Rows): void {
    this.counts.watchListings++
    this.#listed.add(revision)
    this.noteRows(revision, rows)
  }

  /** True when a listing showed this revision. */
  isListed(revision: number): boolean {
    return this.#listed.has(revision)
  }

  #same<K>(known: Map<K, string>, at: K, text: string): void {
    const before = known.get(at) ?? text
    check(before === text, () => `Two histories at revision ${at}:\n${before}\n--- and ---\n${text}`)
    known.set(at, text)
  }
}

export interface WatcherWorld {
  readonly world: SimWorld
  readonly machines: readonly Machine[]
  readonly history: WatchedHistory
}

export class Watcher {
  readonly #shared: WatcherWorld
  readonly #random: Random
  /** The copy, and the last event in it; null while a listing is wanted. */
  #rows: Rows | null = null
  #revision = 0
  #sub = Number.POSITIVE_INFINITY
  #machine: Machine | null = null
  #node: Node | null = null
  #watch: Watch | null = null
  #isBusy = false
  #busySinceMs = 0

  constructor(shared: WatcherWorld, random: Random) {
    this.#shared = shared
    this.#random = random
    this.#again()
  }

  /** Its copy stands at this revision, by what its node says; -1 while it has none. */
  get revision(): number {
    return this.#rows === null || this.#watch === null ? -1 : this.#watch.revision
  }

  /** True when its copy stands at `revision`, and a listing of that revision agrees. */
  hasReached(revision: number): boolean {
    const { history } = this.#shared
    if (this.#rows === null || this.revision !== revision || !history.isListed(revision)) return false
    history.noteRows(revision, this.#rows)
    return true
  }

  #again(): void {
    this.#shared.world.schedule(1 + this.#random.below(STEP_MS), 'watcher', () => {
      this.#step()
      this.#again()
    })
  }

  #step(): void {
    const { world } = this.#shared
    const isGone = this.#node === null || this.#machine?.node !== this.#node
    if (this.#isBusy && !isGone && world.nowMs - this.#busySinceMs < LISTING_MS) return
    if (isGone || this.#random.below(40) === 0) this.#leave()
    if (this.#node === null) this.#choose()
    const node = this.#node
    if (node === null) return
    this.#machine?.sim.process.schedule(0, 'watcher', () => this.#work(node))
  }

  /** In a turn of the node. */
  #work(node: Node): void {
    if (node !== this.#node || this.#isBusy) return
    if (this.#rows === null || this.#random.below(30) === 0) return this.#list(node)
    if (this.#watch === null) this.#resume(node)
    else this.#take()
  }

  #leave(): void {
    this.#watch = null
    this.#node = null
    this.#isBusy = false
  }

  #choose(): void {
    const up = this.#shared.machines.filter((machine) => machine.isUp)
    this.#machine = up[this.#random.below(Math.max(1, up.length))] ?? null
    this.#node = this.#machine?.node ?? null
  }

  #resume(node: Node): void {
    this.#shared.history.counts.watchResumes++
    const options = { database: 0, from: FROM, to: null, after: this.#revision, afterSub: this.#sub }
    const watch = node.watch(options, () => this.#watch === watch && this.#take())
    this.#watch = watch
  }

  #take(): void {
    const { history } = this.#shared
    const taken = this.#watch?.take(1 + this.#random.below(BATCH), BATCH_BYTES) ?? []
    if (taken === 'compacted') {
      history.counts.watchCompacted++
      this.#rows = null
      this.#leave()
      return
    }
    for (const event of taken) this.#apply(event)
    // Perhaps in the middle of a revision.
    if (taken.length > 0 && this.#random.below(LEAVES_ONCE_IN) === 0) return this.#leave()
    const rows = this.#rows
    if (rows === null || this.#watch === null || taken.length > 0) return
    // A node that lags has not told the rest of a revision yet.
    if (this.#watch.revision < this.#revision) return
    this.#revision = this.#watch.revision
    this.#sub = Number.POSITIVE_INFINITY
    history.noteRows(this.#revision, rows)
  }

  #apply(event: WatchEvent): void {
    const { history } = this.#shared
    const rows = this.#rows
    if (rows === null) return
    const { revision, sub, key, item } = event
    const isNext =
      revision > this.#revision ? sub === 0 : revision === this.#revision && sub === this.#sub + 1
    check(isNext, () => `Event ${revision}.${sub} comes after ${this.#revision}.${this.#sub}`)
    // Between two revisions nothing changed: the copy is the state at each of them.
    if (revision > this.#revision && history.hasRows(revision - 1)) history.noteRows(revision - 1, rows)
    history.note(event)
    this.#revision = revision
    this.#sub = sub
    if (key === null) rows.clear()
    else if (item === null) rows.delete(key.toString('latin1'))
    else rows.set(key.toString('latin1'), rowText(item))
  }

  /** Lists everything in small pages while others write; begins anew with it when there is no copy. */
  #list(node: Node): void {
    this.#isBusy = true
    this.#busySinceMs = this.#shared.world.nowMs
    const consistency = this.#random.below(2) === 0 ? 'stale' : 'linearizable'
    const deadlineMs = (this.#machine?.nowMs() ?? 0) + LISTING_MS
    const options = {
      session: node.openSession(),
      consistency,
      deadlineMs,
      principal: { name: 'sim' },
    } as const
    node.openSnapshot({ ...options, database: 0 }, (snapshot) => {
      if (node !== this.#node) return snapshot?.release()
      if (snapshot === null) this.#isBusy = false
      else this.#page(node, snapshot, FROM, new Map())
    })
  }

  #page(node: Node, snapshot: PinnedSnapshot, from: Buffer, rows: Rows): void {
    const limit = 1 + this.#random.below(PAGE_KEYS)
    snapshot.page({ ...PAGE, from, limit }, (page) => {
      if (node !== this.#node) return snapshot.release()
      if (typeof page === 'string') {
        this.#isBusy = false
        return
      }
      for (const { key, item } of page.entries) rows.set(key.toString('latin1'), rowText(item))
      const { next } = page
      if (next === null) return this.#listed(snapshot, rows)
      const delayMs = this.#random.below(STEP_MS)
      this.#machine?.sim.process.schedule(delayMs, 'next page', () => this.#page(node, snapshot, next, rows))
    })
  }

  #listed(snapshot: PinnedSnapshot, rows: Rows): void {
    const { history } = this.#shared
    snapshot.release()
    this.#isBusy = false
    history.noteListing(snapshot.revision, rows)
    if (this.#rows !== null) return
    this.#rows = rows
    this.#revision = snapshot.revision
    this.#sub = Number.POSITIVE_INFINITY
    this.#watch = null
  }
}

function rowText(item: NonNullable<WatchEvent['item']>): string {
  const value = crc32(item.value ?? FROM)
  return `${item.expiresAt === 0 ? '' : EXPIRES}${item.modRevision}/${item.version} ${value}`
}
