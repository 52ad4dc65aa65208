/** Leases of listings: how long a cursor is good, what goes first, and that every snapshot is let go. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PageOptions, PinnedSnapshot } from '../../../cluster/clients/listing.ts'
import type { Clock } from '../../../lib/clock.ts'
import { limits } from '../../../protocol/limits.ts'
import { Cursors, type Place } from './cursors.ts'

/** A clock that goes on when it is told to. */
class HandClock implements Clock {
  #nowMs = 0
  readonly #timers = new Set<{ atMs: number; fn: () => void }>()

  monotonicMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return this.#nowMs
  }

  setTimer(delayMs: number, fn: () => void): { cancel(): void } {
    const timer = { atMs: this.#nowMs + delayMs, fn }
    this.#timers.add(timer)
    return { cancel: () => this.#timers.delete(timer) }
  }

  defer(fn: () => void): void {
    fn()
  }

  advance(ms: number): void {
    this.#nowMs += ms
    for (const timer of [...this.#timers]) {
      if (timer.atMs > this.#nowMs) continue
      this.#timers.delete(timer)
      timer.fn()
    }
  }

  get timers(): number {
    return this.#timers.size
  }
}

const page: PageOptions = {
  from: Buffer.from('a'),
  to: null,
  reverse: false,
  limit: 1,
  maxBytes: 1,
  keysOnly: false,
}

/** The first page of a listing whose snapshot notes when it is let go. */
function firstPlace(released: string[], name: string): Place {
  const snapshot: PinnedSnapshot = {
    revision: 1,
    timeMs: 0,
    page: () => {},
    release: () => released.push(name),
  }
  return { listing: { snapshot, database: 0, reverse: false, keysOnly: false }, number: 1, page }
}

test('a lease lasts 60 s from its last use, then the snapshot is let go', () => {
  const clock = new HandClock()
  const cursors = new Cursors(clock)
  const released: string[] = []
  const cursor = cursors.next('node1', firstPlace(released, 'a'), page)
  clock.advance(59_000)
  assert.equal(cursors.find('node1', cursor).kind, 'found')
  clock.advance(59_000)
  assert.equal(cursors.find('node1', cursor).kind, 'found')
  clock.advance(60_000)
  assert.equal(cursors.find('node1', cursor).kind, 'gone')
  assert.deepEqual([released, cursors.size, clock.timers], [['a'], 0, 0])
})

test('a page can be asked for again, the one before it not', () => {
  const cursors = new Cursors(new HandClock())
  const first = firstPlace([], 'a')
  const second = cursors.next('node1', first, page)
  const found = cursors.find('node1', second)
  assert.ok(found.kind === 'found')
  const third = cursors.next('node1', found.place, page)
  assert.notEqual(third, second)
  assert.equal(cursors.find('node1', second).kind, 'found')
  const next = cursors.find('node1', third)
  assert.ok(next.kind === 'found')
  cursors.next('node1', next.place, page)
  assert.equal(cursors.find('node1', second).kind, 'gone')
  assert.equal(cursors.size, 1)
})

test('R20: beyond the limit the listing that was unused for longest goes', () => {
  const cursors = new Cursors(new HandClock())
  const released: string[] = []
  const all = Array.from({ length: limits.listingCursors }, (_, i) =>
    cursors.next('node1', firstPlace(released, String(i)), page),
  )
  assert.equal(cursors.find('node1', all[0] ?? '').kind, 'found')
  cursors.next('node1', firstPlace(released, 'one more'), page)
  assert.deepEqual(released, ['1'])
  assert.equal(cursors.size, limits.listingCursors)
})

test('a cursor says which node has it; another is told so', () => {
  const cursors = new Cursors(new HandClock())
  const cursor = cursors.next('node1', firstPlace([], 'a'), page)
  assert.deepEqual(cursors.find('node2', cursor), { kind: 'elsewhere', node: 'node1' })
  for (const text of ['', 'x', cursor.slice(1), `${cursor}!`, cursor.replace('.', '')]) {
    assert.notEqual(cursors.find('node1', text).kind, 'found', text)
  }
})

test('a listing that ends, and the end of the node, let snapshots go', () => {
  const clock = new HandClock()
  const cursors = new Cursors(clock)
  const released: string[] = []
  const first = firstPlace(released, 'a')
  cursors.end(first.listing)
  const second = firstPlace(released, 'b')
  cursors.next('node1', second, page)
  cursors.end(second.listing)
  cursors.next('node1', firstPlace(released, 'c'), page)
  cursors.close()
  assert.deepEqual([released, cursors.size, clock.timers], [['a', 'b', 'c'], 0, 0])
})
