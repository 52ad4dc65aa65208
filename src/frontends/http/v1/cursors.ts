/**
 * Listings that are open: a cursor is a word that only this process understands, for one page of a pinned snapshot.
 * Each use renews the lease; 60 s without one, or too many others, and it is gone (410).
 */
import { randomBytes } from 'node:crypto'
import type { PageOptions, PinnedSnapshot } from '../../../cluster/clients/listing.ts'
import type { Clock, Timer } from '../../../lib/clock.ts'
import { limits } from '../../../protocol/limits.ts'

/** What the pages of one listing share. */
export interface Listing {
  readonly snapshot: PinnedSnapshot
  readonly database: number
  readonly reverse: boolean
  readonly keysOnly: boolean
}

/** A page of a listing, and its number in it. */
export interface Place {
  readonly listing: Listing
  readonly number: number
  readonly page: PageOptions
}

interface Lease {
  readonly listing: Listing
  /** The page that was asked for last, so that it can be asked for again, and the one behind it. */
  places: readonly Place[]
  timer: Timer
}

/** What a cursor stands for. */
export type Found =
  | { readonly kind: 'malformed' }
  | { readonly kind: 'gone' }
  | { readonly kind: 'elsewhere'; readonly node: string }
  | { readonly kind: 'found'; readonly place: Place }

const ID_BYTES = 15
const CURSOR = /^([\w-]{20})([1-9]\d{0,8})\.([\w-]{1,344})$/

export class Cursors {
  readonly #clock: Clock
  /** By id, in the order of their last use. */
  readonly #leases = new Map<string, Lease>()
  readonly #ids = new WeakMap<Listing, string>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Listings that are open. */
  get size(): number {
    return this.#leases.size
  }

  /** The cursor for the page behind `current`, which the snapshot stays pinned for. */
  next(node: string, current: Place, page: PageOptions): string {
    const { listing } = current
    const id = this.#ids.get(listing) ?? randomBytes(ID_BYTES).toString('base64url')
    const place = { listing, page, number: current.number + 1 }
    this.#leases.get(id)?.timer.cancel()
    this.#leases.delete(id)
    this.#makeRoom()
    this.#ids.set(listing, id)
    this.#leases.set(id, { listing, places: [current, place], timer: this.#expiry(id) })
    return `${id}${place.number}.${Buffer.from(node).toString('base64url')}`
  }

  find(node: string, cursor: string): Found {
    const match = CURSOR.exec(cursor)
    if (match === null) return { kind: 'malformed' }
    const [, id = '', number = '', owner = ''] = match
    const name = Buffer.from(owner, 'base64url').toString()
    if (name !== node) return { kind: 'elsewhere', node: name }
    const lease = this.#leases.get(id)
    const place = lease?.places.find((one) => one.number === Number(number))
    if (lease === undefined || place === undefined) return { kind: 'gone' }
    this.#leases.delete(id)
    this.#leases.set(id, lease)
    lease.timer.cancel()
    lease.timer = this.#expiry(id)
    return { kind: 'found', place }
  }

  /** The listing is complete or broken: its snapshot is let go. */
  end(listing: Listing): void {
    const id = this.#ids.get(listing)
    if (id === undefined) listing.snapshot.release()
    else this.#drop(id)
  }

  /** Gives up every listing. */
  close(): void {
    for (const id of [...this.#leases.keys()]) this.#drop(id)
  }

  #makeRoom(): void {
    for (const oldest of this.#leases.keys()) {
      if (this.#leases.size < limits.listingCursors) return
      this.#drop(oldest)
    }
  }

  #expiry(id: string): Timer {
    return this.#clock.setTimer(limits.cursorLeaseMs, () => this.#drop(id))
  }

  #drop(id: string): void {
    const lease = this.#leases.get(id)
    if (lease === undefined) return
    lease.timer.cancel()
    this.#leases.delete(id)
    lease.listing.snapshot.release()
  }
}
