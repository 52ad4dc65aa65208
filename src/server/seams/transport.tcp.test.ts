/** The transport over real sockets: what the simulation cannot vouch for. */
import assert from 'node:assert/strict'
import { createConnection } from 'node:net'
import { test } from 'node:test'
import { peerIdOf } from '../../protocol/members.ts'
import { openTransport } from '../../transport/transport.ts'
import { FrameType, type HelloInfo, type Transport, type TransportHandlers } from '../../transport/types.ts'
import { RealClock } from './real-clock.ts'
import { RealNetwork } from './real-network.ts'
import { RealRandom } from './real-random.ts'

const HOST = '127.0.0.1'
const WAIT_MS = 120_000

interface Heard {
  readonly payloads: Buffer[]
  readonly lost: number[]
  readonly refused: string[]
}

function helloOf(name: string): HelloInfo {
  const addresses = { redisAddress: '', httpAddress: '', engineLevel: 1 }
  return { name, incarnation: `${name}-1`, bootId: `${name}-boot`, clusterId: '', ...addresses, wallMs: 0 }
}

function open(name: string, clusterSecret = 's3cret', clock = new RealClock()): Promise<[Transport, Heard]> {
  const heard: Heard = { payloads: [], lost: [], refused: [] }
  const handlers: TransportHandlers = {
    onFrame: (_from, _type, _group, payload) => heard.payloads.push(payload),
    onPeer: () => {},
    onControlLost: (peer) => heard.lost.push(peer),
    onRefused: (_remote, reason) => heard.refused.push(reason),
  }
  const seams = { network: new RealNetwork(), clock, random: new RealRandom() }
  const options = { ...seams, listen: { host: HOST, port: 0 }, hello: helloOf(name), clusterSecret, handlers }
  return new Promise((resolve, reject) => {
    openTransport(options, (error, transport) => {
      if (error === null) resolve([transport, heard])
      else reject(error)
    })
  })
}

/** No silence lasts for long by it: what is noticed is noticed without it. Timers fire as always. */
class StandingClock extends RealClock {
  override monotonicMs(): number {
    return 0
  }
}

/** Waits until `condition` holds, looking once per turn of the event loop. */
async function until(condition: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + WAIT_MS
  while (!condition()) {
    assert.ok(performance.now() < deadlineMs, `${what}: not within ${WAIT_MS} ms`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

function close(...transports: readonly Transport[]): Promise<unknown> {
  return Promise.all(transports.map((transport) => new Promise<void>((done) => transport.close(done))))
}

const idOf = (name: string): number => peerIdOf(name, `${name}-1`)
const addressOf = (name: string, transport: Transport) => ({ name, address: `${HOST}:${transport.port}` })

test('R19: two transports meet over TCP, small and large frames arrive in order', async () => {
  const [one, heardByOne] = await open('node1')
  const [two, heardByTwo] = await open('node2')
  one.setPeers([addressOf('node2', two)])
  two.setPeers([addressOf('node1', one)])
  await until(() => one.traffic()[0]?.connections === 4 && two.traffic()[0]?.connections === 4, 'connected')
  const large = Buffer.alloc(3 * 1024 * 1024, 7)
  for (let i = 0; i < 2_000; i++) {
    assert.ok(one.send(idOf('node2'), 'bulk', FrameType.raft, 1, [Buffer.from(`${i}`)]))
    if (i % 500 === 0)
      assert.ok(one.send(idOf('node2'), 'bulk', FrameType.raft, 1, [Buffer.from('L'), large]))
  }
  assert.ok(two.send(idOf('node1'), 'control', FrameType.raft, 1, [Buffer.from('back')]))
  await until(() => heardByTwo.payloads.length === 2_004 && heardByOne.payloads.length === 1, 'arrived')
  const small = heardByTwo.payloads.filter((payload) => payload.length < 10).map(Number)
  assert.deepEqual(
    small,
    Array.from({ length: 2_000 }, (_, i) => i),
  )
  const arrived = heardByTwo.payloads.filter((payload) => payload.length > 10)
  assert.ok(arrived.every((payload) => payload.subarray(1).equals(large)))
  await close(one, two)
  assert.deepEqual([heardByOne.refused, heardByTwo.refused], [[], []])
})

test('a transport that closes is noticed by the end of its connection, not by its silence', async () => {
  const [one, heard] = await open('node1', 's3cret', new StandingClock())
  const [two] = await open('node2')
  const address = addressOf('node2', two)
  one.setPeers([address])
  await until(() => one.peers().some((peer) => peer.controlUp), 'connected')
  await close(two)
  await until(() => heard.lost.includes(idOf('node2')), 'noticed')
  assert.equal(one.send(idOf('node2'), 'control', FrameType.raft, 0, []), false)
  await close(one)
})

test('R19, R20: garbage and wrong secrets are turned away over TCP', async () => {
  const [one, heard] = await open('node1')
  const [two, heardByTwo] = await open('node2', 'guess')
  two.setPeers([addressOf('node1', one)])
  const socket = createConnection({ host: HOST, port: one.port })
  socket.on('error', () => {})
  let isClosed = false
  socket.on('close', () => {
    isClosed = true
  })
  socket.resume()
  socket.write('GET / HTTP/1.1\r\n\r\n')
  await until(() => isClosed, 'the stranger is turned away')
  await until(() => heard.refused.length >= 2 && heardByTwo.refused.length >= 1, 'the guesser is turned away')
  assert.ok(heard.refused.includes('the cluster secret does not match'))
  assert.deepEqual([one.peers(), two.peers()], [[], []])
  await close(one, two)
})
