/** The simulated disk keeps what was synced and may lose the rest, in every way a disk does. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { must } from '../../lib/assert.ts'
import { SeededRandom } from '../../lib/random.ts'
import type { Callback, Disk, DiskFile } from '../../storage/disk.ts'
import { SimDisk, type SimDiskOptions } from './disk.ts'
import { type Keep, SECTOR_BYTES } from './file.ts'
import { SimWorld } from './world.ts'

class Bench {
  readonly world: SimWorld
  readonly medium: SimDisk
  process
  disk: Disk

  constructor(seed: number, options: SimDiskOptions = {}) {
    this.world = new SimWorld(seed)
    this.medium = new SimDisk(this.world, 'd', options)
    this.medium.folders.makeFolder('f')
    this.process = this.world.spawn('p')
    this.disk = this.medium.mount(this.process)
  }

  /** Runs an operation to its end; throws its error. */
  run<T>(start: (done: Callback<T>) => void): T {
    const answers: { error: Error | null; value: T }[] = []
    start((error, value) => answers.push({ error, value }))
    this.world.runUntil(() => answers.length > 0)
    const { error, value } = must(answers[0], 'answer')
    if (error !== null) throw error
    return value
  }

  open(path = 'f/a'): DiskFile {
    return this.run<DiskFile>((done) => this.disk.open(path, 'create', done))
  }

  /** A new process after a crash. */
  remount(): void {
    this.process = this.world.spawn('p')
    this.disk = this.medium.mount(this.process)
  }
}

const bytes = (size: number, fill: number): Buffer => Buffer.alloc(size, fill)

test('synced data in a synced folder survives every crash; the rest may not', () => {
  const outcomes = new Set<string>()
  for (let seed = 1; seed <= 200; seed++) {
    const bench = new Bench(seed)
    const file = bench.open()
    bench.run((done) => file.write(0, [bytes(2_000, 1)], done))
    bench.run((done) => file.sync(done))
    bench.run((done) => bench.disk.syncFolder('f', done))
    bench.run((done) => file.write(2_000, [bytes(3_000, 2)], done))
    bench.medium.crash()
    const left = must(bench.medium.peek('f/a'), 'file')
    assert.ok(left.subarray(0, 2_000).equals(bytes(2_000, 1)), `seed ${seed}`)
    outcomes.add(
      left.length === 2_000 ? 'lost' : left.subarray(2_000).equals(bytes(3_000, 2)) ? 'kept' : 'torn',
    )
  }
  assert.deepEqual([...outcomes].sort(), ['kept', 'lost', 'torn'])
})

test('R5: a tear lies between sectors', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const bench = new Bench(seed)
    const file = bench.open()
    bench.run((done) => file.writeSync(0, [bytes(8 * SECTOR_BYTES, 1)], done))
    bench.run((done) => bench.disk.syncFolder('f', done))
    bench.run((done) => file.write(0, [bytes(8 * SECTOR_BYTES, 2)], done))
    bench.medium.crash('subset')
    const left = bench.medium.peek('f/a') ?? bytes(0, 0)
    for (let sector = 0; sector < 8; sector++) {
      const part = left.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES)
      assert.ok(part.equals(bytes(SECTOR_BYTES, 1)) || part.equals(bytes(SECTOR_BYTES, 2)), `seed ${seed}`)
    }
  }
})

test('names are lost without syncFolder, and a rename is whole', () => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= 100; seed++) {
    const bench = new Bench(seed)
    const old = bench.open('f/manifest')
    bench.run((done) => old.writeSync(0, [bytes(10, 1)], done))
    bench.run((done) => bench.disk.syncFolder('f', done))
    const next = bench.open('f/manifest.tmp')
    bench.run((done) => next.writeSync(0, [bytes(10, 2)], done))
    bench.run((done) => bench.disk.rename('f/manifest.tmp', 'f/manifest', done))
    bench.medium.crash()
    const manifest = bench.medium.peek('f/manifest')
    assert.ok(manifest !== null && manifest.length === 10, `seed ${seed}: neither old nor new`)
    seen.add(`${manifest[0]} ${bench.medium.peek('f/manifest.tmp') !== null}`)
  }
  assert.deepEqual([...seen].sort(), ['1 false', '1 true', '2 false'])
})

