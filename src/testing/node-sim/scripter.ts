/**
 * A client of scripts: they read and write two keys in one step, stop half way with an error, compare and set, and are
 * called by their text, by their digest, within a transaction, and with keys that they do not declare. What they did is
 * part of the same histories as everybody's commands. A script that was loaded is known at every node from then on.
 */
import { SCRIPTS_LEVEL } from '../../engine/level.ts'
import { transactionCommand } from '../../engine/transaction.ts'
import type { Random } from '../../lib/random.ts'
import { sha1Hex } from '../../lib/sha1.ts'
import type { Command } from '../../protocol/commands.ts'
import type { ClientWorld } from './client.ts'
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
import { Connection, type KeyPart } from './connection.ts'
import { check } from './invariants.ts'

const PENDING_MAX = 6
const PIPELINE_MAX = 4
const TIMEOUT_MS = 10_000
/** Client ids of histories from here on. */
const FIRST_ID = 500
/** Texts of one script that differ in a comment alone, so that there is more than a handful to keep. */
const NEW_TEXT_RATE = 0.1
/** A counter that no script gets to. */
export const NEVER = 'h2'

/** Keys come declared or as arguments. */
const INCREMENT_BOTH = `
  local keys = #KEYS > 0 and KEYS or ARGV
  local reply = {}
  for i = 1, 2 do
    reply[i] = tonumber(redis.call('get', keys[i]) or 0) + 1
    redis.call('set', keys[i], reply[i])
  end
  return reply`

const READ_BOTH = `
  local keys = #KEYS > 0 and KEYS or ARGV
  return {redis.call('get', keys[1]), redis.call('get', keys[2])}`

/** What was done before an error stays; a caught one changes nothing. */
const STOP_HALF_WAY = `
  local first, second = redis.call('incr', KEYS[1]), redis.call('incr', KEYS[2])
  redis.pcall('incrby', KEYS[1], 'nothing')
  error('HALF ' .. first .. ' ' .. second)
  redis.call('incr', KEYS[3])`

/** Ends at the second command: a value of this simulation is no number. */
const FAIL_BEHIND_SET = `
  redis.call('set', KEYS[1], ARGV[1])
  redis.call('incr', KEYS[1])
  redis.call('set', KEYS[1], 'never')`

const COMPARE_AND_SET = `
  if (redis.call('get', KEYS[1]) or '') ~= ARGV[1] then return 0 end
  redis.call('set', KEYS[1], ARGV[2])
  return 1`

const NO_SCRIPT = /^NOSCRIPT /
const HALF = /HALF (\d+) (\d+) /
const NOT_A_NUMBER = /^ERR value is not an integer/

/** What all scripters of a cluster know. */
export class ScriptShelf {
  /** Digests of the texts that SCRIPT LOAD was answered for. */
  readonly loaded = new Set<string>()
  readonly counts = { scripts: 0, byDigest: 0, notKnown: 0, halfWay: 0 }
  nextText = 0
}

/** One call of a script, however it is sent. */
interface Call {
  readonly text: string
  readonly keys: readonly string[]
  readonly args?: readonly string[]
  readonly parts: readonly KeyPart[]
  /** The error that this script ends with. */
  readonly failure?: RegExp
  readonly done?: (reply: Parsed) => void
}

export class Scripter {
  readonly #shared: ClientWorld
  readonly #shelf: ScriptShelf
  readonly #random: Random
  readonly #id: number
  readonly #texts = new Map<string, string>()
  #connections: Connection[] = []
  #isStopped = false

  constructor(shared: ClientWorld, shelf: ScriptShelf, id: number, random: Random) {
    this.#shared = shared
    this.#shelf = shelf
    this.#id = FIRST_ID + id
    this.#random = random
    shared.recorder.counters.add(NEVER).add('h0').add('h1')
    shared.recorder.keys.add(NEVER)
    this.#wait()
  }

  get pending(): number {
    return this.#connections.reduce((sum, { pending }) => sum + pending, 0)
  }

  stop(): void {
    this.#isStopped = true
  }

