/** Transports in a simulated network: connections, silence, refusals, limits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limits } from '../protocol/limits.ts'
import {
  peersOf,
  type StartOptions,
  type TransportNode,
  TransportWorld,
} from '../testing/transport/transport-world.ts'
import { timing } from './timing.ts'
import { FrameType } from './types.ts'

/** Two nodes that dial each other, with all four connections up. */
function pair(world: TransportWorld, options: StartOptions = {}): [TransportNode, TransportNode] {
  const one = world.start('node1', options)
  const two = world.start('node2', options)
  join(world, one, two)
  return [one, two]
}

function join(world: TransportWorld, one: TransportNode, two: TransportNode): void {
  one.transport.setPeers(peersOf(two))
  two.transport.setPeers(peersOf(one))
  const isUp = (node: TransportNode): boolean => (node.transport.traffic()[0]?.connections ?? 0) >= 4
  world.world.runUntil(() => isUp(one) && isUp(two), 'both reach each other')
}

function say(
  from: TransportNode,
  to: TransportNode,
  text: string,
  lane: 'control' | 'bulk' = 'control',
): boolean {
  return from.transport.send(to.peerId, lane, FrameType.raft, 3, [Buffer.from(text)])
}

const texts = (node: TransportNode): string[] => node.frames.map((frame) => frame.payload.toString())

test('frames travel both ways, on both lanes, in order', () => {
  for (let seed = 1; seed <= 5; seed++) {
    const world = new TransportWorld(seed)
    const [one, two] = pair(world)
    for (let i = 0; i < 200; i++) {
      assert.ok(say(one, two, `${i}`, 'bulk'))
      assert.ok(say(two, one, `${i}`, 'bulk'))
    }
    world.world.runUntil(() => one.frames.length === 200 && two.frames.length === 200, 'all arrived')
    const expected = Array.from({ length: 200 }, (_, i) => `${i}`)
    assert.deepEqual(texts(one), expected)
    assert.deepEqual(texts(two), expected)
    assert.ok(one.frames.every((frame) => frame.from === two.peerId && frame.group === 3))
  }
})

test('a peer is announced once, however many connections there are', () => {
  const world = new TransportWorld(2)
  const [one, two] = pair(world)
  world.world.runFor(500)
  assert.deepEqual(
    one.peersSeen.map((peer) => [peer.name, peer.peerId, peer.redisAddress]),
    [['node2', two.peerId, 'node2:6379']],
  )
  assert.ok((one.peersSeen[0]?.wallMs ?? 0) > 0)
})

test('a peer that was not told about is answered over the connections it dialled', () => {
  const world = new TransportWorld(3)
  const one = world.start('node1')
  const two = world.start('node2')
  two.transport.setPeers(peersOf(one))
  world.world.runUntil(() => one.reaches(two), 'node2 dialled')
  assert.ok(say(one, two, 'hello'))
  world.world.runUntil(() => two.frames.length === 1, 'arrived')
})

test('sendTo() reaches an address whose node is not known by name', () => {
  const world = new TransportWorld(4)
  const one = world.start('node1')
  const two = world.start('node2')
  const [to] = peersOf(two)
  assert.ok(to !== undefined)
  one.transport.setPeers([{ name: '', address: to.address }])
  assert.equal(one.transport.sendTo(to.address, FrameType.formation, Buffer.from('x')), false)
  const send = () => one.transport.sendTo(to.address, FrameType.formation, Buffer.from('x'))
  world.world.runUntil(send, 'sent')
  world.world.runUntil(() => two.frames[0]?.type === FrameType.formation, 'arrived')
})

test('send() to nobody, or to a peer that is gone, is false', () => {
  const world = new TransportWorld(5)
  const [one, two] = pair(world)
  assert.equal(one.transport.send(12345, 'control', FrameType.raft, 0, []), false)
  world.host('node2').kill()
  world.world.runUntil(() => !one.reaches(two), 'noticed')
  assert.equal(say(one, two, 'anyone?'), false)
  assert.equal(one.transport.traffic()[0]?.framesDropped, 1)
})