test('crash modes: none and all are exact', () => {
  for (const keep of ['none', 'all'] as Keep[]) {
    const bench = new Bench(1)
    const file = bench.open()
    bench.run((done) => file.writeSync(0, [bytes(5_000, 1)], done))
    bench.run((done) => bench.disk.syncFolder('f', done))
    bench.run((done) => file.write(100, [bytes(9_000, 2)], done))
    bench.run((done) => file.truncate(4_000, done))
    bench.medium.crash(keep)
    const expected = keep === 'none' ? bytes(5_000, 1) : Buffer.concat([bytes(100, 1), bytes(3_900, 2)])
    assert.deepEqual(bench.medium.peek('f/a'), expected)
  }
})

test('kill -9 keeps what was written; writes in flight happen, do not, or in part', () => {
  const lengths = new Set<number>()
  for (let seed = 1; seed <= 60; seed++) {
    const bench = new Bench(seed)
    const file = bench.open()
    bench.run((done) => file.write(0, [bytes(100, 1)], done))
    let told = 0
    file.writeSync(100, [bytes(1_000, 2)], () => told++)
    bench.process.kill()
    bench.world.runAll()
    assert.equal(told, 0)
    lengths.add((bench.medium.peek('f/a') ?? bytes(0, 0)).length)
  }
  assert.ok(lengths.size > 20 && [...lengths].every((length) => length >= 100 && length <= 1_100))
})

test('R6: a failed sync loses data that a later sync does not bring back', () => {
  let lost = 0
  for (let seed = 1; seed <= 40; seed++) {
    const bench = new Bench(seed)
    const file = bench.open()
    bench.run((done) => file.writeSync(0, [bytes(4_096, 1)], done))
    bench.run((done) => bench.disk.syncFolder('f', done))
    bench.run((done) => file.write(0, [bytes(4_096, 2)], done))
    bench.medium.failNext({ operation: 'sync' })
    assert.throws(() => bench.run((done) => file.sync(done)), { code: 'EIO' })
    bench.run((done) => file.sync(done))
    assert.deepEqual(
      bench.run<Buffer>((done) => file.read(0, 4_096, done)),
      bytes(4_096, 2),
    )
    bench.medium.crash()
    if (!(bench.medium.peek('f/a') ?? bytes(0, 0)).equals(bytes(4_096, 2))) lost++
  }
  assert.ok(lost > 20, `${lost} of 40`)
})

test('scripted faults: code, path, count, skip', () => {
  const bench = new Bench(1)
  const a = bench.open('f/a')
  const b = bench.open('f/b')
  bench.medium.failNext({ operation: 'write', path: 'f/b', code: 'ENOSPC', count: 2, skip: 1 })
  const outcomes: string[] = []
  for (const file of [a, b, b, a, b, b]) {
    try {
      bench.run((done) => file.write(0, [bytes(10, 1)], done))
      outcomes.push('ok')
    } catch (error) {
      outcomes.push(error instanceof Error && 'code' in error ? String(error.code) : 'other')
    }
  }
  assert.deepEqual(outcomes, ['ok', 'ok', 'ENOSPC', 'ok', 'ENOSPC', 'ok'])
})

test('R4: stalled syncs wait until they are released, in order', () => {
  const bench = new Bench(1)
  const file = bench.open()
  const order: number[] = []
  bench.medium.stallSyncs()
  for (let i = 0; i < 3; i++) file.writeSync(i * 10, [bytes(10, i)], () => order.push(i))
  bench.world.runFor(60_000)
  assert.deepEqual(order, [])
  bench.medium.releaseSyncs()
  bench.world.runFor(100)
  assert.deepEqual(order, [0, 1, 2])
})

test('R6: a full disk takes what fits; space returns with removal', () => {
  const bench = new Bench(1, { capacityBytes: 10_000 })
  const a = bench.open('f/a')
  const b = bench.open('f/b')
  bench.run((done) => a.write(0, [bytes(6_000, 1)], done))
  assert.throws(() => bench.run((done) => b.write(0, [bytes(6_000, 1)], done)), { code: 'ENOSPC' })
  assert.equal(
    bench.run<number>((done) => b.size(done)),
    4_000,
  )
  bench.run((done) => a.write(0, [bytes(6_000, 2)], done))
  bench.run((done) => bench.disk.remove('f/a', done))
  assert.equal(bench.medium.space().freeBytes, 0, 'an open file keeps its space')
  bench.run<void>((done) => a.close(done))
  assert.equal(bench.medium.space().freeBytes, 6_000)
  bench.run((done) => b.write(4_000, [bytes(6_000, 1)], done))
})

