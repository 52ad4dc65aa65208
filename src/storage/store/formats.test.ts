/** The bytes of tables and manifests: golden values, round trips, and that no damage passes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { errorCode } from '../../lib/coded-error.ts'
import { SeededRandom } from '../../lib/random.ts'
import { SimDisk } from '../../testing/sim/disk.ts'
import { SimWorld } from '../../testing/sim/world.ts'
import type { JobDisk } from '../disk.ts'
import { Block, BlockBuilder, blockChecksum } from './block.ts'
import { buildFilter, mayContain } from './bloom.ts'
import { hashKey } from './hash.ts'
import { JobPart } from './job-tables.ts'
import { decodeManifest, encodeManifest, type Manifest } from './manifest.ts'
import { RunSource } from './run-source.ts'
import { encodeFooter, encodeIndex, separatorBetween, TableIndex } from './table-format.ts'
import { TableOutputs } from './table-writer.ts'
import { ByteReader, ByteWriter } from './varint.ts'

const FOLDER = '/data'

function jobDisk(): { disk: SimDisk; jobs: JobDisk } {
  const disk = new SimDisk(new SimWorld(1), 'disk')
  disk.folders.makeFolder(FOLDER)
  return { disk, jobs: disk.jobDisk() }
}

function outputs(jobs: JobDisk, tableBytes = 1 << 20): TableOutputs {
  return new TableOutputs(jobs, {
    folder: FOLDER,
    prefix: 'n1',
    firstNumber: 7,
    numbers: 100,
    tableBytes,
    cleanVersion: 5,
  })
}

test('integers of every size survive as varints', () => {
  const values = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 40 + 5, 2 ** 53 - 1]
  const writer = new ByteWriter(1)
  for (const value of values) writer.varint(value)
  const reader = new ByteReader(writer.view())
  assert.deepEqual(
    values.map(() => reader.varint()),
    values,
  )
  assert.equal(reader.left, 0)
})

test('hash and filter never change: golden values', () => {
  assert.deepEqual(
    ['', 'a', 'key-000001', '\xff\x00'].map(hashKey),
    [-1421968373, 444641715, -638843176, -700523313],
  )
  const filter = buildFilter(Int32Array.from(['a', 'b', 'c'].map(hashKey)))
  assert.equal(
    filter.toString('hex'),
    '00000100080000000100000000000000200000000000001000000c0028800000000040004000000000000800' +
      '2000001000000000000000000010010001000000',
  )
})

test('a filter knows every key and few others', () => {
  const random = new SeededRandom(7)
  const hashes = Int32Array.from({ length: 20_000 }, (_, i) => hashKey(`key:${i}`))
  const filter = buildFilter(hashes)
  assert.equal(
    hashes.every((hash) => mayContain(filter, hash)),
    true,
  )
  let wrong = 0
  for (let i = 0; i < 20_000; i++) if (mayContain(filter, hashKey(`other:${random.u32()}`))) wrong++
  assert.ok(wrong / 20_000 < 0.02, `${wrong} of 20 000 false positives`)
  assert.equal(filter.length / 20_000 < 1.3, true)
  assert.equal(mayContain(buildFilter(new Int32Array(0)), 1), false)
})

test('block bytes never change: golden block', () => {
  const builder = new BlockBuilder()
  builder.add('a', 1, Buffer.from('one'))
  builder.add('ab', 300, null)
  const { bytes } = builder.finish()
  assert.equal(bytes.toString('hex'), '016101046f6e65026162ac020000000000070000000200000092f01c13')
})

test('a block gives back what was put in, by position and by key', () => {
  const entry = fc.tuple(
    fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    fc.record({ version: fc.maxSafeNat(), value: fc.option(fc.uint8Array({ maxLength: 300 })) }),
  )
  const property = fc.property(
    fc.array(entry, { minLength: 1, maxLength: 60 }),
    fc.string(),
    (list, probe) => {
      const map = new Map(list)
      const keys = [...map.keys()].sort()
      const builder = new BlockBuilder()
      for (const key of keys) {
        const { version, value } = map.get(key) as { version: number; value: Uint8Array | null }
        builder.add(key, version, value === null ? null : Buffer.from(value))
      }
      const { bytes, crc } = builder.finish()
      assert.equal(blockChecksum(bytes), crc)
      const block = new Block(Buffer.from(bytes))
      assert.deepEqual(
        keys.map((_, i) => block.key(i)),
        keys,
      )
      keys.forEach((key, i) => {
        const { version, value } = map.get(key) as { version: number; value: Uint8Array | null }
        assert.equal(block.find(key), i)
        assert.equal(block.version(i), version)
        assert.deepEqual(block.value(i), value === null ? null : Buffer.from(value))
      })
      const bytesProbe = Buffer.from(probe, 'latin1').toString('latin1')
      assert.equal(block.seek(bytesProbe), keys.filter((key) => key < bytesProbe).length)
    },
  )
  fc.assert(property, { seed: 1, numRuns: 100 })
})

test('a separator is short, above the key before and not above the key after', () => {
  assert.equal(separatorBetween('abc', 'abd'), 'abd')
  assert.equal(separatorBetween('abc', 'b12345'), 'b')
  assert.equal(separatorBetween('abc', 'abcde'), 'abcd')
  assert.equal(separatorBetween('', 'x'), 'x')
})

test('index and footer bytes never change: golden values', () => {
  const index = encodeIndex({ offsets: [0, 8_200, 16_500], crcs: [1, 2], separators: ['', 'm'] })
  assert.equal(
    index.toString('hex'),
    '0200000000000000082000007440000001000000020000000000000000000000010000006d',
  )
  const table = new TableIndex(index)
  assert.deepEqual(
    ['', 'a', 'm', 'z'].map((key) => table.find(key)),
    [0, 0, 1, 1],
  )
  assert.deepEqual([table.offset(1), table.blockSize(1), table.crc(1)], [8_200, 8_300, 2])
  const footer = encodeFooter({
    filterOffset: 1,
    indexOffset: 2,
    summaryOffset: 3,
    footerOffset: 4,
    filterCrc: 5,
    indexCrc: 6,
    summaryCrc: 7,
  })
  assert.equal(
    footer.toString('hex'),
    '4b564f52554d5442010000000000000001000000000000000200000000000000030000000000000004000000' +
      '000000000500000006000000070000004688d0d1',
  )
})

test('a table file never changes: golden checksum', () => {
  const { disk, jobs } = jobDisk()
  const tables = outputs(jobs)
  for (let i = 0; i < 1_000; i++)
    tables.add(`key-${String(i).padStart(4, '0')}`, i + 1, Buffer.from(`value ${i}`))
  const [info] = tables.finish()
  assert.deepEqual(info, {
    name: 'n1-7.tbl',
    size: 26_247,
    crc: 1_187_864_922,
    cleanVersion: 5,
    entries: 1_000,
    deletions: 0,
    minVersion: 1,
    maxVersion: 1_000,
    smallest: 'key-0000',
    largest: 'key-0999',
  })
  assert.equal(disk.peek(`${FOLDER}/n1-7.tbl`)?.length, info?.size)
})

test('tables give back their records in order, from any key on', () => {
  const { jobs } = jobDisk()
  const tables = outputs(jobs, 20_000)
  const keys = Array.from({ length: 3_000 }, (_, i) => `k${String(i * 3).padStart(6, '0')}`)
  for (const key of keys) tables.add(key, 1, Buffer.from(key.repeat(2)))
  const infos = tables.finish()
  assert.ok(infos.length > 3)
  const random = new SeededRandom(3)
  for (let i = 0; i < 20; i++) {
    const from = `k${String(random.below(9_100)).padStart(6, '0')}`
    const parts = infos.map(
      ({ name, size }) => new JobPart(jobs, { path: `${FOLDER}/${name}`, size, lower: '' }),
    )
    const source = new RunSource(0, parts)
    const found: string[] = []
    for (let more = source.seek(from); more; more = source.next()) found.push(source.key)
    assert.deepEqual(
      found,
      keys.filter((key) => key >= from),
    )
  }
})

test('R20: a flipped bit anywhere in a table is refused, with file and offset, by whatever reads it', () => {
  const { disk, jobs } = jobDisk()
  const tables = outputs(jobs)
  for (let i = 0; i < 600; i++) tables.add(`key-${String(i).padStart(4, '0')}`, 1, Buffer.alloc(40, i & 0xff))
  const [info] = tables.finish()
  const { name, size } = info as NonNullable<typeof info>
  const path = `${FOLDER}/${name}`
  const filter = size - 64 - 1_500
  for (let at = 0; at < size; at += at > filter ? 7 : 211) {
    disk.flipBit(path, at, at % 8)
    assert.throws(
      () => {
        const source = new RunSource(0, [new JobPart(jobs, { path, size, lower: '' })])
        for (let more = source.seek(''); more; more = source.next()) source.value()
      },
      (error) => errorCode(error) === 'CORRUPT' && String(error).includes(path),
      `bit at ${at} of ${size}`,
    )
    disk.flipBit(path, at, at % 8)
  }
})

const MANIFEST: Manifest = {
  index: 12,
  term: 3,
  nextFile: 9,
  nextRun: 4,
  runs: [
    {
      id: 3,
      mergeInto: 1,
      tables: [
        {
          lower: 'b',
          info: {
            name: 'n1-8.tbl',
            size: 5_000,
            crc: 0xfedcba98,
            cleanVersion: 12,
            entries: 40,
            deletions: 2,
            minVersion: 5,
            maxVersion: 12,
            smallest: 'a\xff',
            largest: 'zz',
          },
        },
      ],
    },
    { id: 1, mergeInto: 0, tables: [] },
  ],
  drops: [{ from: 'c', to: 'd', version: 11 }],
  meta: Buffer.from('meta'),
}

test('manifest bytes never change: golden manifest', () => {
  const bytes = encodeManifest(MANIFEST)
  assert.equal(
    bytes.toString('hex'),
    '4b564f52554d4d46010000000c00000000000000030000000000000009000000000000000400000000000000' +
      '02030101086e312d382e74626c0162882798badcfe0c2802050c0261ff027a7a01000001016301640b046d65' +
      '7461e90f9ff1',
  )
  assert.deepEqual(decodeManifest(bytes), MANIFEST)
})

test('no damaged manifest is read', () => {
  const bytes = encodeManifest(MANIFEST)
  for (let at = 0; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes)
    damaged[at] = (damaged[at] as number) ^ (1 << (at % 8))
    assert.throws(() => decodeManifest(damaged, 'm'), { code: 'CORRUPT' }, `byte ${at}`)
    assert.throws(() => decodeManifest(bytes.subarray(0, at), 'm'), { code: 'CORRUPT' }, `cut at ${at}`)
  }
})