test('a killed peer is reported lost at once, and is back soon after its restart', () => {
  const world = new TransportWorld(6)
  const [one] = pair(world)
  const killedMs = world.world.nowMs
  world.host('node2').kill()
  world.world.runUntil(() => one.controlLost.length > 0, 'the loss is noticed')
  assert.ok(world.world.nowMs - killedMs < 5, `${world.world.nowMs - killedMs} ms`)
  world.world.runFor(3_000)
  const again = world.start('node2')
  const startedMs = world.world.nowMs
  again.transport.setPeers(peersOf(one))
  world.world.runUntil(() => one.reaches(again) && again.reaches(one), 'joined again')
  // Node 2 dials at once, and node 1 does as soon as node 2 did, not when its own wait is over.
  assert.ok(world.world.nowMs - startedMs < 20, `${world.world.nowMs - startedMs} ms`)
  assert.equal(one.peersSeen.at(-1)?.bootId, again.hello.bootId)
})

test('a host that answered nothing is dialled anew as soon as it dials itself', () => {
  const world = new TransportWorld(40)
  const one = world.start('node1')
  one.transport.setPeers([{ name: 'node2', address: 'node2:9090' }])
  world.world.runFor(300)
  const two = world.start('node2')
  const startedMs = world.world.nowMs
  two.transport.setPeers(peersOf(one))
  world.world.runUntil(() => one.transport.sendTo('node2:9090', FrameType.raft, Buffer.from('x')), 'dialled')
  assert.ok(world.world.nowMs - startedMs < 20, `${world.world.nowMs - startedMs} ms`)
})

test('a peer that lost power is reported lost after its silence', () => {
  const world = new TransportWorld(7)
  const [one] = pair(world)
  const crashedMs = world.world.nowMs
  world.host('node2').crash()
  world.world.runUntil(() => one.controlLost.length > 0, 'the loss is noticed')
  const tookMs = world.world.nowMs - crashedMs
  assert.ok(
    tookMs > timing.controlSilentMs - timing.idlePingAfterMs - 100 && tookMs < timing.controlSilentMs + 200,
  )
})

test('a peer that restarts while nobody could notice is reported lost when it comes back', () => {
  const world = new TransportWorld(8)
  const [one] = pair(world)
  world.host('node2').crash()
  world.world.runFor(200)
  assert.deepEqual(one.controlLost, [])
  const again = world.start('node2')
  again.transport.setPeers(peersOf(one))
  world.world.runUntil(() => one.peersSeen.length === 2, 'the new run is seen')
  assert.ok(one.controlLost.length > 0)
  world.world.runUntil(() => one.reaches(again), 'connected')
})

test('no loss is reported for close(), for peers taken from the list, and for dials that fail', () => {
  const world = new TransportWorld(9)
  const [one, two] = pair(world)
  const three = world.start('node3')
  one.transport.setPeers([...peersOf(two), { name: 'node9', address: 'node9:9090' }])
  three.transport.setPeers([{ name: 'node4', address: 'node1:1' }])
  world.world.runFor(1_500)
  one.transport.setPeers([])
  world.world.runFor(100)
  one.transport.close(() => {})
  world.world.runFor(5_000)
  assert.deepEqual(one.controlLost, [])
  assert.deepEqual(three.controlLost, [])
  assert.ok(two.controlLost.length > 0)
})

test('close() ends with the listener closed and nothing running', () => {
  const world = new TransportWorld(10)
  const [one, two] = pair(world)
  let closed = 0
  one.transport.close(() => closed++)
  two.transport.close(() => closed++)
  world.world.runUntil(() => closed === 2, 'closed')
  world.world.runAll()
  assert.equal(world.network.connectionCount('node1'), 0)
})

test('reset connections come back, and frames flow again', () => {
  const world = new TransportWorld(11)
  const [one, two] = pair(world)
  for (let round = 0; round < 5; round++) {
    world.network.resetConnections('node1', 'node2')
    world.world.runUntil(() => one.controlLost.length > round && !one.reaches(two), 'loss is noticed')
    world.world.runUntil(() => one.reaches(two) && two.reaches(one), 'reconnected')
    one.frames.length = 0
    assert.ok(say(two, one, 'again'))
    world.world.runUntil(() => one.frames.length === 1, 'arrived')
  }
  assert.ok((one.transport.traffic()[0]?.connections ?? 0) >= 12)
})

