/** The machine of formation (R8): a model under random schedules, then one test per rule and sentence. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SeededRandom } from '../../lib/random.ts'
import { type Member, peerIdOf } from '../../protocol/members.ts'
import type { PeerInfo } from '../../transport/types.ts'
import { clusterIdIn, Formation } from './formation.ts'
import {
  clusterIdOf,
  decodeFormationFile,
  decodeFormationMessage,
  encodeFormationFile,
  encodeFormationMessage,
  type FormationMessage,
  type FormationRecord,
  type ListedNode,
} from './formation-record.ts'
import { compareClusterFlag, formationStatus } from './formation-status.ts'

const listOf = (...names: string[]): ListedNode[] => names.map((name) => ({ name, address: `${name}:9090` }))

function member(name: string, incarnation = 'a'): Member {
  return { peerId: peerIdOf(name, incarnation), name, incarnation, peerAddress: `${name}:9090` }
}

function infoOf({ peerId, name, incarnation }: Member): PeerInfo {
  return {
    peerId,
    name,
    incarnation,
    bootId: '',
    clusterId: '',
    redisAddress: '',
    httpAddress: '',
    engineLevel: 1,
    wallMs: 0,
  }
}

/** A node of the model: its disk, and its machine while it runs. */
class ModelNode {
  readonly name: string
  self: Member
  list: readonly ListedNode[]
  disk: FormationRecord | null = null
  writing: FormationRecord | null = null
  machine: Formation | null = null
  formedAs: string | null = null

  constructor(name: string, list: readonly ListedNode[]) {
    this.name = name
    this.self = member(name, `${name}-0`)
    this.list = list
  }
}

interface Flight {
  readonly to: string
  readonly from: PeerInfo
  readonly message: FormationMessage
}

/** Formation among nodes under a random schedule; the invariants of R8 are checked after every step. */
class Model {
  readonly random: SeededRandom
  readonly nodes = new Map<string, ModelNode>()
  flights: Flight[] = []
  nowMs = 0
  /** (name, incarnation) -> the one set it was ever durably part of. */
  readonly #agreed = new Map<string, string>()
  /** Cluster id -> its members, once anyone formed. */
  readonly formed = new Map<string, readonly Member[]>()

  constructor(seed: number, lists: Readonly<Record<string, readonly ListedNode[]>>) {
    this.random = new SeededRandom(seed)
    for (const [name, list] of Object.entries(lists)) this.nodes.set(name, new ModelNode(name, list))
  }

  boot(node: ModelNode): void {
    const { self, list: listed, disk: record } = node
    node.machine = new Formation({ self, listed, record })
    node.formedAs = null
    node.machine.start(this.nowMs)
    this.#drain(node)
  }

  tick(node: ModelNode): void {
    node.machine?.tick(this.nowMs)
    this.#drain(node)
  }

  /** The write in flight reached the disk. */
  finishWrite(node: ModelNode): void {
    if (node.writing === null || node.machine === null) return
    this.#durable(node, node.writing)
    node.writing = null
    node.machine.persisted(this.nowMs)
    this.#drain(node)
  }

  /** The write in flight may have reached the disk, but nobody was told. */
  crash(node: ModelNode): void {
    if (node.machine === null) return
    if (node.writing !== null && this.random.below(2) === 0) this.#durable(node, node.writing)
    node.writing = null
    node.machine = null
  }

  wipe(node: ModelNode): void {
    this.crash(node)
    node.disk = null
    node.self = member(node.name, `${node.self.incarnation}x`)
  }

  /** Delivers the flight at `at`; keeps it when it is to come again. */
  deliver(at: number, again: boolean): void {
    const flight = this.flights[at]
    if (flight === undefined) return
    if (!again) this.flights.splice(at, 1)
    const node = this.nodes.get(flight.to)
    if (node?.machine === null || node === undefined) return
    node.machine.receive(flight.from, flight.message, this.nowMs)
    this.#drain(node)
  }

  #durable(node: ModelNode, record: FormationRecord): void {
    const key = `${node.self.name} ${node.self.incarnation}`
    const id = clusterIdIn(record)
    assert.equal(this.#agreed.get(key) ?? id, id, 'R8: a node agrees to one set only')
    this.#agreed.set(key, id)
    node.disk = record
    if (record.state !== 'formed') return
    assert.equal(id, clusterIdOf(record.members))
    for (const { name, incarnation } of record.members) {
      assert.equal(this.#agreed.get(`${name} ${incarnation}`), id, 'R8: formed only when all members agreed')
    }
    this.formed.set(id, record.members)
  }

  #drain(node: ModelNode): void {
    for (const output of node.machine?.takeOutputs() ?? []) {
      if (output.kind === 'persist') {
        assert.equal(node.writing, null, 'one write at a time')
        node.writing = output.record
      } else if (output.kind === 'formed') {
        assert.equal(node.formedAs, null, 'formed is said once')
        assert.ok(node.disk !== null && node.disk.state !== 'accepted', 'formed is durable before it is said')
        node.formedAs = output.result.clusterId
      } else if (output.kind === 'announce') {
        for (const { name } of node.machine?.addresses() ?? []) this.#send(node, name, output.message)
      } else {
        const to = [...this.nodes.values()].find((one) => one.self.peerId === output.to)
        if (to !== undefined) this.#send(node, to.name, output.message)
      }
    }
  }