test('flipBit() and damage() last', () => {
  const bench = new Bench(1)
  const file = bench.open()
  bench.run((done) => file.writeSync(0, [bytes(1_000, 0)], done))
  bench.run((done) => bench.disk.syncFolder('f', done))
  bench.medium.flipBit('f/a', 700, 3)
  bench.medium.damage('f/a', 10, Buffer.from('!'))
  bench.medium.crash('none')
  const left = bench.medium.peek('f/a') ?? bytes(0, 0)
  assert.deepEqual([left[700], left[10]], [8, 33])
})

test('changing bytes that are being written is noticed', () => {
  const bench = new Bench(1)
  const file = bench.open()
  const chunk = bytes(10, 1)
  file.write(0, [chunk], () => {})
  chunk[3] = 9
  assert.throws(() => bench.world.runAll(), /changed before the write was done/)
})

test('what a paused process wrote takes effect; it is told when it is resumed', () => {
  const bench = new Bench(1)
  const file = bench.open()
  let told = 0
  file.writeSync(0, [bytes(10, 1)], () => told++)
  bench.process.pause()
  bench.world.runFor(1_000)
  assert.equal(told, 0)
  assert.deepEqual(bench.medium.peek('f/a'), bytes(10, 1))
  bench.process.resume()
  bench.world.runFor(1)
  assert.equal(told, 1)
})

test('wipe() leaves an empty disk', () => {
  const bench = new Bench(1)
  const file = bench.open()
  bench.run((done) => file.writeSync(0, [bytes(10, 1)], done))
  bench.medium.wipe()
  assert.deepEqual(bench.medium.folders.paths(), [])
  assert.equal(bench.medium.usedBytes(), 0)
})

/**
 * A log of fixed records, written with writeSync under random crashes: what was acknowledged is there
 * afterwards.
 */
test('property: whatever happens, acknowledged writes survive', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e9 }), (seed) => {
      const bench = new Bench(seed)
      const random = new SeededRandom(seed)
      bench.medium.faults.rates.slowSync = 0.1
      let acknowledged = 0
      let next = 0
      for (let life = 0; life < 4; life++) {
        const file = bench.open()
        bench.run((done) => bench.disk.syncFolder('f', done))
        next = acknowledged
        const write = (): void => {
          const record = next++
          file.writeSync(record * 700, [bytes(700, 1 + (record % 250))], () => {
            acknowledged = record + 1
            write()
          })
        }
        write()
        bench.world.runFor(random.float() * 40)
        if (random.below(3) === 0) bench.process.kill()
        else bench.medium.crash()
        bench.remount()
        const left = bench.medium.peek('f/a') ?? bytes(0, 0)
        for (let i = 0; i < acknowledged; i++) {
          assert.ok(left.subarray(i * 700, i * 700 + 700).equals(bytes(700, 1 + (i % 250))), `record ${i}`)
        }
      }
    }),
    { seed: 11, numRuns: 60 },
  )
})

test('property: a file behaves like a byte array while nothing crashes', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('write' as const), at: fc.nat(3_000), size: fc.nat(2_000) }),
    fc.record({ kind: fc.constant('truncate' as const), at: fc.nat(5_000), size: fc.constant(0) }),
    fc.record({ kind: fc.constant('sync' as const), at: fc.constant(0), size: fc.constant(0) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), fc.integer({ min: 1, max: 1e6 }), (steps, seed) => {
      const bench = new Bench(seed)
      const file = bench.open()
      bench.run((done) => bench.disk.syncFolder('f', done))
      let model = bytes(0, 0)
      let durable = model
      const resize = (size: number): void => {
        const next = bytes(size, 0)
        model.copy(next)
        model = next
      }
      steps.forEach(({ kind, at, size }, i) => {
        if (kind === 'sync') {
          bench.run((done) => file.sync(done))
          durable = model
        } else if (kind === 'truncate') {
          bench.run((done) => file.truncate(at, done))
          resize(at)
        } else {
          bench.run((done) => file.write(at, [bytes(size, i + 1)], done))
          // Writing nothing, even far beyond the end, changes nothing.
          if (size === 0) return
          resize(Math.max(model.length, at + size))
          model.fill(i + 1, at, at + size)
        }
      })
      assert.deepEqual(bench.medium.peek('f/a'), model)
      bench.medium.crash('none')
      assert.deepEqual(bench.medium.peek('f/a'), durable)
    }),
    { seed: 5, numRuns: 150 },
  )
})