test('lastHeardMs follows pings while nothing else is said, and stands still when the peer does', () => {
  const world = new TransportWorld(12)
  const [one, two] = pair(world)
  const silenceMs = (): number => one.seams.clock.monotonicMs() - one.transport.lastHeardMs(two.peerId)
  for (let i = 0; i < 100; i++) {
    world.world.runFor(50)
    assert.ok(silenceMs() <= timing.pingAfterMs + timing.tickMs + 5, `${silenceMs()} ms`)
  }
  world.host('node2').pause()
  world.world.runFor(1_000)
  assert.ok(silenceMs() > 900)
  assert.deepEqual(one.controlLost, [])
  assert.equal(one.transport.lastHeardMs(4711), -Infinity)
  const [traffic] = one.transport.traffic()
  assert.ok(
    traffic !== undefined && traffic.rttMs > 0.1 && traffic.rttMs < 2 && Math.abs(traffic.clockOffsetMs) < 2,
  )
})

test('nodes that stood still together, as on a suspended machine, do not blame each other', () => {
  const world = new TransportWorld(13)
  const [one, two] = pair(world)
  world.host('node1').pauseFor(10_000)
  world.host('node2').pauseFor(10_100)
  world.world.runFor(12_000)
  assert.deepEqual([one.controlLost, two.controlLost], [[], []])
  assert.ok(one.reaches(two) && two.reaches(one))
})

test('of the connections that a peer dialled for one lane only the newest is kept', () => {
  const world = new TransportWorld(42)
  const one = world.start('node1')
  const two = world.start('node2')
  two.transport.setPeers(peersOf(one))
  world.world.runUntil(() => one.transport.traffic()[0]?.connections === 2, 'connected')
  // The same node by another way: what it had before is dead, though nothing says so here.
  world.network.isolate('node2')
  const detour = world.start('detour', { hello: two.hello })
  detour.transport.setPeers(peersOf(one))
  world.world.runUntil(() => one.transport.traffic()[0]?.connections === 4, 'connected again')
  assert.equal(world.network.connectionCount('node1'), 2)
  assert.deepEqual(one.controlLost, [])
  say(one, detour, 'the new way')
  world.world.runUntil(() => detour.frames.length === 1, 'arrived')
})

test('a blocked direction is noticed and mended', () => {
  const world = new TransportWorld(14)
  const [one, two] = pair(world)
  world.network.block('node1', 'node2')
  world.world.runUntil(() => one.controlLost.length > 0 && two.controlLost.length > 0, 'silence is noticed')
  world.network.heal()
  world.world.runUntil(() => one.reaches(two) && two.reaches(one), 'mended')
})

test('R20: beyond the queue limit send() refuses, and the queue drains again', () => {
  const world = new TransportWorld(15)
  const [one, two] = pair(world)
  world.host('node2').pause()
  const chunk = Buffer.alloc(1024 * 1024)
  let sent = 0
  while (one.transport.send(two.peerId, 'bulk', FrameType.snapshot, 0, [chunk])) sent++
  assert.ok(one.transport.queuedBytes(two.peerId, 'bulk') <= limits.peerQueueBytes + 1024)
  assert.ok(sent >= 60 && sent <= 64, `${sent}`)
  assert.equal(one.transport.queuedBytes(two.peerId, 'control'), 0)
  assert.ok(say(one, two, 'votes pass'))
  world.host('node2').resume()
  world.world.runUntil(() => two.frames.length === sent + 1, 'everything arrived')
  assert.equal(one.transport.queuedBytes(two.peerId, 'bulk'), 0)
})

test('a slow bulk transfer is not taken for silence, nor does it delay control frames', () => {
  const world = new TransportWorld(16)
  const [one, two] = pair(world)
  world.network.setLink('node1', 'node2', { bytesPerMs: 2_000 })
  for (let i = 0; i < 15; i++) {
    assert.ok(one.transport.send(two.peerId, 'bulk', FrameType.snapshot, 0, [Buffer.alloc(4 * 1024 * 1024)]))
  }
  world.world.runUntil(() => two.frames.length === 15, 'all arrived', { timeoutMs: 120_000 })
  assert.deepEqual(one.controlLost, [])
  assert.equal(one.transport.traffic()[0]?.connections, 4)
})

