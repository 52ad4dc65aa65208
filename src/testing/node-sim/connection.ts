/**
 * A client's connection to one process of a node: sends commands through Node.execute() in turns of that process, as a
 * door would, records what is asked and told, and knows when it is broken: what was asked then has an unknown outcome.
 */

import type { Consistency, Result, Session } from '../../cluster/execute.ts'
import type { Node } from '../../cluster/node.ts'
import { crc32 } from '../../lib/crc32.ts'
import type { Command } from '../../protocol/commands.ts'
import type { KeyOutput } from '../checkers/linearizability-models.ts'
import type { SimProcess } from '../sim/process.ts'
import { type Outcome, outcomeOf, type Parsed, parseReply } from './commands.ts'
import { check } from './invariants.ts'
import type { Machine } from './machine.ts'
import type { SimInput } from './models.ts'
import type { Recorder } from './recorder.ts'

/** One key's part of a command. */
export interface KeyPart {
  readonly key: string
  readonly input: SimInput
  /** This key's output in the command's reply; null = the reply says that nothing happened. */
  readonly output: (reply: Parsed) => KeyOutput | null
}

export interface Request {
  readonly command: Command
  readonly parts: readonly KeyPart[]
  readonly consistency?: Consistency
  /** Errors that the command may end with by right: their text is the reply then. */
  readonly failure?: (text: string) => boolean
  readonly done?: (outcome: Outcome, reply: Parsed) => void
}

interface InFlight {
  readonly request: Request
  readonly ids: readonly number[]
}

export class Connection {
  readonly machine: Machine
  readonly node: Node
  readonly process: SimProcess
  /** The highest counter values that stale reads saw. */
  readonly staleCounters = new Map<string, number>()
  readonly #client: number
  readonly #timeoutMs: number
  readonly #recorder: Recorder
  readonly #session: Session
  readonly #inFlight = new Set<InFlight>()
  #turns = 0

  constructor(client: number, machine: Machine, node: Node, recorder: Recorder, timeoutMs: number) {
    this.#timeoutMs = timeoutMs
    this.machine = machine
    this.node = node
    this.process = machine.sim.process
    this.#client = client
    this.#recorder = recorder
    this.#session = node.openSession()
    this.process.onExit(() => this.#broken())
  }

  get isOpen(): boolean {
    return this.process.alive && !this.#session.closed
  }

  /** Commands without an answer, and turns to come. */
  get pending(): number {
    return this.process.alive ? this.#inFlight.size + this.#turns : 0
  }

  /** Sends what `write` sends in one turn of the node, `delayMs` from now. */
  turn(delayMs: number, write: () => void): void {
    this.#turns++
    this.process.schedule(delayMs, 'client', () => {
      this.#turns--
      if (!this.#session.closed) write()
    })
  }

  /** Only within a turn of the node. */
  send(request: Request): void {
    const { command, parts, consistency = 'linearizable' } = request
    const { history } = this.#recorder
    this.#recorder.operations++
    const ids = parts.map((part) => history.invoke(this.#client, part.key, part.input))
    for (const part of parts) this.#recorder.keys.add(part.key)
    const flight: InFlight = { request, ids }
    this.#inFlight.add(flight)
    const deadlineMs = this.machine.nowMs() + this.#timeoutMs
    const options = { session: this.#session, consistency, deadlineMs, principal: { name: 'sim' } }
    this.node.execute(command, options, (result) => this.#answered(flight, result))
  }

  /** The client hangs up; what it asked for is answered all the same, to nobody in a real world. */
  close(): void {
    this.process.schedule(0, 'client closes', () => this.node.closeSession(this.#session))
  }

  #answered(flight: InFlight, { reply, error }: Result): void {
    // A dying process answers nobody.
    if (!this.process.alive || !this.#inFlight.delete(flight)) return
    this.process.world.mix(crc32(reply))
    const outcome = outcomeOf(reply, error, flight.request.failure)
    const parsed = outcome === 'answer' ? parseReply(reply) : null
    this.#record(flight, outcome, parsed)
    flight.request.done?.(outcome, parsed)
  }

  #record({ request, ids }: InFlight, outcome: Outcome, parsed: Parsed): void {
    const { history } = this.#recorder
    if (outcome === 'answer') this.#recorder.acknowledged++
    else if (outcome === 'none') this.#recorder.refused++
    else this.#recorder.unknown++
    request.parts.forEach((part, i) => {
      const id = ids[i] as number
      const output = outcome === 'answer' ? part.output(parsed) : null
      if (outcome === 'unknown') history.unknown(id)
      else if (output === null) history.refused(id)
      else history.returned(id, output)
    })
  }

  #broken(): void {
    // R17: a node that leaves answers everything.
    const unanswered = this.machine.closedCleanly ? this.#inFlight.size : 0
    check(unanswered === 0, () => `${this.machine.name} closed with ${unanswered} commands unanswered`)
    for (const flight of this.#inFlight) {
      this.#record(flight, 'unknown', null)
      flight.request.done?.('unknown', null)
    }
    this.#inFlight.clear()
  }
}
