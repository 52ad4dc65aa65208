/**
 * What every Disk does, tested on the real and the simulated one alike. Crashes are the simulator's own
 * tests.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Disk, DiskFile, JobDisk, OpenMode, SpaceReport } from '../../storage/disk.ts'
import { settle, type Waiter } from './harness.ts'

export interface DiskFixture extends Waiter {
  readonly disk: Disk
  readonly jobDisk: JobDisk
  /** An existing, empty folder. */
  readonly folder: string
  close(): Promise<void>
}

class Fixture {
  readonly on: DiskFixture

  constructor(on: DiskFixture) {
    this.on = on
  }

  path(name: string): string {
    return `${this.on.folder}/${name}`
  }

  open(name: string, mode: OpenMode = 'create'): Promise<DiskFile> {
    return settle(this.on, (done) => this.on.disk.open(this.path(name), mode, done))
  }

  read(file: DiskFile, offset: number, length: number): Promise<Buffer> {
    return settle(this.on, (done) => file.read(offset, length, done))
  }

  write(file: DiskFile, offset: number, ...texts: string[]): Promise<void> {
    return settle(this.on, (done) =>
      file.write(
        offset,
        texts.map((text) => Buffer.from(text)),
        done,
      ),
    )
  }

  size(file: DiskFile): Promise<number> {
    return settle(this.on, (done) => file.size(done))
  }

  close(file: DiskFile): Promise<void> {
    return settle(this.on, (done) => file.close(done))
  }

  async list(): Promise<string[]> {
    const names = await settle<string[]>(this.on, (done) => this.on.disk.list(this.on.folder, done))
    return names.sort()
  }
}

/** Registers the suite; `make` is called once per test. */
export function diskConformance(name: string, make: () => Promise<DiskFixture>): void {
  const withDisk = (title: string, body: (fixture: Fixture) => Promise<void>): void => {
    test(title, async () => {
      const on = await make()
      try {
        await body(new Fixture(on))
      } finally {
        await on.close()
      }
    })
  }
  describe(`Disk conformance: ${name}`, () => {
    fileTests(withDisk)
    logTests(withDisk)
    nameTests(withDisk)
    errorTests(withDisk)
    jobTests(withDisk)
  })
}

type WithDisk = (title: string, body: (fixture: Fixture) => Promise<void>) => void

function fileTests(withDisk: WithDisk): void {
  withDisk('what is written is read; reads are shorter only at the end', async (f) => {
    const file = await f.open('a')
    await f.write(file, 0, 'hello ', '', 'world')
    assert.equal(String(await f.read(file, 0, 100)), 'hello world')
    assert.equal(String(await f.read(file, 6, 3)), 'wor')
    assert.equal((await f.read(file, 11, 5)).length, 0)
    assert.equal((await f.read(file, 500, 5)).length, 0)
    assert.equal(await f.size(file), 11)
    await f.write(file, 6, 'W')
    assert.equal(String(await f.read(file, 0, 100)), 'hello World')
    await f.close(file)
  })

  withDisk('a gap reads as zeros', async (f) => {
    const file = await f.open('a')
    await f.write(file, 5_000, 'x')
    assert.equal(await f.size(file), 5_001)
    assert.deepEqual(await f.read(file, 4_000, 1_000), Buffer.alloc(1_000))
    await f.close(file)
  })

  withDisk('truncate() cuts and extends', async (f) => {
    const file = await f.open('a')
    await f.write(file, 0, 'abcdef')
    await settle(f.on, (done) => file.truncate(3, done))
    await settle(f.on, (done) => file.truncate(5, done))
    assert.deepEqual(await f.read(file, 0, 10), Buffer.from('abc\0\0'))
    await f.close(file)
  })

  withDisk("a reader's buffer is its own", async (f) => {
    const file = await f.open('a')
    await f.write(file, 0, 'abc')
    const first = await f.read(file, 0, 3)
    first.fill(0)
    assert.equal(String(await f.read(file, 0, 3)), 'abc')
    await f.close(file)
  })

  withDisk('a large write of many chunks arrives whole', async (f) => {
    const file = await f.open('a')
    const chunks = Array.from({ length: 3_000 }, (_, i) => Buffer.alloc(100 + (i % 7), i & 0xff))
    await settle(f.on, (done) => file.write(17, chunks, done))
    await settle(f.on, (done) => file.sync(done))
    const whole = Buffer.concat(chunks)
    assert.ok(whole.equals(await f.read(file, 17, whole.length)))
    await f.close(file)
  })

  withDisk('close() waits for what is in flight; afterwards EBADF', async (f) => {
    const file = await f.open('a')
    let written = 0
    file.write(0, [Buffer.alloc(100_000, 1)], (error) => {
      assert.equal(error, null)
      written++
    })
    await f.close(file)
    assert.equal(written, 1)
    await assert.rejects(f.read(file, 0, 1), { code: 'EBADF' })
    await assert.rejects(f.write(file, 0, 'x'), { code: 'EBADF' })
    await assert.rejects(
      settle(f.on, (done) => file.writeSync(0, [Buffer.from('x')], done)),
      { code: 'EBADF' },
    )
    await assert.rejects(f.close(file), { code: 'EBADF' })
  })
}

