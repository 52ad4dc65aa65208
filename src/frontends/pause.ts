/**
 * CLIENT PAUSE: commands of clients wait at this node until the pause ends. A RESP connection whose command waits looks
 * at nothing behind it; of other doors, what a session gives behind a waiting command waits with it. So order is kept,
 * and memory is bounded by what was read already.
 */
import type { Session } from '../cluster/execute.ts'
import type { Clock, Timer } from '../lib/clock.ts'
import type { CommandSpec } from '../protocol/commands.ts'

/** write: commands that may change data wait. all: every command but CLIENT waits. */
export type PauseMode = 'write' | 'all'

const MAY_WRITE = new Set(['exec', 'publish', 'spublish'])

export class Pause {
  readonly #clock: Clock
  /** Connections have to look again whether they are concerned. */
  readonly #onChange: () => void
  #mode: PauseMode | null = null
  #untilMs = 0
  #timer: Timer | null = null
  #waiting: (() => void)[] = []
  /** Those of pass(). */
  readonly #waitingSessions = new Set<Session>()

  constructor(clock: Clock, onChange: () => void) {
    this.#clock = clock
    this.#onChange = onChange
  }

  get isActive(): boolean {
    return this.#mode !== null
  }

  /** A second pause lasts until the later end, and holds back what either does. */
  start(mode: PauseMode, forMs: number): void {
    const nowMs = this.#clock.monotonicMs()
    this.#untilMs = Math.max(this.#mode === null ? 0 : this.#untilMs, nowMs + forMs)
    this.#mode = this.#mode === 'all' ? 'all' : mode
    this.#timer?.cancel()
    this.#timer = this.#clock.setTimer(this.#untilMs - nowMs, () => this.end())
    this.#onChange()
  }

  end(): void {
    if (this.#mode === null) return
    this.#mode = null
    this.#timer?.cancel()
    this.#timer = null
    this.#onChange()
    const waiting = this.#waiting
    this.#waiting = []
    this.#waitingSessions.clear()
    for (const go of waiting) go()
  }

  /** Must the command wait? */
  holds({ spec }: { readonly spec: CommandSpec }): boolean {
    if (this.#mode === null || spec.name.startsWith('client')) return false
    return this.#mode === 'all' || spec.kind === 'write' || MAY_WRITE.has(spec.name)
  }

  /** Calls `go` at once, or when the pause is over if it holds the command or one before it of the same session. */
  pass(spec: CommandSpec, session: Session, go: () => void): void {
    if (!this.holds({ spec }) && !this.#waitingSessions.has(session)) return go()
    this.#waitingSessions.add(session)
    this.await(go)
  }

  /** `go` is called once, when the pause is over. */
  await(go: () => void): void {
    this.#waiting.push(go)
  }
}
