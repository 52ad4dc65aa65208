/**
 * The simulated network between cores: loss, duplication, delay, stragglers, one-way partitions. Links may be ordered
 * (as one connection is) or not (as two connections are).
 */

import { must } from '../../lib/assert.ts'
import type { Random } from '../../lib/random.ts'
import { decodeMessage, encodeMessage } from '../../raft/message-codec.ts'
import type { Message } from '../../raft/messages.ts'
import { SIM_GROUP, type SimNode } from './node.ts'
import type { SimParams } from './params.ts'
import type { Scheduler } from './scheduler.ts'

const PEERS = 64

export class SimNetwork {
  readonly #scheduler: Scheduler
  readonly #params: SimParams
  readonly #random: Random
  readonly #nodes = new Map<number, SimNode>()
  /** Directed links that deliver nothing: from * PEERS + to. */
  readonly #blocked = new Set<number>()
  readonly #lastArrival = new Map<number, number>()
  /** After the faults end, messages are neither lost nor late. */
  #healed = false
  sent = 0
  dropped = 0
  duplicated = 0
  /** Called with every delivery. */
  onDeliver: (message: Message) => void = () => {}

  constructor(scheduler: Scheduler, params: SimParams, random: Random) {
    this.#scheduler = scheduler
    this.#params = params
    this.#random = random
  }

  add(node: SimNode): void {
    this.#nodes.set(node.id, node)
  }

  /** Nothing gets from `from` to `to` until healLinks(). */
  block(from: number, to: number): void {
    this.#blocked.add(from * PEERS + to)
  }

  healLinks(): void {
    this.#blocked.clear()
  }

  heal(): void {
    this.healLinks()
    this.#healed = true
    this.#lastArrival.clear()
  }

  isOpen(from: number, to: number): boolean {
    return !this.#blocked.has(from * PEERS + to)
  }

  send(message: Message): void {
    this.sent++
    const { loss, duplication, encoded } = this.#params
    if (!this.isOpen(message.from, message.to) || this.#chance(loss)) {
      this.dropped++
      return
    }
    const arriving = this.#random.float() < encoded ? throughCodec(message) : message
    this.#deliver(arriving)
    if (this.#chance(duplication)) {
      this.duplicated++
      this.#deliver(arriving)
    }
  }

  #chance(probability: number): boolean {
    return !this.#healed && probability > 0 && this.#random.float() < probability
  }

  #deliver(message: Message): void {
    const { now } = this.#scheduler
    let arrival = now + this.#delay()
    if (this.#params.ordered) {
      const link = message.from * PEERS + message.to
      arrival = Math.max(arrival, this.#lastArrival.get(link) ?? 0)
      this.#lastArrival.set(link, arrival)
    }
    this.#scheduler.after(arrival - now, () => this.#arrive(message))
  }

  #delay(): number {
    const { delayMinMs, delayMaxMs, stragglers } = this.#params
    if (this.#healed) return delayMinMs
    const delay = delayMinMs + this.#random.float() * (delayMaxMs - delayMinMs)
    return this.#chance(stragglers) ? delay * (1 + this.#random.below(100)) : delay
  }

  #arrive(message: Message): void {
    const node = this.#nodes.get(message.to)
    if (node === undefined || node.core === null) return
    if (!node.isUp) {
      node.later(0, () => this.#arrive(message))
      return
    }
    this.onDeliver(message)
    node.receive(message)
  }
}

function throughCodec(message: Message): Message {
  return must(decodeMessage(Buffer.concat(encodeMessage(message)), SIM_GROUP), 'decoded message')
}