function logTests(withDisk: WithDisk): void {
  withDisk('R4: writeSync() calls complete in the order they were made, across files', async (f) => {
    const files = [await f.open('a'), await f.open('b')]
    const order: number[] = []
    for (let i = 0; i < 40; i++) {
      const file = files[i % 2] as DiskFile
      const chunk = Buffer.alloc(1 + ((i * 7_919) % 30_000), i)
      file.writeSync(i * 30_000, [chunk, Buffer.from('.')], (error) => {
        assert.equal(error, null)
        order.push(i)
      })
    }
    assert.equal(order.length, 0)
    await f.on.wait(() => order.length === 40)
    assert.deepEqual(
      order,
      Array.from({ length: 40 }, (_, i) => i),
    )
    for (let i = 0; i < 40; i++) {
      const size = 1 + ((i * 7_919) % 30_000)
      const expected = Buffer.concat([Buffer.alloc(size, i), Buffer.from('.')])
      assert.ok(expected.equals(await f.read(files[i % 2] as DiskFile, i * 30_000, size + 1)), `write ${i}`)
    }
    for (const file of files) await f.close(file)
  })

  withDisk('writeSync() takes requests of any size: none, many chunks, many megabytes', async (f) => {
    const file = await f.open('a')
    await settle(f.on, (done) => file.writeSync(0, [], done))
    assert.equal(await f.size(file), 0)
    const large = [Buffer.alloc(9_000_001, 1), Buffer.alloc(11), Buffer.alloc(5_000_000, 2)]
    await settle(f.on, (done) => file.writeSync(3, large, done))
    const small = Array.from({ length: 5_000 }, (_, i) => Buffer.from([i & 0xff]))
    await settle(f.on, (done) => file.writeSync(20_000_000, small, done))
    const whole = Buffer.concat(large)
    assert.ok(whole.equals(await f.read(file, 3, whole.length)))
    assert.ok(Buffer.concat(small).equals(await f.read(file, 20_000_000, 5_000)))
    await f.close(file)
  })

  withDisk('a failed writeSync() reports its code, and the next one works', async (f) => {
    const file = await f.open('a')
    await f.close(file)
    const readOnly = await f.open('a', 'read')
    const other = await f.open('b')
    const codes: unknown[] = []
    const note = (error: Error | null): void => {
      codes.push(error !== null && 'code' in error ? error.code : error)
    }
    readOnly.writeSync(0, [Buffer.from('x')], note)
    other.writeSync(0, [Buffer.from('y')], note)
    await f.on.wait(() => codes.length === 2)
    assert.deepEqual(codes, ['EBADF', null])
    assert.equal(String(await f.read(other, 0, 9)), 'y')
    await f.close(readOnly)
    await f.close(other)
  })
}

