/**
 * A simulated client: sends batches of commands on one connection, goes to another node when it lost its own, and
 * checks by itself what only it can know: that its connection's order holds and that transactions are whole.
 */
import { transactionCommand, watchCommand } from '../../engine/transaction.ts'
import type { Random } from '../../lib/random.ts'
import type { SimWorld } from '../sim/world.ts'
import {
  asDone,
  asFlag,
  asNumber,
  asValue,
  ballasted,
  command,
  type Parsed,
  withoutBallast,
} from './commands.ts'
import { Connection, type KeyPart, type Request } from './connection.ts'
import { check } from './invariants.ts'
import type { Machine } from './machine.ts'
import type { NodeSimParams } from './params.ts'
import type { Recorder } from './recorder.ts'

const PENDING_MAX = 10
/** How long the commands of a connection may take; some clients have no patience. */
const TIMEOUT_MS = 10_000
const SHORT_TIMEOUT_MS = 300
const TTL_MAX_MS = 1_200

/** What all clients of one cluster share. */
export interface ClientWorld {
  readonly world: SimWorld
  readonly params: NodeSimParams
  readonly machines: readonly Machine[]
  readonly recorder: Recorder
  /** All clocks agree: the times of expiry can be judged. */
  readonly clocksAgree: boolean
  nextValue: number
}

/** One step of a sequence on a key of its own. */
interface Step {
  /** null = a GET. */
  readonly value: string | null
  outcome: string
  reply: Parsed
}

export class Client {
  readonly #shared: ClientWorld
  readonly #random: Random
  readonly #id: number
  #connection: Connection | null = null
  /** With that one, those it left. */
  #connections: Connection[] = []
  #sequences = 0
  #stopped = false

  constructor(shared: ClientWorld, id: number, random: Random) {
    this.#shared = shared
    this.#id = id
    this.#random = random
    this.#wait()
  }

  /** Commands without an answer, on all its connections. */
  get pending(): number {
    let pending = 0
    for (const connection of this.#connections) pending += connection.pending
    return pending
  }

  stop(): void {
    this.#stopped = true
  }

  #wait(): void {
    const { world, params } = this.#shared
    world.schedule(params.thinkMs * 2 * this.#random.float(), 'client thinks', () => {
      if (this.#stopped) return
      this.#batch()
      this.#wait()
    })
  }

