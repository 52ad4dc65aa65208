/** The parts that live in memory: arena, memtable, ordered keys, merge, drops, block cache. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SeededRandom } from '../../lib/random.ts'
import { Block, BlockBuilder } from './block.ts'
import { BlockCache, type CacheSlots } from './block-cache.ts'
import { DropSet } from './drops.ts'
import { hashKey } from './hash.ts'
import { Memtable } from './memtable.ts'
import { Merge, type Source } from './merge.ts'
import { lowerBound, OrderedKeys } from './ordered-keys.ts'

function put(memtable: Memtable, key: string, version: number, value: Buffer | null): void {
  memtable.put(key, hashKey(key), version, value)
}

function get(memtable: Memtable, key: string): Buffer | null | undefined {
  const place = memtable.find(key, hashKey(key))
  return place === undefined ? undefined : memtable.value(place)
}

test('a memtable gives back the newest record of each key, across chunks and sizes', () => {
  const memtable = new Memtable()
  const random = new SeededRandom(1)
  const model = new Map<string, Buffer | null>()
  for (let i = 0; i < 20_000; i++) {
    const key = `key ${random.below(5_000)}`
    const size = random.below(2_000) === 0 ? 1_500_000 : random.below(100)
    const value = random.below(5) === 0 ? null : Buffer.alloc(size, i & 0xff)
    put(memtable, key, i, value)
    model.set(key, value)
  }
  put(memtable, 'long'.repeat(10_000), 1, Buffer.from('x'))
  assert.equal(memtable.keys, model.size + 1)
  for (const [key, value] of model) assert.deepEqual(get(memtable, key), value)
  assert.equal(get(memtable, 'absent'), undefined)
  assert.equal(String(get(memtable, 'long'.repeat(10_000))), 'x')
})

test('bytes of keys survive: every code unit up to 255', () => {
  const memtable = new Memtable()
  const key = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('latin1')
  put(memtable, key, 2 ** 40, Buffer.from('v'))
  const place = memtable.find(key, hashKey(key)) as number
  assert.equal(memtable.version(place), 2 ** 40)
  assert.equal(String(memtable.value(place)), 'v')
})

test('R20: a memtable counts what it holds, key overhead and charges included', () => {
  const memtable = new Memtable()
  put(memtable, 'a'.repeat(16), 1, Buffer.alloc(128))
  assert.equal(memtable.bytes, 16 + 16 + 128 + 96)
  put(memtable, 'a'.repeat(16), 2, null)
  assert.equal(memtable.bytes, 16 + 16 + 128 + 96 + 32)
  memtable.charge(1_000)
  assert.equal(memtable.bytes, 16 + 16 + 128 + 96 + 32 + 1_000)
})

test('ordered keys hold every key once, in order, however puts and ranges mix', () => {
  const random = new SeededRandom(5)
  const ordered = new OrderedKeys()
  const all = new Set<string>()
  for (let round = 0; round < 20; round++) {
    for (let i = random.below(4_000); i > 0; i--) {
      const key = String(random.u32())
      if (all.has(key)) continue
      all.add(key)
      ordered.add(key)
    }
    if (random.below(2) === 0) continue
    const runs = ordered.runs()
    for (const run of runs)
      assert.equal(
        run.every((key, i) => i === 0 || (run[i - 1] as string) < key),
        true,
      )
    assert.equal(
      runs.reduce((sum, run) => sum + run.length, 0),
      all.size,
    )
    assert.equal(new Set(runs.flat()).size, all.size)
  }
})

test('runs of ordered keys become few when ranges ask for them, and arrays given out stay', () => {
  const ordered = new OrderedKeys()
  for (let i = 0; i < 200_000; i++) ordered.add(String((i * 7_919) % 200_000))
  const first = ordered.runs()
  const copy = first.map((run) => run.length)
  for (let i = 0; i < 400; i++) ordered.runs()
  assert.ok(ordered.runs().length <= 6, `${ordered.runs().length} runs`)
  assert.deepEqual(
    first.map((run) => run.length),
    copy,
  )
})

test('lowerBound() finds the first key that is not below', () => {
  assert.deepEqual(
    ['a', 'b', 'bb', 'c', 'd'].map((key) => lowerBound(['b', 'c'], key)),
    [0, 0, 1, 1, 2],
  )
})

class ListSource implements Source {
  readonly age: number
  readonly #records: readonly [string, number][]
  #at = 0

  constructor(age: number, records: readonly [string, number][]) {
    this.age = age
    this.#records = records
  }

  get key(): string {
    return (this.#records[this.#at] as [string, number])[0]
  }

  version(): number {
    return (this.#records[this.#at] as [string, number])[1]
  }

  value(): null {
    return null
  }

  next(): boolean {
    return ++this.#at < this.#records.length
  }
}

test('a merge yields each key once, in order, from its newest source', () => {
  const run = fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 20 })
  const property = fc.property(fc.array(run, { maxLength: 8 }), (runs) => {
    const newest = new Map<string, number>()
    const sources = runs.map((numbers, age) => {
      const records = numbers.map((number): [string, number] => [String(number).padStart(2, '0'), 100 - age])
      for (const [key, version] of records) if (!newest.has(key)) newest.set(key, version)
      return new ListSource(
        age,
        records.sort((a, b) => (a[0] < b[0] ? -1 : 1)),
      )
    })
    const merge = new Merge(sources.reverse(), true)
    const found: [string, number][] = []
    for (; merge.top !== null; merge.next()) found.push([merge.top.key, merge.top.version()])
    assert.deepEqual(
      found,
      [...newest].sort((a, b) => (a[0] < b[0] ? -1 : 1)),
    )
  })
  fc.assert(property, { seed: 2, numRuns: 200 })
})

test('a merge refuses a key whose newer run holds the older version', () => {
  const merge = new Merge([new ListSource(0, [['a', 1]]), new ListSource(1, [['a', 2]])], true)
  assert.throws(() => merge.next(), /older run/)
})

test('drops cover what is in range and not newer, as a list of them would', () => {
  const letter = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f')
  const range = fc.tuple(letter, letter).filter(([from, to]) => from < to)
  const property = fc.property(
    fc.array(range, { maxLength: 6 }),
    letter,
    fc.nat(8),
    (ranges, key, version) => {
      const drops = ranges.map(([from, to], i) => ({ from, to, version: i + 1 }))
      const set = drops.reduce((sum, drop) => sum.with(drop), new DropSet([]))
      const expected = drops.some((drop) => key >= drop.from && key < drop.to && version <= drop.version)
      assert.equal(set.covers(key, version), expected)
      assert.equal(
        set.covers(`${key}\0`, version),
        drops.some((d) => key >= d.from && key < d.to && version <= d.version),
      )
    },
  )
  fc.assert(property, { seed: 3, numRuns: 300 })
})

function block(size: number): Block {
  const builder = new BlockBuilder()
  builder.add('k', 1, Buffer.alloc(size))
  return new Block(Buffer.from(builder.finish().bytes))
}

test('R20: the cache never holds more than its capacity, and keeps what is used', () => {
  const cache = new BlockCache(20_000)
  const hot: CacheSlots = []
  const cold: CacheSlots = []
  cache.add(hot, 3, block(500))
  for (let i = 0; i < 200; i++) {
    cache.add(cold, i, block(900))
    assert.ok(cache.bytes <= 20_000)
    assert.notEqual(cache.get(hot, 3), null, `round ${i}`)
  }
  assert.equal(cache.get(cold, 0), null)
  assert.notEqual(cache.get(cold, 199), null)
  cache.add(cold, 500, block(5_000))
  assert.equal(cache.get(cold, 500), null, 'a block above an eighth of the cache is not cached')
  cache.drop(cold)
  cache.drop(hot)
  assert.equal(cache.bytes, 0)
})
