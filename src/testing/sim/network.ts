/**
 * The simulated Network: hosts joined by links (sim-link.ts) on which connections run (sim-connection.ts). It
 * can lose power at a host, block any direction between any two hosts, delay, throttle and reset. A blocked
 * direction looks like silence: connections stay up until they time out, or go on when it heals.
 */
import { assert, must } from '../../lib/assert.ts'
import type { Timer } from '../../lib/clock.ts'
import { codedError } from '../../lib/coded-error.ts'
import type { Random } from '../../lib/random.ts'
import type { Callback } from '../../storage/disk.ts'
import type { Address, Connection, Listener, Network } from '../../transport/network.ts'
import { SimConnection } from './connection.ts'
import { type LinkOptions, SimLink, SimStream } from './link.ts'
import type { SimProcess } from './process.ts'
import type { SimWorld } from './world.ts'

export interface SimNetworkOptions {
  readonly link?: Partial<LinkOptions>
  /**
   * 'random' (default) cuts and joins what arrives anywhere; 'none' hands over what one turn wrote as one
   * piece.
   */
  readonly segmentation?: 'random' | 'none'
  /** Bytes in flight per direction of a connection. */
  readonly windowBytes?: number
  /** A connection without progress for this long breaks with ETIMEDOUT. */
  readonly userTimeoutMs?: number
  /** Longest wait for a retransmission after a blocked link heals. */
  readonly retransmitMs?: number
}

const LINK: LinkOptions = { latencyMs: 0.1, jitterMs: 0.1, tailRate: 0, tailMs: 20, bytesPerMs: Infinity }
const LOOPBACK: LinkOptions = { ...LINK, latencyMs: 0.01, jitterMs: 0.02 }
const LOCAL_NAMES = new Set(['', 'localhost', '127.0.0.1', '0.0.0.0', '::', '::1'])
const FIRST_CLIENT_PORT = 32_768
/** First wait for an answer to a connection request; doubles. */
const SYN_RETRY_MS = 1_000

class SimHost {
  readonly name: string
  process: SimProcess | null = null
  /** False without power: nothing answers, not even with a refusal. */
  powered = false
  readonly listeners = new Map<number, SimListener>()
  readonly connections = new Set<SimConnection>()
  nextPort = FIRST_CLIENT_PORT

  constructor(name: string) {
    this.name = name
  }
}

interface SimListener extends Listener {
  readonly accept: (connection: Connection) => void
}

export class SimNetwork {
  readonly world: SimWorld
  /** Probability that a connection breaks when something arrives; for all connections. */
  resetRate = 0
  readonly #options: Required<SimNetworkOptions>
  readonly #linkOptions: LinkOptions
  readonly #random: Random
  readonly #hosts = new Map<string, SimHost>()
  readonly #links = new Map<string, SimLink>()

