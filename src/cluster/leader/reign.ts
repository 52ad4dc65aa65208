/**
 * One node's time as leader, from the moment its state is complete: this term's first entry is applied, so the log
 * clock can start above every stamp (R12), reads have a commit to stand on, and proposals may be stamped. Owns the
 * entries that a leader proposes of its own accord: ticks, sessions, and the engine level (R7).
 */
import type { Engine } from '../../engine/types.ts'
import { EntryKind, encodeEntry } from '../../protocol/entry.ts'
import type { PeerId } from '../../protocol/members.ts'
import { encodeStamp } from '../../protocol/runs.ts'
import type { Configuration } from '../members/configuration.ts'
import { encodeSessionEntry } from '../session-entry.ts'
import { encodeLevel } from './engine-levels.ts'
import type { LogClock } from './log-clock.ts'
import type { ProposalTarget } from './proposer.ts'

export interface ReignOptions {
  readonly group: number
  readonly core: ProposalTarget
  readonly engine: Engine
  readonly configuration: Configuration
  readonly logClock: LogClock
  /** This node leads with complete state from now on. */
  readonly began: () => void
  /** Something was proposed, or may be from now on. */
  readonly changed: () => void
}

export class Reign {
  readonly #options: ReignOptions
  /** Index of this term's first entry while elected and not yet leading; 0 otherwise. */
  #awaited = 0
  #leading = false
  #tickMs = 0
  #level = 0

  constructor(options: ReignOptions) {
    this.#options = options
  }

  /** True when this node leads with complete state. */
  get leading(): boolean {
    return this.#leading
  }

  /**
   * The role or term changed. `firstIndex`: the index of the new term's first entry when this node was elected, else
   * 0.
   */
  restart(firstIndex: number, appliedIndex: number): void {
    this.#leading = false
    this.#tickMs = 0
    this.#level = 0
    this.#awaited = firstIndex
    this.applied(appliedIndex)
  }

  applied(index: number): void {
    if (this.#awaited === 0 || index < this.#awaited) return
    this.#awaited = 0
    this.#leading = true
    this.#options.logClock.start(this.#options.engine.stampMs)
    this.#options.began()
    this.#options.changed()
  }

  /** A tick entry with at least `stampMs`, unless it is applied or on its way (R12: one shared tick). */
  proposeTick(stampMs: number): void {
    if (!this.#leading || stampMs <= Math.max(this.#options.engine.stampMs, this.#tickMs)) return
    const tickMs = Math.max(stampMs, this.#options.logClock.nowMs())
    if (this.#propose(EntryKind.tick, encodeStamp(tickMs))) this.#tickMs = tickMs
  }

  /** Opens the session of a member's process, unless it is open (R13). */
  proposeSession(peerId: PeerId, bootId: string): void {
    if (!this.#leading || !this.#options.configuration.contains(peerId)) return
    if (this.#options.engine.sessionOf(peerId, bootId) !== null) return
    this.#propose(EntryKind.session, encodeSessionEntry({ peerId, bootId }))
  }

  /** The highest level that the group has or may soon have, as this leader knows it. */
  get level(): number {
    return Math.max(this.#level, this.#options.engine.engineLevel)
  }

  /** R7: the caller knows that every member executes `level`. */
  proposeLevel(level: number): void {
    if (!this.#leading || level <= this.level) return
    if (this.#propose(EntryKind.level, encodeLevel(level))) this.#level = level
  }

  #propose(kind: EntryKind, payload: Buffer): boolean {
    const { core, group } = this.#options
    const outcome = core.propose(encodeEntry(group, core.term, core.lastIndex + 1, kind, [payload]))
    this.#options.changed()
    return outcome === 'ok'
  }
}
