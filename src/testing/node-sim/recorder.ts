/**
 * What the clients of a simulated cluster asked and were told, and the judgement of it at the end: linearizable key by
 * key, counters exactly once, expiry neither early nor late, nothing of a refused command ever visible.
 */

import { checkCounter } from '../checkers/counter-check.ts'
import { History } from '../checkers/history.ts'
import { checkLinearizability } from '../checkers/linearizability.ts'
import type { KeyInput, KeyOutput } from '../checkers/linearizability-models.ts'
import type { SimWorld } from '../sim/world.ts'
import { check, Violation } from './invariants.ts'
import { type SimInput, simModel } from './models.ts'

/** Virtual milliseconds by which stamps may differ from the true time while all clocks agree. */
const STAMP_SLACK_MS = 2

/** A key that was set once, with an expiry. */
export interface TimedKey {
  readonly key: string
  readonly ttlMs: number
  readonly invokedMs: number
  /** Infinity until the answer. */
  returnedMs: number
}

export class Recorder {
  readonly history = new History<SimInput, KeyOutput>()
  readonly counters = new Set<string>()
  readonly keys = new Set<string>()
  readonly timed: TimedKey[] = []
  readonly #world: SimWorld
  operations = 0
  acknowledged = 0
  refused = 0
  unknown = 0
  /** 1 when the search for an order was given up: no success, and no violation. */
  undecided = 0

  constructor(world: SimWorld) {
    this.#world = world
  }

  /** A new key with an expiry; `settled` when the SET is answered. */
  timedKey(ttlMs: number): TimedKey {
    const key = { key: `t${this.timed.length}`, ttlMs, invokedMs: this.#world.nowMs, returnedMs: Infinity }
    this.timed.push(key)
    return key
  }

  /** A read of a timed key that was sent at `invokedMs` and is answered now. Only for worlds whose clocks agree. */
  judgeTimed(key: TimedKey, invokedMs: number, present: boolean): void {
    const nowMs = this.#world.nowMs
    const earlyMs = key.invokedMs + key.ttlMs - STAMP_SLACK_MS
    const text = (): string => `${key.key} of ${key.ttlMs} ms, set ${key.invokedMs}-${key.returnedMs}`
    if (!present) check(nowMs >= earlyMs, () => `Expired early: ${text()}, absent at ${nowMs}`)
    else {
      const late = invokedMs > key.returnedMs + key.ttlMs + STAMP_SLACK_MS
      check(!late, () => `Expired late: ${text()}, read at ${invokedMs}`)
    }
  }

  /** `finals`: what every counter was at last. */
  judge(finals: ReadonlyMap<string, number>): void {
    const operations = this.history.operations()
    const verdict = checkLinearizability(operations, simModel)
    if (verdict.kind === 'illegal') throw new Violation(`Not linearizable. ${verdict.explanation}`)
    if (verdict.kind === 'unknown') this.undecided++
    for (const key of this.counters) {
      const ofKey = operations.filter((operation) => operation.key === key && isIncrement(operation.input))
      const fault = checkCounter(ofKey as Parameters<typeof checkCounter>[0], finals.get(key) ?? 0)
      check(fault === null, () => `Counter ${key}: ${fault}`)
    }
  }
}

function isIncrement(input: SimInput): input is KeyInput {
  return input.kind === 'increment'
}
