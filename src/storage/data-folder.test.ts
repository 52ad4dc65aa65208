/** R8: the data folder belongs to one node for ever and to one process at a time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '../lib/assert.ts'
import { errorCode } from '../lib/coded-error.ts'
import { SimDisk } from '../testing/sim/disk.ts'
import { SimWorld } from '../testing/sim/world.ts'
import { readFileIfPresent, writeFileAtomically } from './atomic-file.ts'
import { type DataFolder, type DataFolderOptions, encodeIdentity, openDataFolder } from './data-folder.ts'

const FOLDER = '/node/data'
const IDENTITY = `${FOLDER}/IDENTITY`

class Machine {
  readonly world = new SimWorld(7)
  readonly disk = new SimDisk(this.world, 'disk')
  readonly alive = new Set<number>()

  /** Starts a process and has it open the folder; its claim counts until it is taken out of `alive`. */
  open(pid: number, overrides: Partial<DataFolderOptions> = {}): DataFolder | Error {
    let answer: DataFolder | Error | null = null
    this.start(pid, overrides, (result) => {
      answer = result
    })
    this.world.runUntil(() => answer !== null, 'folder is open')
    return must(answer as DataFolder | Error | null, 'answer')
  }

  start(
    pid: number,
    overrides: Partial<DataFolderOptions>,
    done: (result: DataFolder | Error) => void,
  ): void {
    this.alive.add(pid)
    const options = {
      disk: this.disk.mount(this.world.spawn(`pid ${pid}`)),
      folder: FOLDER,
      node: 'node1',
      random: this.world.random.fork('incarnation'),
      wallMs: 1_767_225_600_000,
      pid,
      bootId: 'boot-a',
      isAlive: (other: number) => this.alive.has(other),
      ...overrides,
    }
    openDataFolder(options, (error, folder) => done(error ?? folder))
  }
}

function opened(result: DataFolder | Error): DataFolder {
  if (result instanceof Error) throw result
  return result
}

function refusal(result: DataFolder | Error): Error {
  assert(result instanceof Error, 'the folder is refused')
  return result
}

test('R8: a node without a name gets one with its folder, and has it for ever', () => {
  const machine = new Machine()
  const { identity, release } = opened(machine.open(1, { node: '' }))
  assert.equal(identity.node, `node-${identity.incarnation.slice(0, 8)}`)
  release(() => machine.alive.delete(1))
  machine.world.runUntil(() => !machine.alive.has(1), 'released')
  assert.deepEqual(opened(machine.open(2, { node: '' })).identity, identity)
})

test('R8: a new folder gets an identity, which stays', () => {
  const machine = new Machine()
  const first = opened(machine.open(10))
  assert.equal(first.isNew, true)
  assert.match(first.identity.incarnation, /^[0-9a-f]{32}$/)
  assert.equal(first.identity.created, '2026-01-01T00:00:00.000Z')
  machine.alive.delete(10)
  machine.disk.crash('none')
  const second = opened(machine.open(11))
  assert.equal(second.isNew, false)
  assert.deepEqual(second.identity, first.identity)
})

test('R8: an identity that was answered is durable; one that was not may be another one', () => {
  for (let steps = 0; steps < 60; steps++) {
    const machine = new Machine()
    let answer: DataFolder | Error | null = null
    machine.start(10, {}, (result) => {
      answer = result
    })
    for (let i = 0; i < steps; i++) machine.world.step()
    machine.alive.delete(10)
    machine.disk.crash()
    const { identity } = opened(machine.open(11))
    if (answer !== null) assert.deepEqual(identity, opened(answer).identity)
  }
})

test('a folder in use is refused with the pid of its process', () => {
  const machine = new Machine()
  opened(machine.open(10))
  const error = refusal(machine.open(11))
  assert.equal(errorCode(error), 'LOCKED')
  assert.match(error.message, /process 10;/)
  assert.equal(machine.disk.peek(`${FOLDER}/LOCK-11`), null)
})