  #batch(): void {
    const { params } = this.#shared
    if (this.#connection !== null && this.#random.float() < 0.02) this.#connection.close()
    const connection = this.#connect()
    if (connection === null || connection.pending > PENDING_MAX) return
    const count = 1 + this.#random.below(params.pipeline)
    connection.turn(params.latencyMs * this.#random.float(), () => {
      for (let i = 0; i < count; i++) this.#one(connection)
    })
  }

  #connect(): Connection | null {
    if (this.#connection?.isOpen === true && this.#random.float() > 0.01) return this.#connection
    const { machines, recorder } = this.#shared
    const open = machines.filter((machine) => machine.node !== null && !machine.leaving)
    const machine = open[this.#random.below(Math.max(1, open.length))]
    if (machine === undefined || machine.node === null) return null
    const timeoutMs = this.#random.float() < 0.05 ? SHORT_TIMEOUT_MS : TIMEOUT_MS
    this.#connections = this.#connections.filter((connection) => connection.pending > 0)
    this.#connection = new Connection(this.#id, machine, machine.node, recorder, timeoutMs)
    this.#connections.push(this.#connection)
    return this.#connection
  }

  #one(connection: Connection): void {
    const kinds = [
      () => this.#get(connection),
      () => this.#get(connection),
      () => this.#set(connection),
      () => this.#set(connection),
      () => this.#delete(connection),
      () => this.#many(connection),
      () => this.#increment(connection),
      () => this.#increment(connection),
      () => this.#pair(connection),
      () => this.#readPair(connection),
      () => this.#compareAndSet(connection),
      () => this.#expiring(connection),
      () => this.#expiring(connection),
      () => this.#timed(connection),
      () => this.#sequence(connection),
      () => this.#staleRead(connection),
    ]
    kinds[this.#random.below(kinds.length)]?.()
  }

  #key(kind: string): string {
    return `${kind}${this.#random.below(this.#shared.params.keys)}`
  }

  #value(): string {
    return ballasted(this.#shared.nextValue++, this.#random.below(this.#shared.params.valueBytes))
  }

  #get(connection: Connection): void {
    const key = this.#key('r')
    connection.send({ command: command('get', key), parts: [getPart(key, (reply) => reply)] })
  }

  #set(connection: Connection): void {
    const key = this.#key('r')
    const value = this.#value()
    const name = withoutBallast(value)
    if (this.#random.float() < 0.3) {
      const input = { kind: 'compareAndSet', expected: null, value: name } as const
      return connection.send({
        command: command('set', key, value, 'NX'),
        parts: [{ key, input, output: asFlag }],
      })
    }
    connection.send({ command: command('set', key, value), parts: [setPart(key, name)] })
  }

  #delete(connection: Connection): void {
    const key = this.#key('r')
    connection.send({
      command: command('del', key),
      parts: [{ key, input: { kind: 'delete' }, output: asFlag }],
    })
  }

  /** MSET and MGET. */
  #many(connection: Connection): void {
    const keys = [...new Set([this.#key('r'), this.#key('r'), this.#key('r')])]
    if (this.#random.float() < 0.5) {
      const parts = keys.map((key, i) => getPart(key, (reply) => itemOf(reply, i)))
      return connection.send({ command: command('mget', ...keys), parts })
    }
    const words: string[] = []
    const parts: KeyPart[] = []
    for (const key of keys) {
      const value = this.#value()
      words.push(key, value)
      parts.push(setPart(key, withoutBallast(value)))
    }
    connection.send({ command: command('mset', ...words), parts })
  }

  #increment(connection: Connection): void {
    const key = this.#key('c')
    this.#shared.recorder.counters.add(key)
    connection.send({ command: command('incr', key), parts: [incrementPart(key, (reply) => reply)] })
  }

  /** A transaction that keeps two counters equal. */
  #pair(connection: Connection): void {
    const keys = this.#pairKeys()
    for (const key of keys) this.#shared.recorder.counters.add(key)
    const inner = keys.map((key) => command('incr', key))
    const parts = keys.map((key, i) => incrementPart(key, (reply) => itemOf(reply, i)))
    connection.send({
      command: transactionCommand([], inner),
      parts,
      done: (outcome, reply) => {
        if (outcome === 'answer') checkEqual(keys, reply)
      },
    })
  }

  #readPair(connection: Connection): void {
    const keys = this.#pairKeys()
    const asTransaction = this.#random.float() < 0.5
    const read = asTransaction
      ? transactionCommand(
          [],
          keys.map((key) => command('get', key)),
        )
      : command('mget', ...keys)
    const parts = keys.map((key, i) => getPart(key, (reply) => itemOf(reply, i)))
    connection.send({
      command: read,
      parts,
      done: (outcome, reply) => {
        if (outcome === 'answer') checkEqual(keys, reply)
      },
    })
  }

  #pairKeys(): string[] {
    const n = this.#random.below(2)
    return [`p${n}`, `q${n}`]
  }

  /** WATCH, GET, MULTI, SET, EXEC; one that fails has no effect, and says no more than that. */
  #compareAndSet(connection: Connection): void {
    const key = this.#key('r')
    let modRevision = 0
    connection.send({
      command: watchCommand(0, [Buffer.from(key)]),
      parts: [],
      done: (watched, revisions) => {
        if (watched !== 'answer' || !connection.isOpen) return
        modRevision = itemOf(revisions, 0) as number
        connection.send({
          command: command('get', key),
          parts: [getPart(key, (reply) => reply)],
          done: (read, found) => {
            if (read !== 'answer' || !connection.isOpen) return
            // Absent counts as revision 0: an EXEC that succeeds with it found the key absent, whatever GET saw before.
            const isAbsent = modRevision === 0 || found === null
            this.#exec(connection, key, modRevision, isAbsent ? null : withoutBallast(String(found)))
          },
        })
      },
    })
  }

  #exec(connection: Connection, key: string, modRevision: number, expected: string | null): void {
    const value = this.#value()
    const watched = [{ database: 0, key: Buffer.from(key), modRevision }]
    connection.send({
      command: transactionCommand(watched, [command('set', key, value)]),
      parts: [
        {
          key,
          input: { kind: 'compareAndSet', expected, value: withoutBallast(value) },
          output: (reply) => (reply === null ? null : { kind: 'flag', flag: true }),
        },
      ],
    })
  }

  #expiring(connection: Connection): void {
    const key = this.#key('e')
    const value = this.#value()
    const name = withoutBallast(value)
    const ttl = 1 + this.#random.below(200)
    const requests: Request[] = [
      { command: command('get', key), parts: [getPart(key, (reply) => reply)] },
      {
        command: command('set', key, value, 'PX', ttl),
        parts: [{ key, input: { kind: 'setExpiring', value: name }, output: asDone }],
      },
      { command: command('set', key, value), parts: [setPart(key, name)] },
      { command: command('pexpire', key, ttl), parts: [{ key, input: { kind: 'expire' }, output: asFlag }] },
      { command: command('del', key), parts: [{ key, input: { kind: 'delete' }, output: asFlag }] },
    ]
    const request = requests[this.#random.below(requests.length)]
    if (request !== undefined) connection.send(request)
  }

  /** Sets a key with an expiry, or reads one set before. */
  #timed(connection: Connection): void {
    const { recorder, world, clocksAgree } = this.#shared
    if (!clocksAgree) return
    const recent = recorder.timed.slice(-6)
    const known = recent[this.#random.below(Math.max(1, recent.length))]
    if (known !== undefined && known.returnedMs < world.nowMs && this.#random.float() < 0.8) {
      const invokedMs = world.nowMs
      return connection.send({
        command: command('get', known.key),
        parts: [],
        done: (outcome, reply) => {
          if (outcome === 'answer') recorder.judgeTimed(known, invokedMs, reply !== null)
        },
      })
    }
    const key = recorder.timedKey(20 + this.#random.below(TTL_MAX_MS))
    connection.send({
      command: command('set', key.key, 'x', 'PX', key.ttlMs),
      parts: [],
      done: (outcome) => {
        if (outcome === 'answer') key.returnedMs = world.nowMs
      },
    })
  }

  /** R3, R14: on a key that only this connection uses, every answer follows from the order of sending. */
  #sequence(connection: Connection): void {
    const key = `o${this.#id}.${this.#sequences++}`
    const steps: Step[] = []
    const count = 2 + this.#random.below(6)
    let open = count
    for (let i = 0; i < count; i++) {
      const value = this.#random.float() < 0.5 ? null : this.#value()
      const step: Step = { value, outcome: '', reply: null }
      steps.push(step)
      connection.send({
        command: value === null ? command('get', key) : command('set', key, value),
        parts: [],
        done: (outcome, reply) => {
          step.outcome = outcome
          step.reply = reply
          if (--open === 0) judgeSequence(key, steps)
        },
      })
    }
  }

  /** A stale read shows an older state, but time never goes back on one node. */
  #staleRead(connection: Connection): void {
    const key = this.#key('c')
    const seen = connection.staleCounters
    connection.send({
      command: command('get', key),
      parts: [],
      consistency: 'stale',
      done: (outcome, reply) => {
        if (outcome !== 'answer') return
        const value = Number(reply ?? 0)
        const before = seen.get(key) ?? 0
        check(value >= before, () => `Stale reads of ${key} went back from ${before} to ${value}`)
        seen.set(key, value)
      },
    })
  }
}

