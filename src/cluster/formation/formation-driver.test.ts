/** Formation (R8) over simulated networks and disks: start orders, crashes, wiped nodes, wrong lists. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '../../lib/assert.ts'
import { SeededRandom } from '../../lib/random.ts'
import { type Member, peerIdOf } from '../../protocol/members.ts'
import { FormingNode } from '../../testing/transport/forming-node.ts'
import { PEER_PORT, TransportWorld } from '../../testing/transport/transport-world.ts'
import { loadFormation } from './formation-driver.ts'
import { clusterIdOf, encodeFormationFile, type ListedNode } from './formation-record.ts'

const FOLDER = '/data'
const three = ['node1', 'node2', 'node3']
const listOf = (...names: string[]): ListedNode[] => {
  return names.map((name) => ({ name, address: `${name}:${PEER_PORT}` }))
}

function member(name: string, incarnation = 'first'): Member {
  return { peerId: peerIdOf(name, incarnation), name, incarnation, peerAddress: `${name}:${PEER_PORT}` }
}

/** A node on the host of its own name. */
function launch(world: TransportWorld, self: Member, listed: readonly ListedNode[]): FormingNode {
  return new FormingNode({ world, host: self.name, self, listed })
}

const isFormed = (node: FormingNode | undefined): boolean => node !== undefined && node.result !== null

test('R8: three nodes form one cluster soon after the last one starts, in any order', () => {
  for (let seed = 1; seed <= 8; seed++) {
    const world = new TransportWorld(seed)
    const order = seed % 2 === 0 ? three : [...three].reverse()
    const nodes: FormingNode[] = []
    for (const name of order) {
      world.world.runFor(world.world.random.below(2_000))
      assert.ok(!nodes.some(isFormed))
      nodes.push(launch(world, member(name), listOf(...three)))
    }
    const startedMs = world.world.nowMs
    world.world.runUntil(() => nodes.every(isFormed), 'all formed')
    assert.ok(world.world.nowMs - startedMs < 600, `seed ${seed}: ${world.world.nowMs - startedMs} ms`)
    const members = three.map((name) => member(name))
    for (const node of nodes) assert.deepEqual(node.result, { clusterId: clusterIdOf(members), members })
    world.world.runUntil(() => nodes.every((node) => node.node.transport.peers().length === 2), 'connected')
    assert.deepEqual(
      nodes.flatMap((node) => node.node.refusals),
      [],
    )
  }
})

test('R8: nodes that start within 2 s of each other warn of nobody; one that stays away is named', () => {
  const world = new TransportWorld(19)
  const first = launch(world, member('node1'), listOf(...three))
  const second = launch(world, member('node2'), listOf(...three))
  world.world.runFor(1_900)
  assert.deepEqual([...first.warnings, ...second.warnings], [])
  world.world.runFor(600)
  for (const node of [first, second]) {
    assert.equal(node.warnings.length, 1)
    assert.match(node.warnings[0] ?? '', /^node3 at .* has not answered; start it/)
  }
})

test('R8: a single node forms its own cluster at once, and is the same after a restart', () => {
  const world = new TransportWorld(20)
  const first = launch(world, member('node1'), [])
  world.world.runUntil(() => isFormed(first), 'formed', { timeoutMs: 100 })
  world.host('node1').crash()
  const again = launch(world, member('node1'), listOf(...three))
  world.world.runUntil(() => isFormed(again), 'formed', { timeoutMs: 100 })
  assert.deepEqual(again.result, first.result)
})

test('R8: nodes that crash at any moment of formation agree on one cluster in the end', () => {
  for (let seed = 30; seed < 42; seed++) {
    const world = new TransportWorld(seed)
    const random = new SeededRandom(seed)
    const nodes = new Map<string, FormingNode>()
    const ids = new Set<string>()
    const start = (name: string): void => {
      nodes.set(name, launch(world, member(name), listOf(...three)))
    }
    for (let round = 0; round < 12; round++) {
      const name = must(three[random.below(3)], 'name')
      if (world.host(name).running) world.host(name).crash()
      else start(name)
      world.world.runFor(random.below(round % 3 === 0 ? 500 : 30))
      for (const node of nodes.values()) if (node.result !== null) ids.add(node.result.clusterId)
    }
    for (const name of three) if (!world.host(name).running) start(name)
    world.world.runUntil(() => three.every((name) => isFormed(nodes.get(name))), `seed ${seed}`)
    for (const node of nodes.values()) ids.add(must(node.result, 'result').clusterId)
    assert.equal(ids.size, 1, `seed ${seed}`)
  }
})

