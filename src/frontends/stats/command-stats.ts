/**
 * What is counted per command and per error code, for INFO and metrics. The number of names is bounded: commands are
 * those of the table, error codes beyond ERROR_CODES are counted together.
 */
import { Histogram } from '../../lib/histogram.ts'
import type { CommandSpec } from '../../protocol/commands.ts'
import type { SlowClient, SlowWatch } from './slow-watch.ts'
import type { TurnClock } from './turn-clock.ts'

const ERROR_CODES = 64
const OTHER = 'OTHER'
const MINUS = 0x2d
const SPACE = 0x20
const CODE_BYTES = 32
/** The last bucket of CommandStats.micros holds everything above 2^29 us, nine minutes. */
const MICRO_BUCKETS = 31

/** Of one command: its calls, how they ended, and how long they took. */
export class CommandStats {
  /** Calls that were executed (the reply may still be under way). */
  calls = 0
  /** Executed calls whose reply is known, and those of them that are errors. */
  replies = 0
  failed = 0
  /** Refused before execution: arity, password, transaction. */
  rejected = 0
  /** From the turn that read the command to the turn that knew its reply, in seconds, over all answered calls. */
  seconds = 0
  /** Answered calls by power of two: at most 1 us, 2 us, 4 us…; made with the first one. */
  micros: Float64Array | null = null
  readonly #spec: CommandSpec
  readonly #durations: Histogram
  readonly #turn: TurnClock
  readonly #slow: SlowWatch

  /** `durations` is shared by all commands of a kind. */
  constructor(spec: CommandSpec, durations: Histogram, turn: TurnClock, slow: SlowWatch) {
    this.#spec = spec
    this.#durations = durations
    this.#turn = turn
    this.#slow = slow
  }

  /** The reply (canonical form) to a call of `client` that was read at `sinceMs` (of the turn clock) is known. */
  answered(reply: Buffer, sinceMs: number, client: SlowClient, args: readonly Buffer[]): void {
    this.replies++
    if (reply[0] === MINUS) this.failed++
    const elapsedMs = this.#turn.nowMs() - sinceMs
    this.seconds += elapsedMs / 1000
    this.#durations.record(elapsedMs / 1000)
    this.#countMicros(elapsedMs * 1000)
    const workMs = client.takeWorkMs()
    const slow = this.#slow
    if (workMs < slow.workFromMs && elapsedMs < slow.waitFromMs) return
    slow.note(this.#spec, client, args, { workMs, waitMs: elapsedMs })
  }

  /** CONFIG RESETSTAT. */
  reset(): void {
    this.calls = 0
    this.replies = 0
    this.failed = 0
    this.rejected = 0
    this.seconds = 0
    this.micros = null
  }

  #countMicros(micros: number): void {
    this.micros ??= new Float64Array(MICRO_BUCKETS)
    const bucket = Math.min(micros <= 1 ? 0 : 32 - Math.clz32(Math.ceil(micros) - 1), MICRO_BUCKETS - 1)
    this.micros[bucket] = (this.micros[bucket] as number) + 1
  }
}

/** Durations of commands by kind: read, write, local. */
export class CommandDurations {
  readonly read = new Histogram()
  readonly write = new Histogram()
  readonly local = new Histogram()

  of(kind: CommandSpec['kind']): Histogram {
    return kind === 'read' ? this.read : kind === 'write' ? this.write : this.local
  }
}

/** Error replies by their first word. */
export class ErrorStats {
  readonly #counts = new Map<string, number>()

  /** The codes seen so far and how often; the order is that of their first occurrence. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts
  }

  /** `reply` is an error in canonical form: '-CODE text'. */
  count(reply: Buffer): void {
    this.add(errorWord(reply))
  }

  /** CONFIG RESETSTAT. */
  reset(): void {
    this.#counts.clear()
  }

  add(code: string): void {
    const known = this.#counts.get(code)
    if (known !== undefined) this.#counts.set(code, known + 1)
    else if (this.#counts.size < ERROR_CODES) this.#counts.set(code, 1)
    else this.#counts.set(OTHER, (this.#counts.get(OTHER) ?? 0) + 1)
  }
}

/** Only a word in capitals is a code; anything else could be a client's own text. */
function errorWord(reply: Buffer): string {
  const end = reply.subarray(0, CODE_BYTES).indexOf(SPACE)
  const word = reply.toString('latin1', 1, end < 0 ? 1 : end)
  return /^[A-Z][A-Z_]*$/.test(word) ? word : OTHER
}
