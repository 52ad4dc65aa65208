/**
 * The second half of a run: everything is healed, and then everything must come right. Pending commands are answered,
 * membership changes complete, every node answers, all states become equal, and the histories are judged.
 */
import { fromByteString } from '../../lib/bytes.ts'
import { crc32 } from '../../lib/crc32.ts'
import { asValue, command, type Parsed } from './commands.ts'
import { Connection, type Request } from './connection.ts'
import { check } from './invariants.ts'
import type { Machine } from './machine.ts'
import type { Simulation } from './simulation.ts'

/** Longer than a command's deadline. */
const ANSWERS_MS = 15_000
const MEMBERS_MS = 90_000
const EQUAL_MS = 30_000
const LEVEL_MS = 10_000
const RECEIVED_MS = 1_000
/** A watcher may stand thousands of events back, and lists everything now and then. */
const ARRIVE_MS = 120_000
const READ_MS = 12_000
const AGAIN_MS = 50
const ROWS = 1_000_000
/** A client of its own in the history. */
const JUDGE = 1_000

export class Convergence {
  readonly #simulation: Simulation

  constructor(simulation: Simulation) {
    this.#simulation = simulation
  }

  run(): void {
    const { clients, faults, machines, membership, recorder, params, world } = this.#simulation
    const { idempotentWriters, messengers, scripters } = this.#simulation
    for (const client of [...clients, ...idempotentWriters, ...messengers, ...scripters]) client.stop()
    world.note('heal')
    faults.end()
    if (params.finalCrash) for (const machine of machines) if (!machine.removed) machine.crash()
    this.#keepRunning()
    this.#await(ANSWERS_MS, 'every command is answered', () =>
      [...clients, ...scripters].every(({ pending }) => pending === 0),
    )
    this.#await(
      MEMBERS_MS,
      () => `membership change ${membership.description}`,
      () => !membership.isBusy,
    )
    this.#await(
      EQUAL_MS,
      () => `every member is ready: ${this.#whyNotReady()}`,
      () => this.#members().every(isReady),
    )
    this.#await(LEVEL_MS, 'the engine level is raised on all members', () =>
      this.#members().every(({ node }) => node?.engine.engineLevel === params.engineLevel),
    )
    const finals = this.#readEverything()
    this.#scriptsAreKnown()
    this.#becomeEqual()
    this.#await(RECEIVED_MS, 'what was received of snapshots and not installed is gone', () =>
      this.#members().every(({ node }) => node?.storage.store.status().receivedFiles === 0),
    )
    this.#watchersArrive()
    recorder.judge(finals)
  }

  #await(timeoutMs: number, what: string | (() => string), condition: () => boolean): void {
    this.#simulation.runUntil(condition, () => (typeof what === 'string' ? what : what()), timeoutMs)
  }

  #whyNotReady(): string {
    const reasonOf = ({ name, node, sim }: Machine): string =>
      `${name} ${node === null ? `does not run (process: ${sim.running})` : node.status().reasons.join(', ')}`
    return this.#members()
      .filter((machine) => !isReady(machine))
      .map(reasonOf)
      .join('; ')
  }

  #members(): Machine[] {
    return this.#simulation.machines.filter((machine) => !machine.removed)
  }

  /** Starts whatever is down, now and whenever a node ends itself. */
  #keepRunning(): void {
    const { world } = this.#simulation
    const look = (): void => {
      for (const machine of this.#members()) if (!machine.sim.running) machine.start()
      world.schedule(100, 'start machines', look)
    }
    look()
  }

  /** Reads every key on every node; also the last operations of the history. */
  #readEverything(): Map<string, number> {
    const { recorder } = this.#simulation
    const keys = [...recorder.keys].sort()
    const finals = new Map<string, number>()
    for (const machine of this.#members()) {
      let open = keys.length
      for (const key of keys) {
        const parts = [{ key, input: { kind: 'get' } as const, output: asValue }]
        this.#insist(machine, { command: command('get', key), parts }, (reply) => {
          if (recorder.counters.has(key)) finals.set(key, Number(reply ?? 0))
          open--
        })
      }
      this.#await(READ_MS, `${machine.name} answers reads`, () => open === 0)
      let written = false
      this.#insist(machine, { command: command('set', 'last', machine.name), parts: [] }, () => {
        written = true
      })
      this.#await(READ_MS, `${machine.name} answers a write`, () => written)
    }
    return finals
  }

  /** Every script that was loaded is known at every node, whether it came there in an entry or in a snapshot. */
  #scriptsAreKnown(): void {
    const shas = [...this.#simulation.scriptShelf.loaded]
    if (shas.length === 0) return
    for (const machine of this.#members()) {
      let known: Parsed = null
      this.#insist(machine, { command: command('script|exists', ...shas), parts: [] }, (reply) => {
        known = reply
      })
      this.#await(READ_MS, `${machine.name} says which scripts it knows`, () => known !== null)
      check(String(known) === String(shas.map(() => 1)), () => `${machine.name} lacks a script: ${known}`)
    }
  }

  /** Sends a request until it is answered. */
  #insist(machine: Machine, request: Request, done: (reply: Parsed) => void): void {
    const { world, recorder } = this.#simulation
    const again = (): void => this.#insist(machine, request, done)
    const { node } = machine
    if (node === null) {
      world.schedule(AGAIN_MS, 'again', again)
      return
    }
    const connection = new Connection(JUDGE, machine, node, recorder, READ_MS)
    connection.turn(0, () => {
      connection.send({
        ...request,
        done: (outcome, reply) => {
          if (outcome === 'answer') done(reply)
          else world.schedule(AGAIN_MS, 'again', again)
        },
      })
    })
  }

  /** Equal engine state and equal records at equal applied index, on all members. */
  #becomeEqual(): void {
    const { world } = this.#simulation
    const deadlineMs = world.nowMs + EQUAL_MS
    for (;;) {
      this.#await(EQUAL_MS, 'all members apply the same index', () => this.#sameIndex())
      const contents = this.#contents()
      if (
        contents !== null &&
        this.#sameIndex() &&
        contents.every(({ index }) => index === contents[0]?.index)
      ) {
        for (const { name, state, rows } of contents) {
          check(
            state === contents[0]?.state,
            () => `${name} and ${contents[0]?.name} have different engine states`,
          )
          check(rows === contents[0]?.rows, () => `${name} and ${contents[0]?.name} hold different records`)
        }
        return
      }
      check(world.nowMs < deadlineMs, () => 'The members never come to rest')
      const restMs = world.nowMs + 200
      this.#await(1_000, 'rest', () => world.nowMs >= restMs)
    }
  }

  /** Every copy of a watcher becomes what listings show of the last revision. */
  #watchersArrive(): void {
    const { watchers } = this.#simulation
    if (watchers.length === 0) return
    const revisionOf = (machine: Machine): number => machine.node?.engine.revision ?? -1
    const last = (): number => Math.max(...this.#members().map(revisionOf))
    const what = (): string =>
      `watchers reach revision ${last()}: ${watchers.map(({ revision }) => revision)}`
    this.#await(ARRIVE_MS, what, () => watchers.every((watcher) => watcher.hasReached(last())))
  }

  #sameIndex(): boolean {
    const indexes = this.#members().map((machine) => {
      const replica = machine.node?.host?.replica
      return replica === undefined || replica.applier.index < replica.core.commitIndex
        ? -1
        : replica.applier.index
    })
    return indexes.every((index) => index > 0 && index === indexes[0])
  }

  /** What every member holds; null when one ended meanwhile. */
  #contents(): { name: string; index: number; state: number; rows: number }[] | null {
    const found: { name: string; index: number; state: number; rows: number }[] = []
    const members = this.#members()
    for (const machine of members) {
      const { node } = machine
      if (node === null || node.host === null) return null
      const { applier } = node.host.replica
      const { name } = machine
      machine.sim.process.schedule(0, 'read all records', () => {
        node.storage.store.fetchRange('', null, ROWS, (error, rows) => {
          check(error === null, () => `${name} cannot read its records: ${error?.message}`)
          const bytes = Buffer.concat(rows.flatMap(({ key, value }) => [fromByteString(key), value]))
          found.push({ name, index: applier.index, state: crc32(node.engine.save()), rows: crc32(bytes) })
        })
      })
    }
    this.#await(READ_MS, 'all records are read', () => found.length === members.length)
    return found
  }
}

function isReady(machine: Machine): boolean {
  const { node } = machine
  return node !== null && node.host !== null && node.status().ready
}