test('a released folder can be opened again', () => {
  const machine = new Machine()
  const first = opened(machine.open(10))
  let isReleased = false
  first.release(() => {
    isReleased = true
  })
  machine.world.runUntil(() => isReleased)
  opened(machine.open(11))
})

test('the claim of a killed process is recognised and removed', () => {
  const machine = new Machine()
  opened(machine.open(10))
  machine.alive.delete(10)
  opened(machine.open(11))
  assert.equal(machine.disk.peek(`${FOLDER}/LOCK-10`), null)
})

test('a claim from before a reboot does not count, even when its pid is in use again', () => {
  const machine = new Machine()
  opened(machine.open(10))
  opened(machine.open(11, { bootId: 'boot-b' }))
})

test('a process that got the pid of its killed predecessor is not locked out', () => {
  const machine = new Machine()
  opened(machine.open(1))
  opened(machine.open(1))
})

test('of two processes that start together at most one gets the folder', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const machine = new Machine()
    const results: (DataFolder | Error)[] = []
    machine.start(10, {}, (result) => results.push(result))
    for (let i = 0; i < seed % 20; i++) machine.world.step()
    machine.start(11, {}, (result) => results.push(result))
    machine.world.runUntil(() => results.length === 2)
    const winners = results.filter((result) => !(result instanceof Error))
    assert(winners.length <= 1, `step ${seed % 20}`)
  }
})

test('R8: the folder of another node, a damaged identity and a lost one are refused', () => {
  const machine = new Machine()
  opened(machine.open(10))
  machine.alive.clear()
  const other = refusal(machine.open(11, { node: 'node2' }))
  assert.equal(errorCode(other), 'WRONG_NODE')
  assert.match(other.message, /belongs to node 'node1', but this node is 'node2'/)
  machine.disk.flipBit(IDENTITY, 25)
  assert.equal(errorCode(refusal(machine.open(12))), 'CORRUPT')
  const lost = new Machine()
  lost.disk.folders.makeFolder(`${FOLDER}/log`)
  assert.equal(errorCode(refusal(lost.open(10))), 'CORRUPT')
})

test('R7: an identity of a newer format is refused as such', () => {
  const machine = new Machine()
  machine.disk.folders.makeFolder(FOLDER)
  machine.disk.folders.create(IDENTITY)
  const identity = { formatVersion: 2, node: 'node1', incarnation: '00', created: '' }
  machine.disk.damage(IDENTITY, 0, encodeIdentity(identity))
  assert.equal(errorCode(refusal(machine.open(10))), 'UNSUPPORTED')
})

test('R7: golden bytes of IDENTITY', () => {
  const created = '2026-01-01T00:00:00.000Z'
  const bytes = encodeIdentity({ formatVersion: 1, node: 'node1', incarnation: '0123456789abcdef', created })
  assert.equal(
    bytes.toString(),
    '{"formatVersion":1,"node":"node1","incarnation":"0123456789abcdef",' +
      '"created":"2026-01-01T00:00:00.000Z","checksum":"74fcedf6"}\n',
  )
})

test('a file written atomically is the old one or the new one after a crash, once done the new one', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const world = new SimWorld(seed)
    const disk = new SimDisk(world, 'disk')
    disk.folders.makeFolder('/f')
    const mount = disk.mount(world.spawn('writer'))
    const done = new Set<string>()
    const old = 'o'.repeat(2000)
    const write = (text: string): void =>
      writeFileAtomically(mount, '/f/file', Buffer.from(text), (error) => {
        assert.equal(error, null)
        done.add(text)
      })
    write(old)
    world.runUntil(() => done.has(old))
    write('new'.repeat(300))
    for (let i = world.random.below(14); i > 0; i--) world.step()
    disk.crash()
    let found: string | null = null
    readFileIfPresent(disk.mount(world.spawn('reader')), '/f/file', (error, bytes) => {
      assert.equal(error, null)
      found = must(bytes, 'content').toString()
    })
    world.runUntil(() => found !== null)
    assert(found === 'new'.repeat(300) || (found === old && done.size === 1), `seed ${seed}`)
  }
})
