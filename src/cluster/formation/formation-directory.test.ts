/** Clusters of nodes that were told addresses only: names are learned, and R8 holds as with a list of names. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '../../lib/assert.ts'
import { peerIdOf } from '../../protocol/members.ts'
import { FormingNode } from '../../testing/transport/forming-node.ts'
import { PEER_PORT, TransportWorld } from '../../testing/transport/transport-world.ts'
import { FormationDirectory } from './formation-directory.ts'

const FOLDER = '/data'
const hosts = ['a', 'b', 'c']
const addressOf = (host: string): string => `${host}:${PEER_PORT}`
const others = (host: string): string[] => hosts.filter((one) => one !== host).map(addressOf)

/** A node on the host `host` that calls itself `name` and was told `addresses`. */
function launch(
  world: TransportWorld,
  host: string,
  addresses: readonly string[],
  name = `node-${host}`,
  peerAddress = 'nowhere:1',
): FormingNode {
  const incarnation = `of-${name}`
  const self = { peerId: peerIdOf(name, incarnation), name, incarnation, peerAddress }
  return new FormingNode({
    world,
    host,
    self,
    listed: [],
    directory: new FormationDirectory(name, addresses, ''),
  })
}

const isFormed = (node: FormingNode): boolean => node.result !== null

function summary(node: FormingNode): string[] {
  return must(node.result, 'result').members.map(({ name, peerAddress }) => `${name}=${peerAddress}`)
}

test('R8: nodes that list only the others learn their names and form one cluster', () => {
  for (let seed = 1; seed <= 6; seed++) {
    const world = new TransportWorld(seed)
    const nodes = hosts.map((host) => {
      world.world.runFor(world.world.random.below(1_500))
      return launch(world, host, others(host))
    })
    world.world.runUntil(() => nodes.every(isFormed), `seed ${seed}: formed`)
    for (const node of nodes) {
      assert.deepEqual(node.result, nodes[0]?.result)
      assert.deepEqual(
        summary(node),
        hosts.map((host) => `node-${host}=${addressOf(host)}`),
      )
    }
  }
})

test('R8: a list of all addresses, the own one among them, does as well', () => {
  const world = new TransportWorld(11)
  const nodes = hosts.map((host) => launch(world, host, hosts.map(addressOf)))
  world.world.runUntil(() => nodes.every(isFormed), 'formed')
  for (const node of nodes) assert.deepEqual(node.result, nodes[0]?.result)
})

test('a list of this node alone forms a cluster of one', () => {
  const world = new TransportWorld(12)
  const node = launch(world, 'a', [addressOf('a')])
  world.world.runUntil(() => isFormed(node), 'formed')
  assert.deepEqual(summary(node), [`node-a=${addressOf('a')}`])
})

test('R8: nothing forms while an address does not answer, and the address is named', () => {
  const world = new TransportWorld(13)
  const nodes = ['a', 'b'].map((host) => launch(world, host, others(host)))
  world.world.runFor(8_000)
  for (const node of nodes) {
    assert.equal(node.result, null)
    assert.match(node.reasons, /nobody has answered at c:9090/)
  }
  const last = launch(world, 'c', others('c'))
  world.world.runUntil(() => [...nodes, last].every(isFormed), 'formed')
})

test('R8: nodes whose lists name other nodes never form, and say so', () => {
  const world = new TransportWorld(14)
  const nodes = [
    launch(world, 'a', others('a')),
    launch(world, 'b', others('b')),
    launch(world, 'c', [addressOf('a')]),
  ]
  world.world.runFor(10_000)
  assert.ok(!nodes.some(isFormed))
  assert.match(nodes[0]?.reasons ?? '', /node-c was started with a list of other nodes/)
})

test('R8: with two nodes of one name nothing forms, and each node says what it waits for', () => {
  const world = new TransportWorld(15)
  const nodes = hosts.map((host) =>
    launch(world, host, others(host), host === 'c' ? 'node-b' : `node-${host}`),
  )
  world.world.runFor(10_000)
  assert.ok(!nodes.some(isFormed))
  assert.match(nodes[0]?.reasons ?? '', /node-b has not found all nodes of its list yet/)
  assert.match(nodes[1]?.reasons ?? '', /nobody has answered at c:9090/)
})

test('R8: nodes that crash while they learn and agree form one cluster in the end', () => {
  for (let seed = 20; seed < 30; seed++) {
    const world = new TransportWorld(seed)
    const random = world.world.random
    const nodes = new Map<string, FormingNode>()
    const ids = new Set<string>()
    const start = (host: string): void => {
      nodes.set(host, launch(world, host, others(host)))
    }
    for (let round = 0; round < 12; round++) {
      const host = must(hosts[random.below(3)], 'host')
      if (world.host(host).running) world.host(host).crash()
      else start(host)
      world.world.runFor(random.below(round % 3 === 0 ? 500 : 60))
      for (const node of nodes.values()) if (node.result !== null) ids.add(node.result.clusterId)
    }
    for (const host of hosts) if (!world.host(host).running) start(host)
    world.world.runUntil(() => [...nodes.values()].every(isFormed), `seed ${seed}`)
    for (const node of nodes.values()) ids.add(must(node.result, 'result').clusterId)
    assert.equal(ids.size, 1, `seed ${seed}`)
  }
})

test('R8: a new node at the address of a member stays outside of the cluster and is told what to do', () => {
  const world = new TransportWorld(31)
  const nodes = hosts.map((host) => launch(world, host, others(host)))
  world.world.runUntil(() => nodes.every(isFormed), 'formed')
  world.host('a').crash()
  const { disk } = world.host('a').start()
  let isGone = false
  disk.remove(`${FOLDER}/formation`, () => {
    isGone = true
  })
  world.world.runUntil(() => isGone, 'removed')
  world.host('a').kill()
  const wiped = launch(world, 'a', others('a'), 'node-new', addressOf('a'))
  world.world.runUntil(() => wiped.reasons.includes('kvorum node add node-new'), 'told')
  assert.equal(wiped.result, null)
  assert.match(wiped.reasons, /kvorum node replace node-a node-new a:9090/)
})

test('the address of a node is the one it knows itself under, else the least that the others use', () => {
  const directory = new FormationDirectory('n1', ['x:1', 'y:1'], '')
  directory.note('x:1', { name: 'n2' })
  assert.equal(directory.list(), null)
  directory.note('y:1', { name: 'n3' })
  const view = (own: string, a: string, b: string) => [
    { name: 'n1', address: a },
    { name: 'n2', address: b },
    { name: 'n3', address: own },
  ]
  directory.receive('n3', view('', 'one:9', 'x:1'))
  directory.receive('n2', view('y:0', 'one:2', 'own:2'))
  assert.deepEqual(directory.list(), [
    { name: 'n1', address: 'one:2' },
    { name: 'n2', address: 'own:2' },
    { name: 'n3', address: 'y:0' },
  ])
})
