/** Membership changes whose answer is lost, over whole simulated nodes: asked for again, they are found done. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AdminRequest } from '../../cluster/execute.ts'
import { must } from '../../lib/assert.ts'
import { addressOf, type Machine } from './machine.ts'
import { SmallCluster } from './small-cluster.ts'

/** Asks again until the answer is not that nobody leads, as an administrator does. */
function administer(cluster: SmallCluster, machine: Machine, request: AdminRequest): string {
  for (;;) {
    const answer = cluster.ask<string>(machine, (node, done) =>
      node.admin(request, (error) => done(error ?? 'done')),
    )
    if (!/no leader|does not lead|cannot be reached|was lost/.test(answer)) return answer
    const restMs = cluster.world.nowMs + 100
    cluster.until('a moment', () => cluster.world.nowMs >= restMs)
  }
}

test('a replacement, an addition and a removal are found done by the next leader, too', () => {
  const cluster = new SmallCluster()
  const [n1, n2, n3] = cluster.machines as [Machine, Machine, Machine]
  const replace = { kind: 'replaceNode', old: 'n3', name: 'n3', peerAddress: addressOf('n3') } as const
  for (let round = 0; round < 2; round++) {
    n3.wipe()
    n3.start()
    assert.equal(administer(cluster, n1, replace), 'done')
    assert.equal(administer(cluster, n2, replace), 'done')
  }
  const n4 = cluster.machine('n4', ['n1', 'n2', 'n3', 'n4'])
  n4.start()
  const add = { kind: 'addNode', name: 'n4', peerAddress: addressOf('n4') } as const
  assert.equal(administer(cluster, n1, add), 'done')
  const { leader } = cluster
  leader.kill()
  leader.start()
  const removal = { kind: 'removeNode', name: 'n4' } as const
  for (const request of [add, replace, removal, removal])
    assert.equal(administer(cluster, n2, request), 'done')
  assert.match(administer(cluster, n2, { kind: 'removeNode', name: 'n5' }), /^n5 is not a member/)
  const members = n2.node?.status().peers.map(({ member }) => member.name)
  assert.deepEqual(members?.sort(), ['n1', 'n2', 'n3'])
})

test('a replacement that was done is not taken for the next one while the lost self still seems connected', () => {
  const cluster = new SmallCluster()
  const [n1, , n3] = cluster.machines as [Machine, Machine, Machine]
  const replace = { kind: 'replaceNode', old: 'n3', name: 'n3', peerAddress: addressOf('n3') } as const
  n3.wipe()
  n3.start()
  assert.equal(administer(cluster, n1, replace), 'done')
  // Power is lost: nobody closes its connections, and it takes seconds to miss it.
  n3.wipe()
  const answers: string[] = []
  const lostMs = cluster.world.nowMs
  cluster.until('what it had sent is there', () => cluster.world.nowMs >= lostMs + 20)
  for (const machine of [n1, cluster.leader]) {
    machine.sim.process.schedule(0, 'ask', () =>
      must(machine.node, 'node').admin(replace, (error) => answers.push(error ?? 'done')),
    )
  }
  cluster.until('two seconds', () => cluster.world.nowMs >= lostMs + 2_000)
  assert.deepEqual(answers, [])
  n3.start()
  cluster.until('both answers', () => answers.length === 2)
  assert.deepEqual(answers, ['done', 'done'])
  const { confState, peers } = must(cluster.leader.node, 'node').status()
  const newSelf = must(n3.node, 'node').status().peerId
  assert.ok(confState.voters.includes(newSelf))
  assert.equal(peers.find(({ member }) => member.name === 'n3')?.member.peerId, newSelf)
})

test('a member that was emptied is not taken for one that was added', () => {
  const cluster = new SmallCluster()
  const [n1, , n3] = cluster.machines as [Machine, Machine, Machine]
  n3.wipe()
  n3.start()
  const add = { kind: 'addNode', name: 'n3', peerAddress: addressOf('n3') } as const
  const sinceMs = cluster.world.nowMs
  cluster.until('it is seen', () => cluster.world.nowMs > sinceMs + 1_000)
  assert.match(
    administer(cluster, n1, add),
    /to give its place to a wiped node of that name use 'node replace'/,
  )
})