test('a changed hello reaches connected peers, and those that were connecting', () => {
  for (let seed = 20; seed < 30; seed++) {
    const world = new TransportWorld(seed)
    const one = world.start('node1')
    const two = world.start('node2')
    one.transport.setPeers(peersOf(two))
    two.transport.setPeers(peersOf(one))
    world.world.runFor(world.world.random.float() * 2)
    one.transport.setHello({ ...one.hello, clusterId: 'cluster' })
    const seen = () => two.peersSeen.at(-1)?.clusterId === 'cluster'
    world.world.runUntil(() => seen() && one.reaches(two), 'the change is seen')
    say(one, two, 'x')
    world.world.runUntil(() => two.frames.length === 1, 'arrived')
    const [frame] = two.transport.peers()
    assert.equal(frame?.info.clusterId, 'cluster')
  }
})

test('R7: frames of a type that this version does not know are skipped', () => {
  const world = new TransportWorld(41)
  const [one, two] = pair(world)
  one.transport.send(two.peerId, 'control', 200 as FrameType, 0, [Buffer.from('from the future')])
  one.transport.send(two.peerId, 'control', 15 as FrameType, 0, [])
  say(one, two, 'known')
  world.world.runUntil(() => two.frames.length > 0, 'arrived')
  assert.deepEqual(texts(two), ['known'])
})

test('R7: programs whose protocol versions overlap talk to each other; those without a common one say so', () => {
  const world = new TransportWorld(41)
  const old = world.start('old', { versions: { min: 2, max: 2 } })
  const both = world.start('both', { versions: { min: 2, max: 3 } })
  const next = world.start('next', { versions: { min: 3, max: 4 } })
  const nodes = [old, both, next]
  for (const node of nodes) node.transport.setPeers(peersOf(...nodes.filter((other) => other !== node)))
  const talk = (one: TransportNode, two: TransportNode): boolean => one.reaches(two) && two.reaches(one)
  world.world.runUntil(() => talk(old, both) && talk(both, next), 'neighbours reach each other')
  assert.ok(say(old, both, 'from old') && say(next, both, 'from next', 'control') && say(both, old, 'to old'))
  world.world.runUntil(() => both.frames.length === 2 && old.frames.length === 1, 'frames arrive')
  assert.deepEqual(texts(both).sort(), ['from next', 'from old'])
  world.world.runUntil(() => old.refusals.length > 0 && next.refusals.length > 0, 'both are told')
  assert.match(
    old.refusals.join(),
    /no common protocol version: .*3-4.*; stop all nodes and start them with one version/,
  )
  assert.ok(!old.reaches(next) && !next.reaches(old))
})

test('R8: nodes of different clusters refuse each other, from the start or after joining one', () => {
  const world = new TransportWorld(31)
  const one = world.start('node1', { hello: { clusterId: 'A' } })
  const two = world.start('node2')
  join(world, one, two)
  two.transport.setHello({ ...two.hello, clusterId: 'B' })
  world.world.runUntil(() => !one.reaches(two) && !two.reaches(one), 'parted')
  world.world.runFor(10_000)
  assert.ok(!one.reaches(two) && !two.reaches(one))
  const reason = 'other cluster: node2 belongs to B, node1 to A'
  assert.ok(two.refusals.includes(reason) || two.refusals.some((text) => text.includes('node1 belongs to A')))
  assert.ok(one.refusals.length > 0 && one.refusals.length < 10, one.refusals.join('\n'))
  assert.deepEqual([one.controlLost, two.controlLost], [[], []])
  two.transport.setHello({ ...two.hello, clusterId: 'A' })
  world.world.runUntil(() => one.reaches(two) && two.reaches(one), 'together again')
})

test('R8: the name at an address is checked', () => {
  const world = new TransportWorld(32)
  const one = world.start('node1')
  world.start('node2')
  one.transport.setPeers([{ name: 'node3', address: 'node2:9090' }])
  world.world.runUntil(() => one.refusals.length > 0, 'refused')
  assert.deepEqual(one.refusals, ['expected node3, found node2'])
  one.transport.setPeers([{ name: 'node2', address: 'node2:9090' }])
  world.world.runUntil(() => one.transport.peers().length === 1, 'connected', { timeoutMs: 6_000 })
})

test('R8: an incarnation that the node does not admit is refused on both sides', () => {
  const world = new TransportWorld(33)
  const one = world.start('node1', {
    admit: (peer) => (peer.incarnation === 'old' ? `${peer.name} was removed from the cluster` : null),
  })
  const two = world.start('node2', { hello: { incarnation: 'old' } })
  two.transport.setPeers(peersOf(one))
  world.world.runUntil(() => one.refusals.length > 0 && two.refusals.length > 0, 'refused')
  assert.deepEqual(one.refusals, ['node2 was removed from the cluster'])
  assert.deepEqual(two.refusals, ['refused by the peer: node2 was removed from the cluster'])
  assert.deepEqual([one.peersSeen, two.peersSeen], [[], []])
})