  #wait(): void {
    const { world, params } = this.#shared
    world.schedule(params.thinkMs * 4 * this.#random.float(), 'scripter thinks', () => {
      if (this.#isStopped) return
      this.#batch()
      this.#wait()
    })
  }

  #batch(): void {
    const connection = this.#connect()
    if (connection === null || connection.pending > PENDING_MAX) return
    const count = 1 + this.#random.below(PIPELINE_MAX)
    connection.turn(this.#shared.params.latencyMs * this.#random.float(), () => {
      for (let i = 0; i < count; i++) this.#one(connection)
    })
  }

  /** Stays at a node for a while. Goes to those only whose program has scripts: others would not know the command. */
  #connect(): Connection | null {
    const current = this.#connections.at(-1)
    if (current?.isOpen === true && this.#random.float() > 0.05) return current
    const { machines, recorder } = this.#shared
    const open = machines.filter(
      ({ node, leaving, program }) => node !== null && !leaving && program >= SCRIPTS_LEVEL,
    )
    const machine = open[this.#random.below(Math.max(1, open.length))]
    if (machine === undefined || machine.node === null) return null
    const connection = new Connection(this.#id, machine, machine.node, recorder, TIMEOUT_MS)
    this.#connections = [...this.#connections.filter(({ pending }) => pending > 0), connection]
    return connection
  }

  #one(connection: Connection): void {
    switch (this.#random.below(6)) {
      case 0:
        return this.#readBoth(connection)
      case 1:
        return this.#stopHalfWay(connection)
      case 2:
        return this.#failBehindSet(connection)
      case 3:
        return this.#compareAndSet(connection)
      default:
        return this.#incrementBoth(connection)
    }
  }

  #incrementBoth(connection: Connection): void {
    const keys = this.#pair()
    for (const key of keys) this.#shared.recorder.counters.add(key)
    const parts = keys.map((key, i) => incrementPart(key, (reply) => itemOf(reply, i)))
    const call = { ...this.#declared(keys), text: this.#text(INCREMENT_BOTH), parts, done: checkEqual(keys) }
    if (this.#random.float() < 0.7) return this.#send(connection, call)
    this.#shelf.counts.scripts++
    connection.send({
      command: transactionCommand([], [evalCommand(call)]),
      parts: parts.map((part) => ({ ...part, output: (reply) => innerOutput(itemOf(reply, 0), part) })),
    })
  }

  #readBoth(connection: Connection): void {
    const keys = this.#pair()
    const parts = keys.map((key, i) => ({
      key,
      input: { kind: 'get' } as const,
      output: (reply: Parsed) => asValue(itemOf(reply, i)),
    }))
    this.#send(
      connection,
      { ...this.#declared(keys), text: this.#text(READ_BOTH), parts, done: checkEqual(keys) },
      this.#random.float() < 0.5 ? '_ro' : '',
    )
  }

  #stopHalfWay(connection: Connection): void {
    this.#shelf.counts.halfWay++
    const parts = ['h0', 'h1'].map((key, i) => incrementPart(key, (reply) => doneHalf(reply, i)))
    this.#send(connection, {
      text: this.#text(STOP_HALF_WAY),
      keys: ['h0', 'h1', NEVER],
      parts,
      failure: HALF,
    })
  }

  #failBehindSet(connection: Connection): void {
    const key = this.#register()
    const value = this.#value()
    this.#send(connection, {
      text: this.#text(FAIL_BEHIND_SET),
      keys: [key],
      args: [value],
      parts: [{ key, input: { kind: 'set', value: withoutBallast(value) }, output: asDone }],
      failure: NOT_A_NUMBER,
    })
  }

  /** GET, then a script that sets the key if it is still what was found: it decides, whatever came between. */
  #compareAndSet(connection: Connection): void {
    const key = this.#register()
    connection.send({
      command: command('get', key),
      parts: [{ key, input: { kind: 'get' }, output: asValue }],
      done: (outcome, found) => {
        if (outcome !== 'answer' || !connection.isOpen) return
        const value = this.#value()
        const expected = found === null ? null : withoutBallast(String(found))
        const input = { kind: 'compareAndSet', expected, value: withoutBallast(value) } as const
        const args = [found === null ? '' : String(found), value]
        const parts = [{ key, input, output: asFlag }]
        this.#send(connection, { text: this.#text(COMPARE_AND_SET), keys: [key], args, parts })
      },
    })
  }

  /** By its text or by its digest; `form` is '_ro' for the read-only commands. */
  #send(connection: Connection, call: Call, form = ''): void {
    this.#shelf.counts.scripts++
    const sha = shaOf(call.text)
    const isByDigest = this.#random.float() < 0.5
    // What was loaded before this is known, wherever it is asked for.
    const mustBeKnown = this.#shelf.loaded.has(sha)
    if (isByDigest) this.#shelf.counts.byDigest++
    if (!mustBeKnown && this.#random.float() < 0.3) this.#load(connection, call.text)
    const { failure } = call
    connection.send({
      command: isByDigest ? evalCommand(call, `evalsha${form}`, sha) : evalCommand(call, `eval${form}`),
      failure: (text) => NO_SCRIPT.test(text) || failure?.test(text) === true,
      parts: call.parts.map((part) => ({
        ...part,
        output: (reply) => (isUnknownScript(reply) ? null : part.output(reply)),
      })),
      done: (outcome, reply) => {
        if (outcome !== 'answer') return
        if (!isUnknownScript(reply)) return call.done?.(reply)
        this.#shelf.counts.notKnown++
        check(!mustBeKnown, () => `${connection.machine.name} does not know script ${sha}, which was loaded`)
        check(isByDigest, () => `A text was answered '${reply}'`)
      },
    })
  }

  #load(connection: Connection, text: string): void {
    const sha = shaOf(text)
    connection.send({
      command: command('script|load', text),
      parts: [],
      done: (outcome, reply) => {
        if (outcome !== 'answer') return
        check(reply === sha, () => `SCRIPT LOAD of ${sha} was answered '${reply}'`)
        this.#shelf.loaded.add(sha)
      },
    })
  }

  /** The script, with a comment at its end that is new now and then. */
  #text(program: string): string {
    const known = this.#texts.get(program)
    if (known !== undefined && this.#random.float() > NEW_TEXT_RATE) return known
    const text = `${program} -- ${this.#shelf.nextText++}`
    this.#texts.set(program, text)
    return text
  }

  #declared(keys: readonly string[]): Pick<Call, 'keys' | 'args'> {
    return this.#random.float() < 0.5 ? { keys } : { keys: [], args: keys }
  }

  /** Keys that transactions keep equal, too. */
  #pair(): string[] {
    const n = this.#random.below(2)
    return [`p${n}`, `q${n}`]
  }

  #register(): string {
    return `r${this.#random.below(this.#shared.params.keys)}`
  }

  #value(): string {
    return ballasted(this.#shared.nextValue++, this.#random.below(this.#shared.params.valueBytes))
  }
}