function judgeSequence(key: string, steps: readonly Step[]): void {
  let state: string | null = null
  for (const { value, outcome, reply } of steps) {
    if (outcome === 'unknown') return
    if (outcome === 'none') continue
    if (value !== null) state = value
    else {
      const expected = state
      const show = (of: Parsed): string => (of === null ? 'nothing' : withoutBallast(String(of)))
      const order = steps.map(
        (step) => `${step.value === null ? `GET -> ${show(step.reply)}` : 'SET'} ${step.outcome}`,
      )
      const what = (): string =>
        `Order on a connection: ${key} is ${show(reply)}, expected ${show(expected)}: ${order}`
      check(reply === expected, what)
    }
  }
}

function checkEqual(keys: readonly string[], reply: Parsed): void {
  const [a, b] = [itemOf(reply, 0), itemOf(reply, 1)]
  check(a === b, () => `A transaction was torn: ${keys[0]} is ${a}, ${keys[1]} is ${b}`)
}

function itemOf(reply: Parsed, i: number): Parsed {
  return Array.isArray(reply) ? ((reply as readonly Parsed[])[i] ?? null) : null
}

function getPart(key: string, item: (reply: Parsed) => Parsed): KeyPart {
  return { key, input: { kind: 'get' }, output: (reply) => asValue(item(reply)) }
}

function setPart(key: string, value: string): KeyPart {
  return { key, input: { kind: 'set', value }, output: asDone }
}

function incrementPart(key: string, item: (reply: Parsed) => Parsed): KeyPart {
  return { key, input: { kind: 'increment', by: 1 }, output: (reply) => asNumber(item(reply)) }
}