test('R8: a node that slept through the forming is told by any founder, after any time', () => {
  const world = new TransportWorld(61)
  const nodes = three.map((name) => launch(world, member(name), listOf(...three)))
  world.world.runUntil(() => nodes.every(isFormed), 'all formed')
  const members = three.map((name) => member(name))
  world.host('node1').crash()
  world.host('node2').crash()
  const late = world.host('node1').start()
  let written = false
  const bytes = encodeFormationFile({ state: 'accepted', members })
  late.disk.open(`${FOLDER}/formation`, 'create', (_error, file) => {
    file.truncate(0, () => file.write(0, [bytes], () => file.sync(() => (written = true))))
  })
  world.world.runUntil(() => written, 'written')
  world.host('node1').kill()
  const again = launch(world, member('node1'), [])
  world.world.runUntil(() => isFormed(again), 'adopted')
  assert.deepEqual(again.result, nodes[2]?.result)
})

test('R8: a wiped node does not form or rejoin; it says so, and joins when it is invited', () => {
  const world = new TransportWorld(62)
  const nodes = three.map((name) => launch(world, member(name), listOf(...three)))
  world.world.runUntil(() => nodes.every(isFormed), 'all formed')
  const { clusterId, members } = must(nodes[1]?.result, 'result')
  world.host('node1').crash()
  const removed = world.host('node1').start()
  let isGone = false
  removed.disk.remove(`${FOLDER}/formation`, () => {
    isGone = true
  })
  world.world.runUntil(() => isGone, 'removed')
  world.host('node1').kill()
  const wiped = launch(world, member('node1', 'second'), listOf(...three))
  world.world.runUntil(() => wiped.isRunning && wiped.driver.status().state === 'notMember', 'noticed')
  world.world.runFor(10_000)
  assert.equal(wiped.result, null)
  assert.match(wiped.driver.status().reasons[0] ?? '', /kvorum node replace node1/)
  assert.ok(wiped.driver.join(clusterId, members))
  world.world.runUntil(() => isFormed(wiped), 'joined')
  assert.deepEqual(wiped.result, { clusterId, members })
})

test('R8: nodes with different lists never form, and each says why', () => {
  const world = new TransportWorld(63)
  const one = launch(world, member('node1'), listOf('node1', 'node2'))
  const two = launch(world, member('node2'), listOf('node2', 'node3'))
  const late = launch(world, member('node3'), listOf(...three))
  world.world.runFor(10_000)
  for (const node of [one, two, late]) {
    assert.equal(node.result, null)
    assert.ok(node.driver.status().reasons.length > 0)
  }
  assert.match(one.driver.status().reasons[0] ?? '', /another --cluster list/)
})

test('R8: a disk that fails delays formation and nothing else', () => {
  const world = new TransportWorld(65)
  for (const operation of ['write', 'sync', 'rename', 'syncFolder'] as const) {
    world.host('node1').disk.failNext({ operation, path: FOLDER, count: 1 })
  }
  const nodes = three.map((name) => launch(world, member(name), listOf(...three)))
  world.world.runUntil(() => nodes.every(isFormed), 'all formed')
  const ids = new Set(nodes.map((node) => node.result?.clusterId))
  assert.equal(ids.size, 1)
})

test('R8: a formation file that is damaged, or another node’s, is refused', () => {
  const world = new TransportWorld(64)
  const { disk } = world.host('node1').start()
  const contents = [
    Buffer.from('kvorum'),
    encodeFormationFile({ state: 'accepted', members: [member('node2')] }),
  ]
  for (const bytes of contents) {
    let error: Error | null = null
    disk.makeFolder(FOLDER, () => {
      disk.open(`${FOLDER}/formation`, 'create', (_openError, file) => {
        file.write(0, [bytes], () => {
          loadFormation(disk, FOLDER, member('node1'), (failure) => {
            error = failure
          })
        })
      })
    })
    world.world.runUntil(() => error !== null, 'refused')
    assert.match(String(error), /Cannot use \/data\/formation/)
  }
})
