/** R7 over whole simulated nodes: programs of different engine levels in one cluster, and what older ones are told. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Result } from '../../cluster/execute.ts'
import { ENGINE_LEVEL, FIRST_LEVEL } from '../../engine/level.ts'
import { must } from '../../lib/assert.ts'
import { command } from './commands.ts'
import { addressOf, type Machine } from './machine.ts'
import { optionsOf, SmallCluster } from './small-cluster.ts'

/** What a machine answers to a command that the newest level brought. */
function newest(cluster: SmallCluster, machine: Machine): string {
  const { reply } = cluster.ask<Result>(machine, (node, answer) => {
    const later = command('set', 'k', 'v')
    node.execute({ ...later, spec: { ...later.spec, level: ENGINE_LEVEL } }, optionsOf(machine, node), answer)
  })
  return reply.toString()
}

function levels({ machines }: SmallCluster): (number | undefined)[] {
  return machines.map(({ node }) => node?.engine.engineLevel)
}

function upgrade(cluster: SmallCluster, machine: Machine, program = ENGINE_LEVEL): void {
  machine.program = program
  machine.kill()
  machine.start()
  cluster.until(`${machine.name} runs`, () => machine.isUp && must(machine.node, 'node').status().ready)
}

const ALL = [ENGINE_LEVEL, ENGINE_LEVEL, ENGINE_LEVEL]

test('R7: a new cluster has its full level before any node is ready', () => {
  const cluster = new SmallCluster()
  assert.deepEqual(levels(cluster), ALL)
  for (const machine of cluster.machines) assert.equal(newest(cluster, machine), '+OK\r\n')
})

test('R7: new commands are refused while one member is older, and accepted once all know them', () => {
  const cluster = new SmallCluster({ n3: FIRST_LEVEL })
  const [n1, n2, n3] = cluster.machines as [Machine, Machine, Machine]
  assert.deepEqual(levels(cluster), [FIRST_LEVEL, FIRST_LEVEL, FIRST_LEVEL])
  assert.match(newest(cluster, n1), /^-TRYAGAIN a node of the cluster .* was not applied\r\n$/)
  assert.equal(cluster.run(n3, ['set', 'old', '1']), '+OK\r\n')
  upgrade(cluster, n3)
  cluster.until('the level is raised everywhere', () =>
    levels(cluster).every((level) => level === ENGINE_LEVEL),
  )
  for (const machine of [n1, n2, n3]) assert.equal(newest(cluster, machine), '+OK\r\n')
  assert.equal(cluster.run(n2, ['get', 'old']), '$1\r\n1\r\n')
})

test('R7: a member that is down holds the level back until it is back with the new program', () => {
  const cluster = new SmallCluster({ n1: FIRST_LEVEL, n2: FIRST_LEVEL, n3: FIRST_LEVEL })
  const [n1, n2, n3] = cluster.machines as [Machine, Machine, Machine]
  n3.kill()
  upgrade(cluster, n1)
  upgrade(cluster, n2)
  const restMs = cluster.world.nowMs + 3_000
  cluster.until('three seconds', () => cluster.world.nowMs >= restMs)
  assert.deepEqual([n1.node?.engine.engineLevel, n2.node?.engine.engineLevel], [FIRST_LEVEL, FIRST_LEVEL])
  assert.match(newest(cluster, n1), /^-TRYAGAIN /)
  upgrade(cluster, n3)
  cluster.until('the level is raised everywhere', () =>
    levels(cluster).every((level) => level === ENGINE_LEVEL),
  )
})

test('R7: the level is kept over the loss of every process, and an older program ends with the remedy', () => {
  const cluster = new SmallCluster()
  const [n1] = cluster.machines as [Machine]
  // Alone it learns nothing anew: what it knows it has kept.
  for (const machine of cluster.machines) machine.kill()
  n1.program = FIRST_LEVEL
  assert.throws(() => {
    n1.start()
    cluster.until('its end', () => !n1.sim.running)
  })
  const told = cluster.notes.filter((note) => note.startsWith('n1 ended itself'))
  assert.match(
    told.join(),
    /engine level 2 is newer than this program.*start the node with the version that wrote/,
  )
  for (const machine of cluster.machines) machine.start()
  cluster.until('all are ready', () =>
    cluster.machines.every(({ node }) => node?.host != null && node.status().ready),
  )
  assert.deepEqual(levels(cluster), ALL)
})

test('R7: an older program cannot join a cluster above its level; the operator is told why', () => {
  const cluster = new SmallCluster()
  const n4 = cluster.machine('n4', ['n1', 'n2', 'n3', 'n4'], FIRST_LEVEL)
  n4.start()
  const request = { kind: 'addNode', name: 'n4', peerAddress: addressOf('n4') } as const
  const add = (): string =>
    cluster.ask<string>(cluster.leader, (node, answer) =>
      node.admin(request, (error) => answer(error ?? 'done')),
    )
  assert.match(add(), /n4 runs a version .* level 1, the cluster is at 2: start n4 with the version of/)
  n4.program = ENGINE_LEVEL
  n4.kill()
  n4.start()
  assert.equal(add(), 'done')
  cluster.until('n4 is at the level', () => n4.node?.engine.engineLevel === ENGINE_LEVEL)
})
