/** The index, the runs and the cache of one group against plain arrays. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { must } from '../../lib/assert.ts'
import { textEntry } from '../../testing/storage/log-fixture.ts'
import { CacheMeter, EntryCache } from './entry-cache.ts'
import { EntryIndex } from './entry-index.ts'
import { Runs } from './runs.ts'

interface Placed {
  readonly size: number
  readonly segment: number
  readonly offset: number
}

/** What the index holds, as an array. */
class Model {
  first = 1
  entries: Placed[] = []

  get last(): number {
    return this.first + this.entries.length - 1
  }
}

type Operation = readonly ['push' | 'truncate' | 'drop' | 'reset', number]

const operation: fc.Arbitrary<Operation> = fc.tuple(
  fc.constantFrom('push', 'push', 'push', 'truncate', 'drop', 'reset'),
  fc.nat(1500),
)

function apply(index: EntryIndex, model: Model, [kind, amount]: Operation, step: number): void {
  if (kind === 'push') {
    for (let i = 0; i < amount; i++) {
      const placed = { size: 8 * (1 + ((amount + i) % 50)), segment: step, offset: 4096 + i * 400 }
      index.push(placed.size)
      model.entries.push(placed)
      index.place(model.last, placed.segment, placed.offset)
    }
  } else if (kind === 'truncate') {
    const kept = Math.min(amount, model.entries.length)
    index.truncate(model.first + kept)
    model.entries.length = kept
  } else if (kind === 'drop') {
    const dropped = Math.min(amount, model.entries.length)
    index.dropBefore(model.first + dropped)
    model.entries.splice(0, dropped)
    model.first += dropped
  } else if (amount < 100) {
    index.reset(amount + 1)
    model.first = amount + 1
    model.entries = []
  }
}

function check(index: EntryIndex, model: Model): void {
  assert.equal(index.first, model.first)
  assert.equal(index.last, model.last)
  let bytes = 0
  for (let at = model.last; at >= model.first; at--) {
    const placed = must(model.entries[at - model.first], 'entry')
    bytes += placed.size
    const found = { size: index.size(at), segment: index.segment(at), offset: index.offset(at) }
    assert.deepEqual(found, placed)
    if (at % 37 === 0) assert.equal(index.bytesSince(at), bytes)
  }
  assert.equal(index.bytes, bytes)
  assert.equal(index.bytesSince(0), bytes)
  assert.equal(index.bytesSince(model.last + 1), 0)
}

test('the index holds what an array would hold', () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 12 }), (operations) => {
      const index = new EntryIndex()
      const model = new Model()
      for (const [step, one] of operations.entries()) apply(index, model, one, step)
      check(index, model)
    }),
    { seed: 3, numRuns: 60 },
  )
})

test('runs give the value of the last start at or before an index', () => {
  const runs = new Runs()
  assert.equal(runs.at(5), -1)
  runs.set(3, 1)
  runs.set(5, 1)
  runs.set(7, 4)
  assert.deepEqual(
    [2, 3, 6, 7, 100].map((index) => runs.at(index)),
    [-1, 1, 1, 4, 4],
  )
  assert.equal(runs.endOfRun(4), 7)
  assert.equal(runs.endOfRun(7), Number.POSITIVE_INFINITY)
  runs.set(6, 9)
  assert.deepEqual(
    [5, 6, 8].map((index) => runs.at(index)),
    [1, 9, 9],
  )
  assert.throws(() => runs.set(8, 2), /grow/)
  runs.dropBefore(6)
  assert.deepEqual(
    [5, 6].map((index) => runs.at(index)),
    [-1, 9],
  )
})

test('the cache is a suffix of the log and counts its bytes', () => {
  const meter = new CacheMeter()
  const cache = new EntryCache(meter)
  assert.equal(cache.first, Number.POSITIVE_INFINITY)
  const entries = Array.from({ length: 1000 }, (_, i) => textEntry(1, i + 1, 'x'.repeat(i % 60)))
  for (const entry of entries) cache.push(entry)
  for (let i = 0; i < 700; i++) cache.dropFirst()
  cache.truncate(901)
  assert.equal(cache.first, 701)
  const held = entries.slice(700, 900)
  assert.deepEqual(cache.slice(701, 901, Number.POSITIVE_INFINITY), held)
  assert.equal(
    cache.bytes,
    held.reduce((sum, { frame }) => sum + frame.length, 0),
  )
  assert.equal(meter.bytes, cache.bytes)
  assert.equal(cache.slice(710, 900, 1).length, 1)
  cache.truncate(1)
  assert.equal(meter.bytes, 0)
  assert.equal(cache.first, Number.POSITIVE_INFINITY)
})