  #send(from: ModelNode, to: string, message: FormationMessage): void {
    const onWire = decodeFormationMessage(encodeFormationMessage(message))
    assert.deepEqual(onWire, message)
    this.flights.push({ to, from: infoOf(from.self), message })
    // Old messages get lost in the end.
    if (this.flights.length > 200) this.flights.splice(0, 100)
  }

  /** One random step; `faults` allows crashes, losses and repetitions, `wipes` empty data folders. */
  step(faults: boolean, wipes: boolean): void {
    const nodes = [...this.nodes.values()]
    const node = nodes[this.random.below(nodes.length)] as ModelNode
    this.nowMs += this.random.below(40)
    if (node.machine === null) return this.boot(node)
    const die = this.random.below(100)
    if (die < 15) this.tick(node)
    else if (die < 35) this.finishWrite(node)
    else if (die < 80) this.deliver(this.random.below(Math.max(1, this.flights.length)), faults && die < 40)
    else if (!faults) this.deliver(0, false)
    else if (die < 90) this.flights.splice(this.random.below(Math.max(1, this.flights.length)), 1)
    else if (die < 97) this.crash(node)
    else if (wipes) this.wipe(node)
  }

  /** Runs without faults until everybody formed. */
  settle(names: readonly string[]): void {
    for (let i = 0; i < 20_000; i++) {
      if (names.every((name) => this.nodes.get(name)?.formedAs != null)) return
      this.step(false, false)
    }
    assert.fail(`not formed: ${names.map((name) => this.nodes.get(name)?.formedAs)}`)
  }
}