test('R19: a wrong or missing cluster secret is refused and reported on both sides; the right one is not', () => {
  for (const secret of ['guess', '']) {
    const world = new TransportWorld(34)
    const one = world.start('node1', { clusterSecret: 's3cret' })
    const two = world.start('node2', { clusterSecret: secret })
    one.transport.setPeers(peersOf(two))
    two.transport.setPeers(peersOf(one))
    world.world.runFor(20_000)
    assert.ok(one.refusals.length > 0 && two.refusals.length > 0)
    assert.ok(one.refusals.concat(two.refusals).every((reason) => reason.includes('cluster secret')))
    assert.ok(one.refusals.length < 12, 'the log is not flooded')
    assert.deepEqual([one.peersSeen, two.peersSeen, one.controlLost, two.controlLost], [[], [], [], []])
  }
  pair(new TransportWorld(35), { clusterSecret: 's3cret' })
})

test('a node that dials itself notices', () => {
  const world = new TransportWorld(36)
  const one = world.start('node1')
  one.transport.setPeers(peersOf(one))
  world.world.runUntil(() => one.refusals.length > 0, 'noticed')
  assert.ok(one.refusals.includes('node1 reached itself'))
})

test('garbage on the peer port is refused and harms nobody', () => {
  const world = new TransportWorld(37)
  const [one, two] = pair(world)
  const stranger = world.host('stranger').start()
  const greetings = [
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    '\0'.repeat(100),
    '\x10\0\0\0'.repeat(20),
    'PING\r\n',
    '',
  ]
  let closedCount = 0
  for (const greeting of greetings) {
    stranger.network.connect({ host: 'node1', port: 9090 }, 1_000, (error, connection) => {
      assert.equal(error, null)
      connection.onData(() => {})
      connection.onClose(() => closedCount++)
      connection.write(Buffer.from(greeting, 'latin1'))
    })
  }
  world.world.runUntil(() => closedCount === greetings.length, 'all were closed')
  assert.ok(one.reaches(two))
  assert.deepEqual(one.controlLost, [])
})

test('R20: strangers cannot hold more than the allowed number of connections', () => {
  const world = new TransportWorld(38)
  const one = world.start('node1')
  const stranger = world.host('stranger').start()
  const open = (): number => world.network.connectionCount('stranger')
  for (let i = 0; i < limits.peerConnections + 50; i++) {
    stranger.network.connect({ host: 'node1', port: 9090 }, 1_000, (error, connection) => {
      assert.equal(error, null)
      connection.onData(() => {})
      connection.onClose(() => {})
    })
  }
  world.world.runFor(1_000)
  assert.equal(open(), limits.peerConnections)
  world.world.runFor(timing.handshakeMs)
  assert.equal(open(), 0)
  const two = world.start('node2')
  join(world, one, two)
})

test('the same seed gives the same events', () => {
  const run = (): string => {
    const world = new TransportWorld(39)
    const [one, two] = pair(world, { clusterSecret: 's3cret' })
    for (let i = 0; i < 20; i++) say(one, two, `${i}`)
    world.network.resetConnections('node1', 'node2')
    world.world.runFor(2_000)
    return world.world.hash
  }
  assert.equal(run(), run())
})

test('nothing is duplicated, damaged or reordered while connections break at random', () => {
  for (let seed = 50; seed < 56; seed++) {
    const world = new TransportWorld(seed)
    const [one, two] = pair(world)
    world.network.resetRate = 0.01
    for (let i = 0; i < 2_000; i++) {
      say(one, two, `${i}`)
      world.world.runFor(0.4)
    }
    world.network.resetRate = 0
    world.world.runUntil(() => one.reaches(two), 'reconnected')
    const numbers = texts(two).map(Number)
    assert.ok(numbers.length > 300, `${numbers.length} of 2000 arrived`)
    numbers.forEach((number, i) => {
      assert.ok(
        i === 0 || number > (numbers[i - 1] as number),
        `seed ${seed}: ${number} after ${numbers[i - 1]}`,
      )
    })
  }
})
