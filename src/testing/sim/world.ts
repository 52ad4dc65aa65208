/**
 * The deterministic world: one seed decides everything that happens in it. Virtual time advances from event
 * to event; one event runs at a time and is one "turn" of its process. The same seed and the same program
 * give the same events, which the rolling hash proves. Nothing in it may read a real clock, a real random
 * source, or depend on promise order.
 */
import { assert } from '../../lib/assert.ts'
import { type Random, SeededRandom } from '../../lib/random.ts'
import { SimEvent, SimHeap } from './heap.ts'
import { SimProcess } from './process.ts'
import { SimTrace } from './trace.ts'

export interface SimWorldOptions {
  /** Events kept for printing. */
  readonly traceEvents?: number
}

export interface RunLimits {
  /** Virtual milliseconds; default 60 000. */
  readonly timeoutMs?: number
  /** Default 10 million. */
  readonly maxEvents?: number
}

export class SimWorld {
  readonly seed: number
  /** For the test's own choices. Components fork their own. */
  readonly random: Random
  readonly #ties: Random
  readonly #heap = new SimHeap()
  readonly #trace: SimTrace
  #nowMs = 0
  #eventCount = 0
  #processCount = 0
  #isRunning = false
  #turnEnds: (() => void)[] = []

  constructor(seed: number, options: SimWorldOptions = {}) {
    this.seed = seed
    this.random = new SeededRandom(seed)
    this.#ties = this.random.fork('ties')
    this.#trace = new SimTrace(options.traceEvents ?? 2_000)
  }

  /** Virtual milliseconds since the world began: true time, which no process sees. */
  get nowMs(): number {
    return this.#nowMs
  }

  get eventCount(): number {
    return this.#eventCount
  }

  /** Equal for two runs exactly when (but for collisions) the same events ran at the same times. */
  get hash(): string {
    return this.#trace.hash()
  }

  spawn(name: string): SimProcess {
    return new SimProcess(this, ++this.#processCount, name)
  }

  /** Runs `fn` in `delayMs` (>= 0). Without a process the event survives kills and ignores pauses. */
  schedule(delayMs: number, label: string, fn: () => void, process: SimProcess | null = null): SimEvent {
    assert(delayMs >= 0, () => `Cannot schedule ${label}: delay is ${delayMs}`)
    const event = new SimEvent(this.#nowMs + delayMs, this.#ties.float(), process, label, fn)
    this.#heap.push(event)
    return event
  }

  /** For SimProcess: queues a held event for this instant. */
  reschedule(event: SimEvent, tie: number): void {
    event.time = this.#nowMs
    event.tie = tie
    this.#heap.push(event)
  }

  /**
   * Runs `fn` when the present event is over, before the next one: the end of the turn. What the test does
   * between events is a turn of its own, which ends when the world goes on.
   */
  atTurnEnd(fn: () => void): void {
    if (this.#isRunning) this.#turnEnds.push(fn)
    else this.schedule(0, 'turn end', fn)
  }

  /** A line in the trace, and part of the hash. */
  note(text: string, process: SimProcess | null = null): void {
    this.#trace.record(this.#nowMs, process?.id ?? 0, process?.name ?? '', text)
  }

  /** Folds 32 bits of anything that must be the same in every run of this seed into the hash. */
  mix(value: number): void {
    this.#trace.mix(value)
  }

  /** Runs the next event; false when nothing is left that could run. */
  step(): boolean {
    const event = this.#next(Infinity)
    if (event === null) return false
    this.#run(event)
    return true
  }

  /** Runs until `condition` holds; throws (with a report) when it does not within the limits. */
  runUntil(condition: () => boolean, what = 'condition', limits: RunLimits = {}): void {
    const deadlineMs = this.#nowMs + (limits.timeoutMs ?? 60_000)
    const lastEvent = this.#eventCount + (limits.maxEvents ?? 10_000_000)
    this.#reporting(() => {
      while (!condition()) {
        const event = this.#next(deadlineMs)
        assert(event !== null, () => `${what}: not reached, ${this.#whyNot(deadlineMs)}`)
        this.#run(event)
        assert(this.#eventCount <= lastEvent, `${what}: not reached within the limit of events`)
      }
    })
  }

  /** Runs everything due within `durationMs`, then stands exactly that much later. */
  runFor(durationMs: number): void {
    const endMs = this.#nowMs + durationMs
    this.#reporting(() => {
      for (let event = this.#next(endMs); event !== null; event = this.#next(endMs)) this.#run(event)
    })
    this.#nowMs = endMs
  }

  /** Runs until no event is left; for worlds without periodic timers. */
  runAll(maxEvents = 1_000_000): void {
    const lastEvent = this.#eventCount + maxEvents
    this.#reporting(() => {
      while (this.step()) assert(this.#eventCount <= lastEvent, 'World does not come to rest')
    })
  }

  /** What a failing test prints: everything needed to see and replay it. */
  report(lines = 60): string {
    const when = `${this.#nowMs.toFixed(3)} ms, event ${this.#eventCount}`
    const head = `seed ${this.seed}, ${when}, hash ${this.hash}`
    return [head, ...this.#trace.lines(lines)].join('\n')
  }

  /** Takes the next event that may run at or before `limitMs`; null when there is none. */
  #next(limitMs: number): SimEvent | null {
    for (;;) {
      const event = this.#heap.peek()
      if (event === undefined || event.time > limitMs) return null
      this.#heap.pop()
      if (event.run === null) continue
      const process = event.process
      if (process === null) return event
      if (!process.alive) continue
      if (!process.paused) return event
      process.hold(event)
    }
  }

  #run(event: SimEvent): void {
    const run = event.run
    assert(run !== null && event.time >= this.#nowMs, 'An event runs once, and time does not go back')
    event.run = null
    this.#nowMs = event.time
    this.#eventCount++
    this.#trace.record(event.time, event.process?.id ?? 0, event.process?.name ?? '', event.label)
    this.#isRunning = true
    run()
    if (this.#turnEnds.length > 0) this.#endTurn()
    this.#isRunning = false
  }

  #endTurn(): void {
    while (this.#turnEnds.length > 0) {
      const turnEnds = this.#turnEnds
      this.#turnEnds = []
      for (const fn of turnEnds) fn()
    }
  }

  #whyNot(deadlineMs: number): string {
    return this.#heap.size === 0 ? 'nothing is left to happen' : `it is ${deadlineMs.toFixed(0)} ms`
  }

  /** Adds the report to the stack of whatever `fn` throws; its class and message stay. */
  #reporting(fn: () => void): void {
    try {
      fn()
    } catch (error) {
      if (error instanceof Error) error.stack = `${error.stack}\n--- simulation: ${this.report()}`
      throw error
    }
  }
}