/** Runs `body` for many seeds and names the one that failed. */
function forSeeds(count: number, body: (seed: number) => void): void {
  for (let seed = 1; seed <= count; seed++) {
    try {
      body(seed)
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
  }
}

const three = ['node1', 'node2', 'node3']
const sameLists = () => Object.fromEntries(three.map((name) => [name, listOf(...three)]))

test('R8: three nodes form one cluster under crashes, loss, repetition and any order', () => {
  forSeeds(120, (seed) => {
    const model = new Model(seed, sameLists())
    for (let i = 0; i < 150; i++) model.step(true, false)
    model.settle(three)
    assert.equal(model.formed.size, 1)
    const ids = new Set(three.map((name) => model.nodes.get(name)?.formedAs))
    assert.deepEqual([...ids], [...model.formed.keys()])
  })
})

test('R8: whatever is wiped or listed otherwise, no node is ever in two clusters', () => {
  let formedCount = 0
  forSeeds(120, (seed) => {
    const lists = { ...sameLists(), node4: listOf('node3', 'node4') }
    const model = new Model(seed, lists)
    for (let i = 0; i < 300; i++) {
      model.step(true, seed % 2 === 0)
      // An operator who changes a list between two starts.
      const node = model.nodes.get('node3')
      if (i % 60 === 59 && node !== undefined) {
        model.crash(node)
        node.list = model.random.below(2) === 0 ? listOf('node3', 'node4') : listOf(...three)
      }
    }
    formedCount += model.formed.size
  })
  assert.ok(formedCount > 40, `formed ${formedCount} times`)
})

test('R8: a restart keeps what was agreed, and finishes it whatever the list says now', () => {
  forSeeds(40, (seed) => {
    const model = new Model(seed, sameLists())
    const nodes = [...model.nodes.values()]
    for (let i = 0; i < 5_000 && nodes.some((node) => node.disk === null); i++) model.step(false, false)
    for (const node of nodes) {
      model.crash(node)
      node.list = []
    }
    model.settle(three)
    assert.equal(model.formed.size, 1)
  })
})

test('R8: no list is a set of one, formed at once', () => {
  const formation = new Formation({ self: member('node1'), listed: [], record: null })
  formation.start(0)
  const [persist] = formation.takeOutputs()
  assert.ok(persist?.kind === 'persist')
  const clusterId = clusterIdOf([member('node1')])
  assert.deepEqual(persist.record, { state: 'formed', clusterId, members: [member('node1')] })
  assert.ok(!formation.isFormed)
  formation.persisted(0)
  assert.deepEqual(formation.takeOutputs(), [
    { kind: 'formed', result: { clusterId, members: [member('node1')] } },
  ])
})

test('R8: the cluster id is a hash of names, incarnations and addresses, whatever their order', () => {
  const set = [member('node1'), member('node2')]
  assert.match(clusterIdOf(set), /^[0-9a-f]{32}$/)
  assert.equal(clusterIdOf(set), clusterIdOf([...set].reverse()))
  assert.notEqual(clusterIdOf(set), clusterIdOf([member('node1'), member('node2', 'b')]))
  assert.notEqual(clusterIdOf(set), clusterIdOf([member('node1')]))
})

function gathering(names: readonly string[] = three): Formation {
  const formation = new Formation({ self: member('node1'), listed: listOf(...names), record: null })
  formation.start(0)
  return formation
}

const said = (message: Partial<FormationMessage>): FormationMessage => ({
  state: 'gathering',
  list: listOf(...three),
  clusterId: '',
  members: [],
  ...message,
})

test('R8: while one is missing nothing forms; it is named with the remedy', () => {
  const formation = gathering()
  formation.receive(infoOf(member('node2')), said({}), 10)
  assert.deepEqual(formationStatus(formation, 20), {
    state: 'gathering',
    waitingFor: ['node3'],
    reasons: [
      "node3 at node3:9090 has not answered; start it, or start with fewer nodes and use 'kvorum node add'",
    ],
  })
  assert.deepEqual(formationStatus(formation, 60_000).waitingFor, ['node2', 'node3'])
  formation.receive(infoOf(member('node3')), said({}), 60_000)
  assert.equal(formation.takeOutputs().filter((output) => output.kind === 'persist').length, 0)
})

test('R8: nodes started with different lists say so and do not form', () => {
  const formation = gathering()
  formation.receive(infoOf(member('node2')), said({}), 0)
  formation.receive(infoOf(member('node3')), said({ list: listOf('node2', 'node3') }), 0)
  const { waitingFor, reasons } = formationStatus(formation, 0)
  assert.deepEqual(waitingFor, ['node3'])
  assert.match(reasons[0] ?? '', /another --cluster list \(node2=node2:9090,node3=node3:9090\)/)
})

test('R8: a node that finds its cluster formed without it waits to be added, or replaced', () => {
  const formed = (members: Member[]) => said({ state: 'formed', clusterId: 'C', members })
  const added = gathering()
  added.receive(infoOf(member('node2')), formed([member('node2'), member('node3')]), 0)
  const waiting = formationStatus(added, 0)
  assert.equal(waiting.state, 'waiting')
  assert.match(waiting.reasons[0] ?? '', /'kvorum node add node1 node1:9090'/)

  const wiped = gathering()
  wiped.receive(infoOf(member('node2')), formed([member('node1', 'before'), member('node2')]), 0)
  wiped.receive(infoOf(member('node3')), formed([]), 0)
  const notMember = formationStatus(wiped, 0)
  assert.equal(notMember.state, 'notMember')
  assert.match(notMember.reasons[0] ?? '', /'kvorum node replace node1 node1 node1:9090'/)
  const outputs = wiped.takeOutputs()
  assert.ok(outputs.every((output) => output.kind === 'announce'))
})

test('R8: an added node joins once it is invited, durably; a second cluster is refused', () => {
  const founders = [member('node2'), member('node3')]
  const clusterId = clusterIdOf(founders)
  const others = [member('node8'), member('node9')]
  const formation = gathering()
  formation.takeOutputs()
  assert.ok(!formation.join(clusterId, others), 'founders that do not make the id')
  assert.ok(formation.join(clusterId, founders))
  assert.ok(formation.join(clusterId, founders))
  assert.ok(!formation.join(clusterIdOf(others), others))
  const record: FormationRecord = { state: 'joined', clusterId, members: founders }
  assert.deepEqual(formation.takeOutputs(), [{ kind: 'persist', record }])
  formation.persisted(0)
  const outputs = formation.takeOutputs()
  assert.deepEqual(outputs[0], { kind: 'formed', result: { clusterId, members: founders } })
  assert.ok(formation.join(clusterId, founders))
  assert.ok(!formation.join(clusterIdOf(others), others))
  const again = new Formation({ self: member('node1'), listed: listOf(...three), record: formation.record })
  again.start(0)
  assert.deepEqual(again.takeOutputs()[0], outputs[0])
})

test('R8: a node that agreed to found a cluster joins no other, but does join that one', () => {
  const members = three.map((name) => member(name))
  const formation = new Formation({
    self: member('node1'),
    listed: [],
    record: { state: 'accepted', members },
  })
  formation.start(0)
  assert.ok(!formation.join(clusterIdOf([member('node2')]), [member('node2')]))
  assert.ok(formation.join(clusterIdOf(members), members))
  const outputs = formation.takeOutputs()
  assert.ok(outputs.some((output) => output.kind === 'persist' && output.record.state === 'formed'))
})

test('R8: a node does not agree to a set when another has agreed to a different one', () => {
  const formation = gathering()
  formation.takeOutputs()
  const clusterId = clusterIdOf([member('node1', 'wiped since'), member('node2'), member('node3')])
  formation.receive(infoOf(member('node2')), said({ state: 'accepted', clusterId }), 0)
  formation.receive(infoOf(member('node3')), said({}), 0)
  assert.ok(formation.takeOutputs().every((output) => output.kind === 'announce'))
  assert.match(formationStatus(formation, 0).reasons[0] ?? '', /empty their data folders/)
})

test('R8: a founder that lost its data before the cluster formed is named, and so is the way out', () => {
  const members = three.map((name) => member(name))
  const formation = new Formation({
    self: member('node1'),
    listed: [],
    record: { state: 'accepted', members },
  })
  formation.start(0)
  const clusterId = clusterIdOf(members)
  formation.receive(infoOf(member('node2')), said({ state: 'accepted', clusterId }), 0)
  formation.receive(infoOf(member('node3', 'wiped')), said({}), 0)
  const { state, waitingFor, reasons } = formationStatus(formation, 0)
  assert.deepEqual([state, waitingFor], ['accepted', ['node3']])
  assert.match(reasons[0] ?? '', /empty their data folders and start them again/)
})

test('R8: a --cluster list is compared with the configuration', () => {
  const self = member('node1')
  const members = three.map((name) => member(name))
  const none = { warnings: [], refusal: null }
  assert.deepEqual(compareClusterFlag([], members, self), none)
  assert.deepEqual(compareClusterFlag(listOf(...three), members, self), none)
  assert.deepEqual(compareClusterFlag(listOf('node9'), [], self), none)
  const unknown = compareClusterFlag(listOf(...three, 'node4'), members, self)
  assert.equal(unknown.refusal, null)
  assert.match(unknown.warnings[0] ?? '', /node4, which is not a member; use 'kvorum node add'/)
  const moved = compareClusterFlag([{ name: 'node2', address: 'elsewhere:1' }], members, self)
  assert.match(moved.warnings[0] ?? '', /knows it at node2:9090/)
  const removed = compareClusterFlag(listOf(...three), members, member('node1', 'wiped'))
  assert.match(
    removed.refusal ?? '',
    /not a member .*empty its data .*'kvorum node replace node1 node1 HOST:PORT'/,
  )
  const gone = compareClusterFlag(listOf(...three), [member('node2'), member('node3')], self)
  assert.match(gone.refusal ?? '', /'kvorum node add node1 HOST:PORT'/)
  const single = compareClusterFlag(listOf(...three), [self], self)
  assert.match(single.refusal ?? '', /single-node database.*'kvorum node add'/)
  assert.deepEqual(compareClusterFlag(listOf('node1'), [self], self), none)
})

test('records survive the file, damage is refused', () => {
  const members = [member('node1'), member('node2')]
  const records: FormationRecord[] = [
    { state: 'accepted', members },
    { state: 'formed', clusterId: clusterIdOf(members), members },
    { state: 'joined', clusterId: 'C', members },
  ]
  for (const record of records) {
    const bytes = encodeFormationFile(record)
    assert.deepEqual(decodeFormationFile(bytes), record)
    for (let i = 0; i < bytes.length - 1; i++) {
      const bad = Buffer.from(bytes)
      bad[i] = (bad[i] as number) ^ 0x01
      assert.equal(typeof decodeFormationFile(bad), 'string', `byte ${i}`)
      assert.equal(typeof decodeFormationFile(bytes.subarray(0, i)), 'string', `${i} bytes`)
    }
  }
})

test('messages that are none decode to null and never throw', () => {
  const anything = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc.json().map((json) => Buffer.from(`\x01${json}`)),
    fc
      .record({ state: fc.constant('gathering'), list: fc.anything(), members: fc.anything() })
      .map((value) => Buffer.from(`\x01${JSON.stringify(value) ?? ''}`)),
  )
  const property = fc.property(anything, (bytes) => {
    const message = decodeFormationMessage(bytes)
    if (message !== null) assert.ok(Array.isArray(message.list) && Array.isArray(message.members))
  })
  fc.assert(property, { numRuns: 300, seed: 8 })
})
