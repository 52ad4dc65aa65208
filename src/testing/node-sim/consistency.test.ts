/** Reads of every consistency, listings and watches over three simulated nodes without faults of their own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ListingPage, PinnedSnapshot } from '../../cluster/clients/listing.ts'
import type { Consistency, Result } from '../../cluster/execute.ts'
import { must } from '../../lib/assert.ts'
import { command } from './commands.ts'
import type { Machine } from './machine.ts'
import { optionsOf, SmallCluster } from './small-cluster.ts'

const FROM = Buffer.alloc(0)

test('a stale read with a least revision waits for it, and says BEHIND when it does not come', () => {
  const cluster = new SmallCluster()
  const { follower, leader } = cluster
  cluster.run(leader, ['set', 'k', 'v1'])
  cluster.network.isolate(follower.name)
  cluster.run(leader, ['set', 'k', 'v2'])
  const minRevision = must(leader.node, 'node').position().revision
  const stale = { consistency: 'stale' } as const
  assert.equal(cluster.run(leader, ['get', 'k'], { ...stale, minRevision }), '$2\r\nv2\r\n')
  const deadlineMs = follower.nowMs() + 100
  assert.match(
    cluster.run(follower, ['get', 'k'], { ...stale, minRevision, deadlineMs }),
    /^-TRYAGAIN this node did not/,
  )
  const answers: string[] = []
  follower.sim.process.schedule(0, 'ask', () => {
    const node = must(follower.node, 'node')
    const options = { ...optionsOf(follower, node), ...stale, minRevision }
    node.execute(command('get', 'k'), options, ({ reply }) => answers.push(reply.toString()))
  })
  cluster.network.heal()
  cluster.until('the revision comes', () => answers.length > 0)
  assert.deepEqual(answers, ['$2\r\nv2\r\n'])
})

test('a read of the leader asks nobody, and stands behind the writes ahead of it on its connection', () => {
  const cluster = new SmallCluster()
  const { leader } = cluster
  const rounds = (): number => must(leader.node, 'node').status().counters.read_rounds ?? -1
  const before = rounds()
  const reply = cluster.ask<Result>(leader, (node, answer) => {
    const options = { ...optionsOf(leader, node), consistency: 'leader' as Consistency }
    node.execute(command('set', 'k', 'v'), options, () => {})
    node.execute(command('get', 'k'), options, answer)
  })
  assert.equal(reply.reply.toString(), '$1\r\nv\r\n')
  assert.equal(rounds(), before)
  assert.equal(cluster.run(cluster.follower, ['get', 'k'], { consistency: 'leader' }), '$1\r\nv\r\n')
})

test('R12: a read that waits for a tick has it brought at once, at a leader that rests, too', () => {
  const cluster = new SmallCluster()
  const { leader, world } = cluster
  const pass = (ms: number): void => {
    const endMs = world.nowMs + ms
    cluster.until(`${ms} ms to pass`, () => world.nowMs >= endMs)
  }
  for (let i = 0; i < 20; i++) {
    pass(150 + i)
    cluster.run(leader, ['set', 'k', 'v', 'px', '3'])
    pass(4)
    const sinceMs = world.nowMs
    assert.equal(cluster.run(leader, ['get', 'k'], { consistency: 'leader' }), '$-1\r\n')
    assert.ok(world.nowMs - sinceMs < 5, `${world.nowMs - sinceMs} ms`)
  }
})

test('the position tells what the status tells', () => {
  const cluster = new SmallCluster()
  for (const { node } of cluster.machines) {
    const { revision, appliedIndex, term, name, leader } = must(node, 'node').status()
    const position = must(node, 'node').position()
    const told = [position.revision, position.appliedIndex, position.term, position.node, position.leader]
    assert.deepEqual(told, [revision, appliedIndex, term, name, leader])
  }
})

test('a listing at a follower has every write that was acknowledged before, and stays as it is', () => {
  const cluster = new SmallCluster()
  const { follower, leader } = cluster
  for (let i = 0; i < 30; i++) cluster.run(leader, ['set', `k${i}`, 'v'])
  const snapshot = cluster.ask<PinnedSnapshot>(follower, (node, answer) =>
    node.openSnapshot({ ...optionsOf(follower, node), database: 0 }, (opened) =>
      answer(must(opened, 'snapshot')),
    ),
  )
  assert.equal(snapshot.revision, 30)
  cluster.run(leader, ['flushall'])
  const options = { from: FROM, to: null, reverse: false, limit: 100, maxBytes: 1_000_000, keysOnly: true }
  const page = cluster.ask<ListingPage | string>(follower, (_node, answer) => snapshot.page(options, answer))
  assert(typeof page === 'object')
  assert.equal(page.entries.length, 30)
})

test('a watch survives its node: another one tells the rest, without a gap', () => {
  const cluster = new SmallCluster()
  const { leader, follower } = cluster
  const seen: string[] = []
  const follow = (machine: Machine, after: number): void => {
    const watch = must(machine.node, 'node').watch({ database: 0, from: FROM, to: null, after }, () => {
      for (let taken = watch?.take(10, 1_000); taken !== undefined && taken.length > 0; ) {
        assert(taken !== 'compacted')
        for (const { revision, key } of taken) seen.push(`${revision} ${key}`)
        taken = watch?.take(10, 1_000)
      }
    })
  }
  follow(leader, 0)
  cluster.run(leader, ['set', 'a', '1'])
  cluster.run(leader, ['set', 'b', '1'])
  cluster.until('both are seen', () => seen.length === 2)
  leader.kill()
  follow(follower, 2)
  cluster.run(follower, ['set', 'c', '1'])
  cluster.run(follower, ['del', 'a'])
  cluster.until('the rest is seen', () => seen.length === 4)
  assert.deepEqual(seen, ['1 a', '2 b', '3 c', '4 a'])
  leader.start()
  cluster.until('it is back', () => leader.node?.host != null && leader.node.position().revision === 4)
  seen.length = 0
  follow(leader, 1)
  cluster.until('the restarted node tells it again', () => seen.length === 3)
  assert.deepEqual(seen, ['2 b', '3 c', '4 a'])
})
