/** The simulated network: streams in order, partitions, resets, half-open connections. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Connection, Network } from '../../transport/network.ts'
import { SimNetwork, type SimNetworkOptions } from './network.ts'
import { SimNode } from './node.ts'
import { SimWorld } from './world.ts'

interface End {
  readonly connection: Connection
  text: string
  readonly closes: string[]
}

function end(connection: Connection): End {
  const self: End = { connection, text: '', closes: [] }
  connection.onData((bytes) => {
    self.text += String(bytes)
  })
  connection.onClose((error) => self.closes.push(error === null ? 'end' : error.message.slice(0, 9)))
  connection.onDrain(() => {})
  return self
}

class Pair {
  readonly world: SimWorld
  readonly network: SimNetwork
  readonly a: SimNode
  readonly b: SimNode
  readonly accepted: End[] = []
  fromA: Network

  constructor(seed: number, options: SimNetworkOptions = {}) {
    this.world = new SimWorld(seed)
    this.network = new SimNetwork(this.world, options)
    this.a = new SimNode(this.network, 'a')
    this.b = new SimNode(this.network, 'b')
    this.fromA = this.a.start().network
    this.startB()
  }

  startB(): void {
    const { network } = this.b.start()
    network.listen(
      { host: '', port: 1 },
      (connection) => this.accepted.push(end(connection)),
      (error) => {
        assert.equal(error, null)
      },
    )
    this.world.runFor(1)
  }

  /** The outcome of connecting from a to b: the connection, or the error's code. */
  dial(timeoutMs = 3_000): { end: End | null; code: string } {
    const outcome: { end: End | null; code: string } = { end: null, code: '' }
    this.fromA.connect({ host: 'b', port: 1 }, timeoutMs, (error, connection) => {
      if (error === null) outcome.end = end(connection)
      else outcome.code = error.message.split(':')[0] ?? ''
    })
    this.world.runUntil(() => outcome.end !== null || outcome.code !== '')
    return outcome
  }

  /** A connected pair: [at a, at b]. */
  connect(): [End, End] {
    const before = this.accepted.length
    const mine = this.dial().end
    assert.ok(mine !== null)
    this.world.runUntil(() => this.accepted.length > before)
    const theirs = this.accepted[before]
    assert.ok(theirs !== undefined)
    return [mine, theirs]
  }
}

test('bytes arrive in order under jitter and segmentation; the chunking varies', () => {
  const pair = new Pair(1, { link: { jitterMs: 5 } })
  const [mine, theirs] = pair.connect()
  let expected = ''
  for (let i = 0; i < 300; i++) {
    pair.world.schedule(i * 0.3, 'write', () => {
      expected += `<${i}>`
      mine.connection.write(Buffer.from(`<${i}>`))
    })
  }
  pair.world.runFor(1_000)
  assert.equal(theirs.text, expected)
})

test('a partition is silence; when it heals, what was sent arrives', () => {
  const pair = new Pair(2)
  const [mine, theirs] = pair.connect()
  pair.network.partition(['a'], ['b'])
  mine.connection.write(Buffer.from('hello'))
  pair.world.runFor(5_000)
  assert.deepEqual([theirs.text, mine.closes, theirs.closes], ['', [], []])
  pair.network.heal()
  pair.world.runFor(1_000)
  assert.equal(theirs.text, 'hello')
})

test('one-way: the other direction still works', () => {
  const pair = new Pair(3)
  const [mine, theirs] = pair.connect()
  pair.network.block('a', 'b')
  mine.connection.write(Buffer.from('lost for now'))
  theirs.connection.write(Buffer.from('still heard'))
  pair.world.runFor(1_000)
  assert.deepEqual([mine.text, theirs.text], ['still heard', ''])
})

test("without progress for too long the sender's end times out; the receiver's stays half open", () => {
  const pair = new Pair(4, { userTimeoutMs: 10_000 })
  const [mine, theirs] = pair.connect()
  pair.network.block('a', 'b')
  mine.connection.write(Buffer.from('x'))
  pair.world.runFor(20_000)
  assert.deepEqual([mine.closes, theirs.closes], [['ETIMEDOUT'], []])
  pair.network.heal()
  theirs.connection.write(Buffer.from('anyone?'))
  pair.world.runFor(1_000)
  assert.deepEqual(theirs.closes, ['ECONNRESE'], 'the first bytes meet a kernel that knows nothing')
})

