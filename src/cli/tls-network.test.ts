/** The network seam over TLS passes the suite that it passes over TCP; and a cluster changes from one to the other. */
import assert from 'node:assert/strict'
import { createConnection } from 'node:net'
import { after, describe, test } from 'node:test'
import { silentLogger } from '../lib/logger.ts'
import { limits } from '../protocol/limits.ts'
import { resolveConfig } from '../server/config.ts'
import { RealClock } from '../server/seams/real-clock.ts'
import { RealNetwork } from '../server/seams/real-network.ts'
import { NodeTls } from '../server/tls/node-tls.ts'
import { realWaiter } from '../testing/conformance/harness.ts'
import { networkConformance } from '../testing/conformance/network.ts'
import type { Connection, Listener } from '../transport/network.ts'
import { TestAuthority } from './testing/certificates.ts'

const authority = new TestAuthority()
const HOST = '127.0.0.1'
const CONNECT_MS = 60_000

after(() => authority.remove())

function networkOf(name: string, mode: 'on' | 'off' | 'both', hosts?: readonly string[]): RealNetwork {
  const flags = { ...authority.flags(authority.make('node', name, hosts)), 'tls-peer': mode }
  const { config } = resolveConfig({ flags, env: {}, readFile: () => '' })
  return new RealNetwork(new NodeTls(config, new RealClock(), silentLogger).peers)
}

const shared = { on: networkOf('suite', 'on'), both: networkOf('suite2', 'both') }

for (const mode of ['on', 'both'] as const) {
  networkConformance(`TLS ${mode}`, async () => ({
    network: shared[mode],
    host: HOST,
    close: async () => {},
    ...realWaiter,
  }))
}

function listen(network: RealNetwork, onConnection: (connection: Connection) => void): Promise<Listener> {
  return new Promise((resolve, reject) => {
    network.listen({ host: HOST, port: 0 }, onConnection, (error, listener) => {
      if (error === null) resolve(listener)
      else reject(error)
    })
  })
}

function connect(network: RealNetwork, port: number): Promise<Connection> {
  return new Promise((resolve, reject) => {
    network.connect({ host: HOST, port }, CONNECT_MS, (error, connection) => {
      if (error === null) resolve(connection)
      else reject(error)
    })
  })
}

/** How what `from` says arrives at `to`. */
async function say(from: RealNetwork, to: RealNetwork): Promise<string> {
  let heard: (text: string) => void = () => {}
  const text = new Promise<string>((resolve) => {
    heard = resolve
  })
  const listener = await listen(to, (connection) => {
    connection.onClose(() => {})
    connection.onDrain(() => {})
    connection.onData((bytes) => {
      // Who speaks no TLS hears the attempt first.
      if (String(bytes) === 'frame') heard(connection.identity == null ? 'plain' : 'TLS')
      connection.destroy()
    })
  })
  try {
    const connection = await connect(from, listener.port)
    connection.onClose(() => {})
    connection.write(Buffer.from('frame'))
    return await text
  } finally {
    listener.close(() => {})
  }
}

test('R20: of more unfinished handshakes than the limit the oldest give way, and a node still gets in', async () => {
  for (const network of [shared.on, shared.both]) {
    const listener = await listen(network, (connection) => {
      connection.onClose(() => {})
      connection.onData((bytes) => connection.write(bytes))
    })
    const closed: number[] = []
    const silent = Array.from({ length: limits.tlsHandshakes + 20 }, (_, i) => {
      const socket = createConnection({ host: HOST, port: listener.port })
      socket.on('error', () => {})
      socket.on('close', () => closed.push(i))
      return socket
    })
    await realWaiter.wait(() => closed.length >= 20)
    // Later their time is over, too.
    const gaveWay = closed.length
    const connection = await connect(shared.on, listener.port)
    connection.onClose(() => {})
    connection.destroy()
    assert.ok(gaveWay < silent.length)
    for (const socket of silent) socket.destroy()
    listener.close(() => {})
  }
})

describe('--tls-peer', () => {
  const plain = new RealNetwork()
  const both = networkOf('both', 'both')
  const on = networkOf('on', 'on')

  test('both goes with plain text and with TLS, in either direction; on goes with TLS alone', async () => {
    assert.equal(await say(plain, both), 'plain')
    assert.equal(await say(both, plain), 'plain')
    assert.equal(await say(both, both), 'TLS')
    assert.equal(await say(both, on), 'TLS')
    assert.equal(await say(on, both), 'TLS')
    await assert.rejects(say(on, plain))
  })

  test('both ends know whom the certificate is for; a resumed session shows the same', async () => {
    const listener = await listen(on, (connection) => {
      connection.onClose(() => {})
      connection.onData((bytes) => connection.write(bytes))
    })
    for (let round = 0; round < 3; round++) {
      const connection = await connect(both, listener.port)
      const covers = ['on', HOST, 'both', 'localhost'].map((name) => connection.identity?.covers(name))
      assert.deepEqual(covers, [true, true, false, true], `round ${round}`)
      const echoed = new Promise((resolve) => connection.onData(resolve))
      connection.onClose(() => {})
      connection.write(Buffer.from('x'))
      await echoed
      connection.destroy()
    }
    listener.close(() => {})
  })
})
