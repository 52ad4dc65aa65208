/** Listings of a pinned snapshot: one moment, in pages, whatever is written meanwhile. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandTable } from '../../engine/command-table.ts'
import { must } from '../../lib/assert.ts'
import { limits } from '../../protocol/limits.ts'
import { FakeExecutor } from '../../testing/doors/fake-executor.ts'
import type { ExecuteOptions } from '../execute.ts'
import type { ListingPage, PageOptions, PinnedSnapshot } from './listing.ts'

const EVERYTHING: PageOptions = {
  from: Buffer.alloc(0),
  to: null,
  reverse: false,
  limit: 1_000,
  maxBytes: 1_000_000,
  keysOnly: false,
}

function optionsOf(executor: FakeExecutor): ExecuteOptions {
  const session = executor.openSession()
  return { session, consistency: 'linearizable', deadlineMs: 1_000, principal: { name: 'test' } }
}

function run(executor: FakeExecutor, ...words: string[]): void {
  const [name = '', ...args] = words
  const spec = must(commandTable.get(name.toLowerCase()), name)
  const command = { spec, database: 0, args: args.map((word) => Buffer.from(word)) }
  executor.execute(command, optionsOf(executor), () => {})
}

function open(executor: FakeExecutor, database = 0): PinnedSnapshot {
  const opened: (PinnedSnapshot | null)[] = []
  executor.openSnapshot({ ...optionsOf(executor), database }, (snapshot) => opened.push(snapshot))
  return must(opened[0], 'snapshot')
}

type Found = ListingPage | 'gone' | 'damaged'

function page(snapshot: PinnedSnapshot, options: Partial<PageOptions> = {}): Found {
  const found: Found[] = []
  snapshot.page({ ...EVERYTHING, ...options }, (one) => found.push(one))
  return must(found[0], 'page')
}

function keysOf(found: Found): string[] {
  assert(typeof found === 'object')
  return found.entries.map(({ key }) => key.toString())
}

/** Every page until the listing says that it is complete. */
function pages(snapshot: PinnedSnapshot, options: Partial<PageOptions>): string[][] {
  const all: string[][] = []
  let bound: Partial<PageOptions> = {}
  for (;;) {
    const found = page(snapshot, { ...options, ...bound })
    assert(typeof found === 'object')
    all.push(keysOf(found))
    if (found.next === null) return all
    bound = options.reverse === true ? { to: found.next } : { from: found.next }
  }
}

test('pages go through one moment in the order of bytes, up or down, while others write', () => {
  const executor = new FakeExecutor()
  for (const key of ['b', 'a', 'd', 'c', 'a\xff', 'e']) run(executor, 'SET', key, `value of ${key}`)
  const snapshot = open(executor)
  assert.equal(snapshot.revision, 6)
  run(executor, 'DEL', 'c')
  run(executor, 'SET', 'bb', 'new')
  run(executor, 'SET', 'a', 'changed')
  assert.deepEqual(pages(snapshot, { limit: 2 }), [
    ['a', 'a\xff'],
    ['b', 'c'],
    ['d', 'e'],
  ])
  assert.deepEqual(pages(snapshot, { limit: 4, reverse: true }), [
    ['e', 'd', 'c', 'b'],
    ['a\xff', 'a'],
  ])
  const range = { from: Buffer.from('b'), to: Buffer.from('d') }
  assert.deepEqual(pages(snapshot, { ...range, limit: 1 }), [['b'], ['c']])
  assert.deepEqual(pages(snapshot, { ...range, reverse: true }), [['c', 'b']])
  const first = page(snapshot)
  assert(typeof first === 'object')
  assert.deepEqual(first.entries[0]?.item.value, Buffer.from('value of a'))
  assert.equal(first.entries[0]?.item.modRevision, 2)
})

test('a page ends with the entry that reaches its bytes, and one entry always fits', () => {
  const executor = new FakeExecutor()
  for (const key of ['a', 'b', 'c']) run(executor, 'SET', key, 'v'.repeat(9))
  const snapshot = open(executor)
  assert.deepEqual(pages(snapshot, { maxBytes: 1 }), [['a'], ['b'], ['c']])
  assert.deepEqual(pages(snapshot, { maxBytes: 11 }), [['a', 'b'], ['c']])
  assert.deepEqual(pages(snapshot, { maxBytes: 3, keysOnly: true }), [['a', 'b', 'c']])
  const found = page(snapshot, { keysOnly: true })
  assert(typeof found === 'object')
  assert.equal(found.entries[0]?.item.value, null)
  assert.equal(found.entries[0]?.item.version, 1)
})

test('R12: keys that are due when the snapshot is opened are left out', () => {
  const executor = new FakeExecutor()
  run(executor, 'SET', 'a', 'v')
  run(executor, 'SET', 'due', 'v', 'PX', '1')
  run(executor, 'SET', 'later', 'v', 'PX', '1000')
  assert.deepEqual(keysOf(page(open(executor))), ['a', 'later'])
})

test('databases are apart, and a flush afterwards changes nothing', () => {
  const executor = new FakeExecutor()
  run(executor, 'SET', 'a', 'v')
  const [zero, one] = [open(executor), open(executor, 1)]
  run(executor, 'FLUSHALL')
  assert.deepEqual([keysOf(page(zero)), keysOf(page(one))], [['a'], []])
})

test('a released snapshot is gone, and its place in the limit is free', () => {
  const executor = new FakeExecutor()
  const snapshots = Array.from({ length: limits.openSnapshots }, () => open(executor))
  let refusal = ''
  executor.openSnapshot({ ...optionsOf(executor), database: 0 }, (snapshot, error) => {
    refusal = `${snapshot} ${error}`
  })
  assert.equal(refusal, 'null OVERLOADED')
  snapshots[0]?.release()
  snapshots[0]?.release()
  assert.equal(page(must(snapshots[0], 'snapshot')), 'gone')
  assert.equal(executor.listings.size, limits.openSnapshots - 1)
  assert.deepEqual(keysOf(page(open(executor))), [])
})