test('kill -9 closes connections; loss of power says nothing until the machine is back', () => {
  const pair = new Pair(5)
  const [first] = pair.connect()
  pair.b.kill()
  pair.world.runFor(100)
  assert.equal(first.closes.length, 1)
  assert.equal(pair.dial().code, 'ECONNREFUSED')
  pair.startB()
  const [second] = pair.connect()
  pair.b.crash()
  second.connection.write(Buffer.from('x'))
  pair.world.runFor(1_000)
  assert.deepEqual(second.closes, [])
  assert.equal(pair.dial().code, 'ETIMEDOUT')
  pair.startB()
  pair.world.runFor(1_000)
  assert.deepEqual(second.closes, ['ECONNRESE'])
  assert.ok(pair.dial().end !== null)
})

test('a connection attempt goes on while nothing answers', () => {
  const pair = new Pair(6)
  pair.network.block('b', 'a')
  pair.world.schedule(1_500, 'heal', () => pair.network.heal())
  assert.ok(pair.dial(10_000).end !== null)
  assert.ok(pair.world.nowMs > 2_000)
})

test('the kernel of a paused process accepts and receives; the process hears of it later', () => {
  const pair = new Pair(7)
  pair.b.pause()
  const mine = pair.dial().end
  assert.ok(mine !== null)
  mine.connection.write(Buffer.from('early'))
  pair.world.runFor(10_000)
  assert.equal(pair.accepted.length, 0)
  pair.b.resume()
  pair.world.runFor(100)
  assert.equal(pair.accepted[0]?.text, 'early')
})

test('resets break both ends; resetRate does it at random', () => {
  const pair = new Pair(8)
  const [mine, theirs] = pair.connect()
  pair.network.resetConnections('a', 'b')
  pair.world.runFor(10)
  assert.deepEqual([mine.closes, theirs.closes], [['ECONNRESE'], ['ECONNRESE']])
  pair.network.resetRate = 1
  const [again, other] = pair.connect()
  again.connection.write(Buffer.from('x'))
  pair.world.runFor(10)
  assert.deepEqual([again.closes, other.closes], [['ECONNRESE'], ['ECONNRESE']])
  assert.equal(pair.network.connectionCount('a'), 0)
})

test('bandwidth bounds what arrives', () => {
  const pair = new Pair(9, { link: { bytesPerMs: 100 } })
  const [mine, theirs] = pair.connect()
  const startMs = pair.world.nowMs
  for (let i = 0; i < 20; i++) {
    pair.world.schedule(i, 'write', () => mine.connection.write(Buffer.alloc(500, 65)))
  }
  pair.world.runUntil(() => theirs.text.length === 10_000)
  assert.ok(pair.world.nowMs - startMs >= 100)
})

test('segmentation none: what one turn wrote is one piece', () => {
  const pair = new Pair(10, { segmentation: 'none', link: { jitterMs: 5 } })
  const [mine, theirs] = pair.connect()
  const pieces: string[] = []
  theirs.connection.onData((bytes) => pieces.push(String(bytes)))
  for (let i = 0; i < 5; i++) {
    pair.world.schedule(i, 'write', () => {
      mine.connection.write(Buffer.from(`${i}a`))
      mine.connection.write(Buffer.from(`${i}b`))
    })
  }
  pair.world.runFor(100)
  assert.deepEqual(pieces, ['0a0b', '1a1b', '2a2b', '3a3b', '4a4b'])
})

/** A small world with everything in it: the hash must be a function of the seed alone. */
function chaos(seed: number): string {
  const pair = new Pair(seed, { link: { jitterMs: 2, tailRate: 0.1 } })
  const { world } = pair
  pair.network.resetRate = 0.01
  const talk = (connection: Connection): void => {
    const self = end(connection)
    connection.onData((bytes) => {
      if (bytes.length > 0) connection.write(bytes.subarray(0, 50))
    })
    self.connection.write(world.random.bytes(40))
  }
  const dial = (): void => {
    pair.fromA.connect({ host: 'b', port: 1 }, 500, (error, connection) => {
      if (error === null) talk(connection)
    })
    world.schedule(20, 'dial', dial)
  }
  dial()
  world.schedule(100, 'partition', () => pair.network.isolate('a'))
  world.schedule(300, 'heal', () => pair.network.heal())
  world.schedule(400, 'pause', () => pair.b.pauseFor(100))
  world.schedule(600, 'crash', () => pair.b.crash())
  world.runFor(900)
  return `${world.hash} ${world.eventCount}`
}

test('the same seed gives the same events; another seed gives others', () => {
  const hashes = new Set<string>()
  for (let seed = 1; seed <= 20; seed++) {
    const hash = chaos(seed)
    assert.equal(chaos(seed), hash, `seed ${seed}`)
    hashes.add(hash)
  }
  assert.equal(hashes.size, 20)
})