function evalCommand({ keys, args = [], text }: Call, name = 'eval', script = text): Command {
  return command(name, script, keys.length, ...keys, ...args)
}

function shaOf(text: string): string {
  return sha1Hex(Buffer.from(text, 'latin1'))
}

function isUnknownScript(reply: Parsed): boolean {
  return typeof reply === 'string' && NO_SCRIPT.test(reply)
}

/** Within a transaction a script may be refused for want of space (R6): the transaction is carried out without it. */
function innerOutput(reply: Parsed, part: KeyPart): ReturnType<KeyPart['output']> {
  if (Array.isArray(reply)) return part.output(reply)
  check(/^OOM /.test(String(reply)), () => `A script in a transaction was answered '${reply}'`)
  return null
}

/** The number that the script had counted to when it stopped. */
function doneHalf(reply: Parsed, i: number): Parsed {
  const numbers = HALF.exec(String(reply))
  check(numbers !== null, () => `A script that stops half way was answered '${reply}'`)
  return Number(numbers[i + 1])
}

function incrementPart(key: string, item: (reply: Parsed) => Parsed): KeyPart {
  return { key, input: { kind: 'increment', by: 1 }, output: (reply) => asNumber(item(reply)) }
}

function itemOf(reply: Parsed, i: number): Parsed {
  return Array.isArray(reply) ? ((reply as readonly Parsed[])[i] ?? null) : null
}

function checkEqual(keys: readonly string[]): (reply: Parsed) => void {
  return (reply) => {
    const [a, b] = [itemOf(reply, 0), itemOf(reply, 1)]
    check(a === b, () => `A script was torn: ${keys[0]} is ${a}, ${keys[1]} is ${b}`)
  }
}