  constructor(world: SimWorld, options: SimNetworkOptions = {}) {
    this.world = world
    this.#random = world.random.fork('network')
    this.#linkOptions = { ...LINK, ...options.link }
    this.#options = {
      link: this.#linkOptions,
      segmentation: 'random',
      windowBytes: 256 * 1024,
      userTimeoutMs: 20_000,
      retransmitMs: 200,
      ...options,
    }
  }

  /**
   * Powers `host` on (when it was not) and gives `process` its network there. One process per host at a time.
   */
  mount(process: SimProcess, host: string): Network {
    const at = this.#host(host)
    assert(at.process === null, () => `Host ${host} runs a process already`)
    at.process = process
    at.powered = true
    process.onExit(() => this.#processEnded(at, process))
    for (const link of this.#links.values()) {
      if (!link.blocked) for (const stream of link.waiting) stream.retry(this.#random.float() * 50)
    }
    return {
      listen: (address, onConnection, done) => this.#listen(at, process, { address, onConnection, done }),
      connect: (address, timeoutMs, done) => {
        const to = LOCAL_NAMES.has(address.host) ? at : this.#host(address.host)
        new Dial(this, process, { from: at, to, port: address.port }, timeoutMs, done).start()
      },
    }
  }

  /** Loss of power at a host: its connections vanish without a word. Call it before killing the process. */
  powerOff(host: string): void {
    const at = this.#host(host)
    at.powered = false
    for (const connection of at.connections) connection.abandon('silent')
    at.listeners.clear()
  }

  /** Nothing sent from `from` reaches `to` until unblock(). */
  block(from: string, to: string): void {
    this.link(from, to).block()
    this.world.note(`blocked ${from}>${to}`)
  }

  unblock(from: string, to: string): void {
    this.link(from, to).unblock(this.#options.retransmitMs)
    this.world.note(`unblocked ${from}>${to}`)
  }

  /** Blocks both directions between hosts of different groups. */
  partition(...groups: readonly (readonly string[])[]): void {
    for (const group of groups) {
      for (const other of groups) {
        if (group === other) continue
        for (const from of group) for (const to of other) this.block(from, to)
      }
    }
  }

  /** Blocks both directions between `host` and every other host known by now. */
  isolate(host: string): void {
    this.partition(
      [host],
      [...this.#hosts.keys()].filter((name) => name !== host),
    )
  }

  /** Unblocks every direction. */
  heal(): void {
    for (const link of this.#links.values()) link.unblock(this.#options.retransmitMs)
    this.world.note('network healed')
  }

  /** Breaks every connection between two hosts: both ends see ECONNRESET. */
  resetConnections(hostA: string, hostB: string): void {
    for (const connection of this.#host(hostA).connections) {
      if (connection.remote.startsWith(`${hostB}:`)) connection.fail('ECONNRESET')
    }
    for (const connection of this.#host(hostB).connections) {
      if (connection.remote.startsWith(`${hostA}:`)) connection.fail('ECONNRESET')
    }
  }

  setLink(from: string, to: string, options: Partial<LinkOptions>): void {
    const link = this.link(from, to)
    link.options = { ...link.options, ...options }
  }

  connectionCount(host: string): number {
    return this.#host(host).connections.size
  }

  link(from: string, to: string): SimLink {
    const key = `${from}>${to}`
    let link = this.#links.get(key)
    if (link === undefined) {
      link = new SimLink(this.world, from, to, from === to ? LOOPBACK : this.#linkOptions)
      this.#links.set(key, link)
    }
    return link
  }

  /** For Dial: makes both ends; the server's program hears of its own in a turn of its own. */
  join(route: Route, client: SimProcess, listener: SimListener): SimConnection {
    const { from, to, port } = route
    const server = must(to.process, 'process of a listener')
    const clientEnd = this.#end(from, client, `${to.name}:${port}`)
    const serverEnd = this.#end(to, server, `${from.name}:${from.nextPort++}`)
    clientEnd.attach(this.#stream(from, to, clientEnd, serverEnd), serverEnd)
    serverEnd.attach(this.#stream(to, from, serverEnd, clientEnd), clientEnd)
    server.schedule(0, 'accept', () => listener.accept(serverEnd))
    return clientEnd
  }

  #end(host: SimHost, process: SimProcess, remote: string): SimConnection {
    const connection = new SimConnection({
      process,
      remote,
      random: this.#random,
      windowBytes: this.#options.windowBytes,
      segmentation: this.#options.segmentation,
      resetRate: () => this.resetRate,
      onClosed: (closed) => host.connections.delete(closed),
    })
    host.connections.add(connection)
    return connection
  }

  #stream(from: SimHost, to: SimHost, sender: SimConnection, receiver: SimConnection): SimStream {
    return new SimStream({
      world: this.world,
      link: this.link(from.name, to.name),
      timeoutMs: this.#options.userTimeoutMs,
      isReachable: () => to.powered,
      sender,
      receiver,
    })
  }

  #listen(
    host: SimHost,
    process: SimProcess,
    request: {
      address: Address
      onConnection: (connection: Connection) => void
      done: Callback<Listener>
    },
  ): void {
    const port = request.address.port === 0 ? host.nextPort++ : request.address.port
    process.schedule(0, 'listening', () => {
      if (host.listeners.has(port)) {
        const where = `${host.name}:${port}`
        request.done(codedError('EADDRINUSE', `address already in use, ${where}`), undefined as never)
        return
      }
      const listener: SimListener = {
        port,
        accept: request.onConnection,
        close: (done) => {
          host.listeners.delete(port)
          process.schedule(0, 'listener closed', () => done(null))
        },
      }
      host.listeners.set(port, listener)
      request.done(null, listener)
    })
  }

  #processEnded(host: SimHost, process: SimProcess): void {
    if (host.process !== process) return
    host.process = null
    host.listeners.clear()
    for (const connection of host.connections) {
      connection.abandon(this.#random.below(2) === 0 ? 'end' : 'reset')
    }
  }

  #host(name: string): SimHost {
    let host = this.#hosts.get(name)
    if (host === undefined) {
      host = new SimHost(name)
      this.#hosts.set(name, host)
    }
    return host
  }
}

interface Route {
  readonly from: SimHost
  readonly to: SimHost
  readonly port: number
}

/** One attempt to connect: asks again while nothing answers, until its time is up. */
class Dial {
  readonly #network: SimNetwork
  readonly #process: SimProcess
  readonly #route: Route
  readonly #timeoutMs: number
  readonly #done: Callback<Connection>
  #settled = false
  #retryMs = SYN_RETRY_MS
  #connection: SimConnection | null = null
  #timeout: Timer | null = null

  constructor(
    network: SimNetwork,
    process: SimProcess,
    route: Route,
    timeoutMs: number,
    done: Callback<Connection>,
  ) {
    this.#network = network
    this.#process = process
    this.#route = route
    this.#timeoutMs = timeoutMs
    this.#done = done
  }

  start(): void {
    this.#timeout = this.#process.schedule(this.#timeoutMs, 'connect timeout', () => this.#fail('ETIMEDOUT'))
    this.#ask()
  }

  #ask(): void {
    const { from, to } = this.#route
    const link = this.#network.link(from.name, to.name)
    this.#network.world.schedule(link.delayMs(0), `${link.label} connect`, () => this.#arrive())
  }

  #arrive(): void {
    if (this.#settled || !this.#process.alive) return
    const { from, to, port } = this.#route
    const back = this.#network.link(to.name, from.name)
    if (this.#network.link(from.name, to.name).blocked || back.blocked || !to.powered) {
      this.#network.world.schedule(this.#retryMs, `${back.label} connect again`, () => this.#ask())
      this.#retryMs *= 2
      return
    }
    const listener = to.listeners.get(port)
    if (listener !== undefined) this.#connection = this.#network.join(this.#route, this.#process, listener)
    this.#process.schedule(back.delayMs(0), `${back.label} answer`, () => this.#answer())
  }

  #answer(): void {
    if (this.#connection === null) {
      this.#fail('ECONNREFUSED')
      return
    }
    if (this.#settled) return
    this.#settled = true
    this.#timeout?.cancel()
    this.#done(null, this.#connection)
  }

  #fail(code: string): void {
    if (this.#settled) return
    this.#settled = true
    this.#timeout?.cancel()
    this.#connection?.destroy()
    const { to, port } = this.#route
    this.#done(codedError(code, `connect to ${to.name}:${port}`), undefined as never)
  }
}
