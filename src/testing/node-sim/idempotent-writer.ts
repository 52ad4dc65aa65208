/**
 * A client that writes one key step by step, each write on the condition that the one before is still the last, with an
 * idempotency key, and repeats it at any node until it is answered. It alone writes the key, so every write must
 * succeed, exactly once, whatever became of its earlier copies.
 */
import { kvCommand } from '../../engine/kv.ts'
import type { Random } from '../../lib/random.ts'
import type { Command } from '../../protocol/commands.ts'
import { errors } from '../../protocol/errors.ts'
import { decodeKvReply, isKvFailure } from '../../protocol/kv-reply.ts'
import type { SimWorld } from '../sim/world.ts'
import { check } from './invariants.ts'
import type { Machine } from './machine.ts'

const PAUSE_MS = 40
/** An attempt without an answer is repeated elsewhere: its copy may still be on its way. */
const PATIENCE_MS = 700

export class IdempotentWriter {
  readonly #world: SimWorld
  readonly #machines: readonly Machine[]
  readonly #random: Random
  readonly #key: Buffer
  /** Writes that were answered. */
  written = 0
  replayed = 0
  #revision = 0
  #isStopped = false

  constructor(world: SimWorld, machines: readonly Machine[], name: string, random: Random) {
    this.#world = world
    this.#machines = machines
    this.#random = random
    this.#key = Buffer.from(name)
    this.#soon(PAUSE_MS)
  }

  /** No new write begins. */
  stop(): void {
    this.#isStopped = true
  }

  #soon(ms: number): void {
    this.#world.schedule(1 + this.#random.below(ms), 'idempotent writer', () => this.#send())
  }

  #send(): void {
    if (this.#isStopped) return
    const number = this.written
    const command = this.#command()
    const copies = this.#random.below(3) === 0 ? 2 : 1
    for (let i = 0; i < copies; i++) this.#ask(number, command)
    this.#world.schedule(PATIENCE_MS, 'idempotent writer', () => {
      if (number === this.written) this.#send()
    })
  }

  #ask(number: number, command: Command): void {
    const up = this.#machines.filter((machine) => machine.isUp)
    const machine = up[this.#random.below(Math.max(1, up.length))]
    const node = machine?.node
    if (machine === undefined || node == null) return
    machine.sim.process.schedule(0, 'idempotent write', () => {
      const session = node.openSession()
      const deadlineMs = machine.nowMs() + PATIENCE_MS
      const options = {
        session,
        consistency: 'linearizable',
        deadlineMs,
        principal: { name: 'sim' },
      } as const
      node.execute(command, options, ({ reply }) => this.#answered(number, decodeKvReply(reply)))
    })
  }

  #command(): Command {
    const text = Buffer.from(`${this.#key}-${this.written}`)
    const put = {
      kind: 'put',
      key: this.#key,
      value: text,
      contentType: null,
      expiry: { kind: 'none' },
    } as const
    return kvCommand(0, {
      compares: [{ target: 'modRevision', key: this.#key, operator: '=', values: [this.#revision] }],
      then: [{ ...put, previous: false }],
      otherwise: [{ kind: 'get', key: this.#key, metadataOnly: true }],
      idempotency: { key: text, fingerprint: text },
    })
  }

  #answered(number: number, reply: ReturnType<typeof decodeKvReply>): void {
    if (isKvFailure(reply)) {
      const { effect } = errors[reply.error]
      check(effect !== 'applied', () => `An idempotent write was answered '${reply.text}'`)
      return
    }
    const item = reply.results[0]?.item ?? null
    check(reply.succeeded, () => `Write ${number} of ${this.#key} found revision ${item?.modRevision}`)
    check(item?.version === number + 1, () => `Write ${number} of ${this.#key} is version ${item?.version}`)
    if (reply.replayed) this.replayed++
    if (number !== this.written) return
    this.written++
    this.#revision = item?.modRevision ?? 0
    this.#soon(PAUSE_MS)
  }
}