function nameTests(withDisk: WithDisk): void {
  withDisk('create keeps what is there; rename replaces; remove removes', async (f) => {
    const { disk } = f.on
    const a = await f.open('a')
    await f.write(a, 0, 'A')
    const again = await f.open('a', 'create')
    assert.equal(await f.size(again), 1)
    const b = await f.open('b')
    await f.write(b, 0, 'BB')
    await settle(f.on, (done) => disk.rename(f.path('a'), f.path('b'), done))
    assert.deepEqual(await f.list(), ['b'])
    const renamed = await f.open('b', 'read')
    assert.equal(String(await f.read(renamed, 0, 9)), 'A')
    assert.equal(String(await f.read(b, 0, 9)), 'BB', 'an open file outlives its name')
    await settle(f.on, (done) => disk.syncFolder(f.on.folder, done))
    await settle(f.on, (done) => disk.remove(f.path('b'), done))
    assert.deepEqual(await f.list(), [])
    for (const file of [a, again, b, renamed]) await f.close(file)
  })

  withDisk('makeFolder() makes parents, and is fine when it exists', async (f) => {
    const { disk } = f.on
    await settle(f.on, (done) => disk.makeFolder(f.path('x/y/z'), done))
    await settle(f.on, (done) => disk.makeFolder(f.path('x/y'), done))
    await f.close(await f.open('x/y/z/file'))
    const names = await settle<string[]>(f.on, (done) => disk.list(f.path('x/y/z'), done))
    assert.deepEqual(names, ['file'])
    assert.deepEqual(await f.list(), ['x'])
  })

  withDisk('space() is plausible', async (f) => {
    const space = await settle<SpaceReport>(f.on, (done) => f.on.disk.space(f.on.folder, done))
    assert.ok(space.freeBytes > 0 && space.freeBytes <= space.totalBytes)
  })
}

function errorTests(withDisk: WithDisk): void {
  withDisk("errors carry the system's code", async (f) => {
    const { disk } = f.on
    await assert.rejects(f.open('missing', 'read'), { code: 'ENOENT' })
    await assert.rejects(f.open('missing', 'write'), { code: 'ENOENT' })
    await assert.rejects(f.open('no/such/folder'), { code: 'ENOENT' })
    for (const attempt of [
      (done: (error: Error | null) => void) => disk.remove(f.path('missing'), done),
      (done: (error: Error | null) => void) => disk.rename(f.path('missing'), f.path('b'), done),
      (done: (error: Error | null) => void) => disk.syncFolder(f.path('missing'), done),
      (done: (error: Error | null) => void) => disk.list(f.path('missing'), done),
    ]) {
      await assert.rejects(settle<void>(f.on, attempt), { code: 'ENOENT' })
    }
    await f.close(await f.open('a'))
    const readOnly = await f.open('a', 'read')
    await assert.rejects(f.write(readOnly, 0, 'x'), { code: 'EBADF' })
    await f.close(readOnly)
  })
}

function jobTests(withDisk: WithDisk): void {
  withDisk("a job's disk is the same disk", async (f) => {
    const { jobDisk, folder } = f.on
    const out = jobDisk.open(f.path('out.tmp'), 'create')
    out.write(0, Buffer.from('made by '))
    out.write(8, Buffer.from('a job'))
    out.sync()
    assert.equal(out.size(), 13)
    assert.equal(String(out.read(5, 100)), 'by a job')
    out.close()
    jobDisk.rename(f.path('out.tmp'), f.path('out'))
    jobDisk.syncFolder(folder)
    const file = await f.open('out', 'read')
    assert.equal(String(await f.read(file, 0, 100)), 'made by a job')
    await f.close(file)
    jobDisk.remove(f.path('out'))
    assert.deepEqual(await f.list(), [])
    assert.throws(() => jobDisk.open(f.path('out'), 'read'), { code: 'ENOENT' })
    assert.throws(() => jobDisk.remove(f.path('out')), { code: 'ENOENT' })
    const readOnly = jobDisk.open(f.path('new'), 'create')
    readOnly.close()
    assert.throws(() => jobDisk.open(f.path('new'), 'read').write(0, Buffer.from('x')), { code: 'EBADF' })
  })
}
