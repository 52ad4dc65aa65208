/**
 * Publishes at any node and listens at all of them. Every node must deliver the messages of the log in one order and
 * without a gap, from the start of its process or from a snapshot on; one that was acknowledged was delivered, and none
 * twice.
 */
import type { Node } from '../../cluster/node.ts'
import type { Random } from '../../lib/random.ts'
import type { SimWorld } from '../sim/world.ts'
import { command, outcomeOf } from './commands.ts'
import { check } from './invariants.ts'
import type { Machine } from './machine.ts'

const PAUSE_MS = 15
const PATIENCE_MS = 2_000

/** The messages in the order in which the log has them, as any node delivered them first. */
export class MessageOrder {
  readonly #places = new Map<string, number>()
  /** Messages, and deliveries of all nodes. */
  readonly counts = { messages: 0, deliveries: 0, passedOver: 0 }

  /** Listens to a node from its start on. */
  follow(node: Node, name: string): void {
    let last: number | null = null
    node.listen({
      effects: ({ messages }) => {
        for (const { payload } of messages) last = this.#delivered(payload.toString(), last, name)
      },
      reset: () => {
        if (last !== null) this.counts.passedOver++
        last = null
      },
    })
  }

  has(message: string): boolean {
    return this.#places.has(message)
  }

  /** The place of the message, which must be the one behind `last` (null: nothing was delivered there yet). */
  #delivered(message: string, last: number | null, name: string): number {
    this.counts.deliveries++
    const known = this.#places.get(message)
    const place = known ?? this.counts.messages++
    if (known === undefined) this.#places.set(message, place)
    check(
      last === null || place === last + 1,
      () => `${name} delivered message ${place} ('${message}') behind message ${last}`,
    )
    return place
  }
}

/** Publishes one message after the other, each at another node, whatever became of the one before. */
export class Messenger {
  readonly #world: SimWorld
  readonly #machines: readonly Machine[]
  readonly #order: MessageOrder
  readonly #name: string
  readonly #random: Random
  #sent = 0
  /** Messages that were answered. */
  acknowledged = 0
  #isStopped = false

  constructor(
    world: SimWorld,
    machines: readonly Machine[],
    order: MessageOrder,
    name: string,
    random: Random,
  ) {
    this.#world = world
    this.#machines = machines
    this.#order = order
    this.#name = name
    this.#random = random
    this.#soon()
  }

  /** No new message is sent. */
  stop(): void {
    this.#isStopped = true
  }

  #soon(): void {
    this.#world.schedule(1 + this.#random.below(PAUSE_MS), 'messenger', () => this.#publish())
  }

  #publish(): void {
    if (this.#isStopped) return
    this.#soon()
    const up = this.#machines.filter((machine) => machine.isUp)
    const machine = up[this.#random.below(Math.max(1, up.length))]
    const node = machine?.node
    if (machine === undefined || node == null) return
    const message = `${this.#name}:${this.#sent++}`
    machine.sim.process.schedule(0, 'publish', () => {
      const session = node.openSession()
      const deadlineMs = machine.nowMs() + PATIENCE_MS
      const principal = { name: 'sim' }
      const options = { session, consistency: 'linearizable', deadlineMs, principal } as const
      node.execute(command('publish', 'channel', message), options, ({ reply, error }) => {
        if (outcomeOf(reply, error) !== 'answer') return
        this.acknowledged++
        check(this.#order.has(message), () => `'${message}' was acknowledged and not delivered`)
      })
    })
  }
}
