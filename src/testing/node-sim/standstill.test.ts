/**
 * R15 over whole simulated nodes: requests wait in a process that stands still for longer than they may take. What
 * they came to is asked of the others then, and told; nobody is refused for the time in which nobody looked.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '../../lib/assert.ts'
import { command } from './commands.ts'
import type { Machine } from './machine.ts'
import { optionsOf, SmallCluster } from './small-cluster.ts'

/** Longer than the hold limit and than the deadline of the requests. */
const STOPPED_MS = 6_000
const REQUESTS = 20

/** Requests that are given at `machine` in the turn after which `stopped` stand still; their replies, in order. */
function askAndStop(
  cluster: SmallCluster,
  machine: Machine,
  stopped: readonly Machine[],
  afterMs = 0,
): string[] {
  const replies: string[] = []
  machine.sim.process.schedule(0, 'ask', () => {
    const node = must(machine.node, 'node')
    const options = optionsOf(machine, node)
    for (let i = 0; i < REQUESTS; i++) {
      const request = i % 2 === 0 ? command('incr', 'n') : command('get', 'n')
      node.execute(request, options, ({ reply }) => replies.push(reply.toString().trim()))
    }
    cluster.world.schedule(afterMs, 'stop', () => {
      for (const { sim } of stopped) sim.pauseFor(STOPPED_MS)
    })
  })
  cluster.until('every answer', () => replies.length === REQUESTS)
  return replies
}

/** What REQUESTS increments and reads in turn answer when each is done once. */
const expected = Array.from({ length: REQUESTS }, (_, i) => {
  const value = `${Math.floor(i / 2) + 1}`
  return i % 2 === 0 ? `:${value}` : `$${value.length}\r\n${value}`
})

for (const afterMs of [0, 0.2, 1]) {
  test(`what waits in a leader that stands still for 6 s from ${afterMs} ms on is answered`, () => {
    const cluster = new SmallCluster()
    const { leader } = cluster
    assert.deepEqual(askAndStop(cluster, leader, [leader], afterMs), expected)
  })

  test(`what waits in a follower that stands still for 6 s from ${afterMs} ms on is answered`, () => {
    const cluster = new SmallCluster()
    const { follower } = cluster
    assert.deepEqual(askAndStop(cluster, follower, [follower], afterMs), expected)
  })

  test(`what waits while every node stands still for 6 s from ${afterMs} ms on is answered`, () => {
    const cluster = new SmallCluster()
    assert.deepEqual(askAndStop(cluster, cluster.follower, cluster.machines, afterMs), expected)
  })
}

test('a node that went on cut off from the others still answers within its patience', () => {
  const cluster = new SmallCluster()
  const { follower } = cluster
  const sinceMs = cluster.world.nowMs
  cluster.network.isolate(follower.name)
  const replies = askAndStop(cluster, follower, [follower])
  for (const reply of replies) assert.match(reply, /^-(MASTERDOWN|UNKNOWN) /)
  assert.ok(cluster.world.nowMs - sinceMs < STOPPED_MS + 6_000)
})
