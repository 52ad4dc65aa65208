/** Snapshots: held versions, transfers that are interrupted and resumed, and the install order of R10. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCode } from '../../lib/coded-error.ts'
import { SimWorld } from '../../testing/sim/world.ts'
import { StoreFixture } from '../../testing/storage/store-fixture.ts'
import { StoreModel } from '../../testing/storage/store-model.ts'
import { receiveSnapshot } from '../../testing/storage/store-transfer.ts'
import type { StoreSnapshot } from './types.ts'

function pair(seed = 1): { leader: StoreFixture; follower: StoreFixture } {
  const world = new SimWorld(seed)
  const leader = new StoreFixture({ world, name: 'leader', tableBytes: 8 * 1024 })
  const follower = new StoreFixture({ world, name: 'follower', tableBytes: 8 * 1024 })
  leader.open()
  follower.open()
  return { leader, follower }
}

function fill(fixture: StoreFixture, index: number, text: string, count = 1_000): void {
  for (let i = 0; i < count; i++) fixture.store.put(`key-${i}`, Buffer.from(`${text} ${i}`))
  fixture.store.endEntry(index, 1)
  fixture.flush(index, text)
}

function codeOf(action: () => void): string {
  try {
    action()
  } catch (error) {
    return errorCode(error)
  }
  return 'no error'
}

test('a snapshot of a new store is empty and can be installed', () => {
  const { leader, follower } = pair()
  const snapshot = leader.store.snapshot()
  assert.equal(snapshot.index, 0)
  assert.deepEqual(snapshot.files, [])
  fill(follower, 5, 'old')
  receiveSnapshot(leader, follower, snapshot)
  follower.wait<void>((done) => follower.store.install(snapshot.manifest, done))
  assert.equal(follower.store.manifestIndex, 0)
  assert.deepEqual(follower.dump(), {})
})

test('R10: an installed snapshot replaces tables, memtables and meta, and the old files go', () => {
  const { leader, follower } = pair()
  fill(leader, 9, 'new')
  fill(follower, 3, 'old')
  follower.entry(4, { 'key-5': 'in memory', other: 'in memory' })
  const snapshot = leader.store.snapshot()
  receiveSnapshot(leader, follower, snapshot)
  assert.equal(follower.read('key-5'), 'in memory', 'nothing changes before the install')
  follower.wait<void>((done) => follower.store.install(snapshot.manifest, done))
  assert.equal(follower.store.manifestIndex, 9)
  assert.equal(String(follower.store.manifestMeta), 'new')
  assert.equal(follower.read('key-5'), 'new 5')
  assert.equal(follower.read('other'), null)
  assert.deepEqual(follower.dump(), leader.dump())
  follower.settle()
  assert.deepEqual(follower.files(), ['manifest', ...snapshot.files.map((file) => file.name)].sort())
  follower.entry(10, { 'key-5': 'later' })
  follower.flush(10)
  follower.crash()
  follower.open()
  assert.equal(follower.read('key-5'), 'later')
})

test('R10: a start with a pending install redoes it, whatever step the power failed in', () => {
  for (let skip = 0; skip < 12; skip++) {
    const { leader, follower } = pair(skip + 1)
    fill(leader, 9, 'new')
    fill(follower, 3, 'old')
    const snapshot = leader.store.snapshot()
    receiveSnapshot(leader, follower, snapshot)
    follower.store.install(snapshot.manifest, () => {})
    for (let i = 0; i < skip * 3; i++) follower.world.step()
    follower.crash()
    follower.open({ pendingInstall: snapshot.manifest })
    assert.equal(follower.store.manifestIndex, 9)
    assert.deepEqual(follower.dump(), leader.dump())
    follower.crash()
    follower.open()
    assert.equal(follower.store.manifestIndex, 9, 'the install is durable once a start has answered')
    follower.settle()
    assert.deepEqual(follower.files(), ['manifest', ...snapshot.files.map((file) => file.name)].sort())
  }
})

test('a pending install that is older than the manifest changes nothing', () => {
  const { leader, follower } = pair()
  fill(leader, 9, 'new')
  const snapshot = leader.store.snapshot()
  receiveSnapshot(leader, follower, snapshot)
  follower.wait<void>((done) => follower.store.install(snapshot.manifest, done))
  follower.entry(10, { 'key-5': 'later' })
  follower.flush(10)
  follower.crash()
  follower.open({ pendingInstall: snapshot.manifest })
  assert.equal(follower.store.manifestIndex, 10)
  assert.equal(follower.read('key-5'), 'later')
})

test('complete files are not sent again, also when the next transfer is of a newer snapshot', () => {
  const { leader, follower } = pair()
  fill(leader, 9, 'new')
  const first = leader.store.snapshot()
  const sent: string[] = []
  receiveSnapshot(leader, follower, first, { files: 2, sent })
  assert.equal(sent.length, 2)
  leader.entry(10, { extra: '1' })
  leader.flush(10)
  const second = leader.store.snapshot()
  receiveSnapshot(leader, follower, second, { sent })
  assert.equal(new Set(sent).size, sent.length, 'no file twice')
  assert.deepEqual(sent.toSorted(), second.files.map((file) => file.name).toSorted())
  follower.wait<void>((done) => follower.store.install(second.manifest, done))
  assert.deepEqual(follower.dump(), leader.dump())
})

test('files that both stores hold are not sent, and a compaction meanwhile does not take them away', () => {
  const { leader, follower } = pair()
  fill(leader, 9, 'new')
  const first = leader.store.snapshot()
  receiveSnapshot(leader, follower, first)
  follower.wait<void>((done) => follower.store.install(first.manifest, done))
  leader.entry(10, { extra: '1' })
  leader.flush(10)
  const second = leader.store.snapshot()
  const present = follower.wait((done) => follower.store.filesPresent(second.manifest, done))
  assert.deepEqual(present, first.files)
  fill(follower, 10, 'overwritten')
  fill(follower, 11, 'overwritten')
  follower.settle()
  const sent: string[] = []
  receiveSnapshot(leader, follower, second, { sent })
  assert.deepEqual(
    sent,
    second.files.map((file) => file.name).filter((name) => !first.files.some((f) => f.name === name)),
  )
  follower.wait<void>((done) => follower.store.install(second.manifest, done))
  assert.deepEqual(follower.dump(), leader.dump())
})

test('R10: a damaged chunk is found before anything is installed, and its file is sent again', () => {
  const { leader, follower } = pair()
  fill(leader, 9, 'new')
  const snapshot = leader.store.snapshot()
  const damage = (bytes: Buffer): Buffer => {
    const copy = Buffer.from(bytes)
    copy[100] = (copy[100] as number) ^ 1
    return copy
  }
  const first = snapshot.files[0]?.name as string
  const sent: string[] = []
  assert.equal(
    codeOf(() => receiveSnapshot(leader, follower, snapshot, { damage, sent })),
    'CORRUPT',
  )
  const again: string[] = []
  receiveSnapshot(leader, follower, snapshot, { sent: again })
  assert.deepEqual(again, [first])
})

test('what was received and will not be installed is removed, whole files and parts', () => {
  const { leader, follower } = pair()
  fill(leader, 9, 'new')
  fill(follower, 3, 'old')
  follower.settle()
  const before = follower.files()
  for (const options of [{ files: 1 }, {}]) {
    receiveSnapshot(leader, follower, leader.store.snapshot(), options)
    assert.ok(follower.store.status().receivedFiles > 0)
    follower.store.discardReceived()
    assert.equal(follower.store.status().receivedFiles, 0)
    follower.settle()
    assert.deepEqual(follower.files(), before)
  }
  assert.equal(follower.read('key-5'), 'old 5')
})

test('a file whose removal is under way may come again at once', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { leader, follower } = pair(seed)
    fill(leader, 9, 'new')
    receiveSnapshot(leader, follower, leader.store.snapshot(), { files: 1 })
    follower.store.discardReceived()
    receiveSnapshot(leader, follower, leader.store.snapshot())
  }
})

test('a transfer that misses a file is not complete', () => {
  const { leader, follower } = pair()
  fill(leader, 9, 'new')
  const snapshot = leader.store.snapshot()
  receiveSnapshot(leader, follower, snapshot, { files: 1 })
  assert.throws(
    () => follower.wait<void>((done) => follower.store.receiveComplete(snapshot.manifest, done)),
    /not complete/,
  )
})

test('receive() refuses a gap, and names that are no table names', () => {
  const { follower } = pair()
  const receive = (name: string, offset: number): void =>
    follower.wait<void>((done) => follower.store.receive(name, offset, Buffer.from('x'), done))
  receive('leader-1.tbl', 0)
  receive('leader-1.tbl', 1)
  assert.throws(() => receive('leader-1.tbl', 5), /offset is 5, expected 2/)
  assert.throws(() => receive('../../etc/passwd', 0), /Cannot receive/)
  assert.throws(() => receive('manifest', 0), /Cannot receive/)
})

test('R10: an install that cannot write its manifest keeps the old state and its received files', () => {
  const { leader, follower } = pair()
  fill(leader, 9, 'new')
  fill(follower, 3, 'old')
  const snapshot = leader.store.snapshot()
  receiveSnapshot(leader, follower, snapshot)
  follower.disk.failNext({ operation: 'write', path: 'manifest', code: 'ENOSPC' })
  const install = (): void => follower.wait<void>((done) => follower.store.install(snapshot.manifest, done))
  assert.equal(codeOf(install), 'ENOSPC')
  assert.equal(follower.read('key-5'), 'old 5')
  install()
  assert.equal(follower.read('key-5'), 'new 5')
})

test('a held snapshot keeps its files through compactions, and lets them go', () => {
  const { leader } = pair()
  fill(leader, 1, 'first')
  const snapshot: StoreSnapshot = leader.store.snapshot()
  fill(leader, 2, 'second')
  leader.settle()
  for (const { name, size } of snapshot.files) {
    const bytes = leader.wait<Buffer>((done) => leader.store.readFile(name, 0, size + 10, done))
    assert.equal(bytes.length, size)
  }
  snapshot.release()
  leader.settle()
  const names = leader.files()
  assert.equal(
    snapshot.files.some(({ name }) => names.includes(name)),
    false,
  )
  assert.throws(() =>
    leader.wait((done) => leader.store.readFile(snapshot.files[0]?.name as string, 0, 1, done)),
  )
})

test('a file name is never used again, not even across an install and a crash', () => {
  const { leader, follower } = pair()
  fill(follower, 3, 'old')
  const used = new Set(follower.store.snapshot().files.map((file) => file.name))
  fill(leader, 9, 'new')
  const snapshot = leader.store.snapshot()
  receiveSnapshot(leader, follower, snapshot)
  follower.wait<void>((done) => follower.store.install(snapshot.manifest, done))
  follower.settle()
  follower.crash('all')
  follower.open()
  fill(follower, 10, 'later')
  const names = follower.store.snapshot().files.map((file) => file.name)
  assert.equal(
    names.some((name) => used.has(name)),
    false,
  )
})

test('R10: random lives of two stores, one following the other by snapshots, with crashes', () => {
  for (let seed = 1; seed <= 8; seed++) {
    const world = new SimWorld(seed)
    const leader = new StoreModel(seed, { world, name: 'leader' })
    const follower = new StoreModel(seed + 100, { world, name: 'follower' })
    for (let round = 0; round < 6; round++) {
      for (let i = 0; i < 40; i++) leader.entry()
      leader.fixture.settle()
      leader.seal()
      leader.fixture.settle()
      if (leader.random.below(3) === 0) leader.restart()
      const snapshot = leader.fixture.store.snapshot()
      if (leader.random.below(2) === 0) {
        receiveSnapshot(leader.fixture, follower.fixture, snapshot, { files: leader.random.below(4) })
      }
      receiveSnapshot(leader.fixture, follower.fixture, snapshot)
      follower.startScan()
      follower.fixture.store.install(snapshot.manifest, () => {})
      for (let i = leader.random.below(60); i > 0; i--) world.step()
      follower.fixture.crash()
      follower.fixture.open({ pendingInstall: snapshot.manifest })
      follower.adopt(leader)
      snapshot.release()
      for (let i = 0; i < 20; i++) follower.entry()
      follower.checkAll()
      follower.restart()
      leader.log.splice(0, leader.log.length, ...follower.log)
      leader.fixture.crash()
      leader.reopen()
    }
  }
})
