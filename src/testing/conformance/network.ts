/**
 * What every Network does, tested on the real and the simulated one alike. Faults are the simulator's own
 * tests.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Connection, Listener, Network } from '../../transport/network.ts'
import { settle, type Waiter } from './harness.ts'

const CONNECT_MS = 60_000

export interface NetworkFixture extends Waiter {
  readonly network: Network
  /** A host that `network` can listen on and connect to. */
  readonly host: string
  close(): Promise<void>
}

/** One end, with everything it heard. */
class Heard {
  readonly connection: Connection
  length = 0
  readonly #chunks: Buffer[] = []
  closes: (Error | null)[] = []
  drains = 0
  onBytes: (() => void) | null = null

  constructor(connection: Connection) {
    this.connection = connection
    connection.onData((bytes) => {
      this.#chunks.push(bytes)
      this.length += bytes.length
      this.onBytes?.()
    })
    connection.onClose((error) => this.closes.push(error))
    connection.onDrain(() => this.drains++)
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get closed(): boolean {
    return this.closes.length > 0
  }
}

class Fixture {
  readonly on: NetworkFixture
  readonly accepted: Heard[] = []
  listener: Listener | null = null

  constructor(on: NetworkFixture) {
    this.on = on
  }

  async listen(): Promise<Listener> {
    const address = { host: this.on.host, port: 0 }
    const accept = (connection: Connection): void => {
      this.accepted.push(new Heard(connection))
    }
    this.listener = await settle<Listener>(this.on, (done) => this.on.network.listen(address, accept, done))
    return this.listener
  }

  async connect(port: number): Promise<Heard> {
    const address = { host: this.on.host, port }
    return new Heard(
      await settle<Connection>(this.on, (done) => this.on.network.connect(address, CONNECT_MS, done)),
    )
  }

  /** A connected pair: [client, server]. */
  async pair(): Promise<[Heard, Heard]> {
    const listener = this.listener ?? (await this.listen())
    const before = this.accepted.length
    const client = await this.connect(listener.port)
    await this.on.wait(() => this.accepted.length > before)
    return [client, this.accepted[before] as Heard]
  }
}

/** Registers the suite; `make` is called once per test. */
export function networkConformance(name: string, make: () => Promise<NetworkFixture>): void {
  const withNetwork = (title: string, body: (fixture: Fixture) => Promise<void>): void => {
    test(title, async () => {
      const on = await make()
      const fixture = new Fixture(on)
      try {
        await body(fixture)
      } finally {
        for (const end of fixture.accepted) end.connection.destroy()
        fixture.listener?.close(() => {})
        await on.close()
      }
    })
  }
  describe(`Network conformance: ${name}`, () => {
    streamTests(withNetwork)
    flowTests(withNetwork)
    closeTests(withNetwork)
    listenTests(withNetwork)
  })
}

type WithNetwork = (title: string, body: (fixture: Fixture) => Promise<void>) => void

function streamTests(withNetwork: WithNetwork): void {
  withNetwork('bytes arrive in order, both ways, whole', async (f) => {
    const [client, server] = await f.pair()
    const chunks = Array.from({ length: 500 }, (_, i) => Buffer.alloc(1 + ((i * 131) % 900), i & 0xff))
    for (const chunk of chunks) {
      client.connection.write(chunk)
      server.connection.write(chunk)
    }
    const whole = Buffer.concat(chunks)
    await f.on.wait(() => client.length >= whole.length && server.length >= whole.length)
    assert.ok(whole.equals(client.bytes) && whole.equals(server.bytes))
    client.connection.destroy()
  })

  withNetwork(
    'writes wait for the end of the turn: bufferedBytes counts them, onDrain says when they went',
    async (f) => {
      const [client, server] = await f.pair()
      client.connection.write(Buffer.from('one '))
      client.connection.write(Buffer.from('two'))
      assert.equal(client.connection.bufferedBytes, 7)
      await f.on.wait(() => client.drains === 1)
      assert.equal(client.connection.bufferedBytes, 0)
      await f.on.wait(() => String(server.bytes) === 'one two')
      client.connection.destroy()
    },
  )
}

function flowTests(withNetwork: WithNetwork): void {
  withNetwork('a paused reader holds the writer back; resumed, it gets everything', async (f) => {
    const [client, server] = await f.pair()
    server.connection.pause()
    const chunk = Buffer.alloc(1_000_000, 3)
    for (let i = 0; i < 30; i++) client.connection.write(chunk)
    const [other, otherServer] = await f.pair()
    other.connection.write(Buffer.from('time passes'))
    await f.on.wait(() => String(otherServer.bytes) === 'time passes')
    assert.equal(server.length, 0, 'nothing is delivered while paused')
    assert.ok(client.connection.bufferedBytes > 0)
    server.connection.resume()
    await f.on.wait(() => server.length === 30_000_000)
    assert.equal(client.connection.bufferedBytes, 0)
    client.connection.destroy()
    other.connection.destroy()
  })
}

function closeTests(withNetwork: WithNetwork): void {
  withNetwork('end() sends what is buffered; then both ends close, without error, once', async (f) => {
    const [client, server] = await f.pair()
    client.connection.write(Buffer.alloc(200_000, 1))
    client.connection.end()
    client.connection.write(Buffer.from('too late'))
    await f.on.wait(() => client.closed && server.closed)
    assert.equal(server.bytes.length, 200_000)
    assert.deepEqual([client.closes, server.closes], [[null], [null]])
  })

  withNetwork('an end that is told the other end ended still sends what it has buffered', async (f) => {
    const [client, server] = await f.pair()
    server.onBytes = () => server.connection.write(Buffer.alloc(300_000, 2))
    client.connection.write(Buffer.from('x'))
    client.connection.end()
    await f.on.wait(() => client.closed && server.closed)
    assert.equal(client.bytes.length, 300_000)
    assert.deepEqual(client.closes, [null])
  })

  withNetwork('destroy() closes at once: no data afterwards here, an error or an end there', async (f) => {
    const [client, server] = await f.pair()
    server.connection.write(Buffer.from('x'))
    client.connection.destroy()
    client.connection.destroy()
    const before = client.bytes.length
    assert.equal(client.closed, false, 'never inside the call')
    await f.on.wait(() => client.closed && server.closed)
    assert.deepEqual(client.closes, [null])
    assert.equal(client.bytes.length, before)
    assert.equal(client.connection.bufferedBytes, 0)
    client.connection.write(Buffer.from('ignored'))
    assert.equal(client.connection.bufferedBytes, 0)
  })
}

function listenTests(withNetwork: WithNetwork): void {
  withNetwork('connecting where nobody listens is refused', async (f) => {
    const listener = await f.listen()
    await settle(f.on, (done) => listener.close(done))
    f.listener = null
    await assert.rejects(f.connect(listener.port), { code: 'ECONNREFUSED' })
  })

  withNetwork('a port has one listener', async (f) => {
    const listener = await f.listen()
    const address = { host: f.on.host, port: listener.port }
    const again = settle<Listener>(f.on, (done) => f.on.network.listen(address, () => {}, done))
    await assert.rejects(again, { code: 'EADDRINUSE' })
  })

  withNetwork('closing a listener leaves its connections alone', async (f) => {
    const listener = await f.listen()
    const [client, server] = await f.pair()
    await settle(f.on, (done) => listener.close(done))
    f.listener = null
    client.connection.write(Buffer.from('still here'))
    await f.on.wait(() => String(server.bytes) === 'still here')
    assert.match(client.connection.remote, /:\d+$/)
    client.connection.destroy()
  })
}
