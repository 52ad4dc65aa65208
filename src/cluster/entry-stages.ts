/**
 * How long entries take from stage to stage on this node: appended (handed to the log), durable here, known to be
 * committed, applied, replied. Keeps the times of the newest entries only; an entry that this process did not append
 * itself (recovered, from a snapshot) is not measured.
 */
import { Histogram } from '../lib/histogram.ts'

/** Entries under way that are timed; of more than these the oldest are forgotten. */
const RING = 4_096
/** Entries of one turn whose replies are timed. */
const REPLIES = 1_024

export class EntryStages {
  /** Seconds from append to durable here. */
  readonly synced = new Histogram()
  /** Seconds from append to known here to be committed. */
  readonly committed = new Histogram()
  /** Seconds from known to be committed to applied. */
  readonly applied = new Histogram()
  /** Seconds from applied to the turn behind the one in which the replies left; entries of own clients only. */
  readonly replied = new Histogram()
  readonly #indexes = new Float64Array(RING)
  readonly #appendedMs = new Float64Array(RING)
  readonly #committedMs = new Float64Array(RING)
  #syncedTo = 0
  #committedTo = 0
  readonly #unreplied = new Float64Array(REPLIES)
  #unrepliedCount = 0
  #hasReplies = false

  /** Entries [first, last] were handed to the log; they replace what was there from `first` on. */
  onAppended(first: number, last: number, nowMs: number): void {
    this.#syncedTo = Math.min(this.#syncedTo, first - 1)
    for (let index = Math.max(first, last - RING + 1); index <= last; index++) {
      const slot = index % RING
      this.#indexes[slot] = index
      this.#appendedMs[slot] = nowMs
      this.#committedMs[slot] = Number.NaN
    }
  }

  /** Everything up to `index` is durable here. */
  onSynced(index: number, nowMs: number): void {
    for (let at = Math.max(this.#syncedTo, index - RING) + 1; at <= index; at++) {
      if (this.#isTimed(at)) this.synced.record((nowMs - (this.#appendedMs[at % RING] as number)) / 1000)
    }
    this.#syncedTo = Math.max(this.#syncedTo, index)
  }

  /** Everything up to `index` is known here to be committed. */
  onCommitted(index: number, nowMs: number): void {
    if (index <= this.#committedTo) return
    for (let at = Math.max(this.#committedTo, index - RING) + 1; at <= index; at++) {
      if (!this.#isTimed(at)) continue
      this.committed.record((nowMs - (this.#appendedMs[at % RING] as number)) / 1000)
      this.#committedMs[at % RING] = nowMs
    }
    this.#committedTo = index
  }

  /** A reply to a client of this node was given for the entry that is being applied. */
  onReply(): void {
    this.#hasReplies = true
  }

  onApplied(index: number, nowMs: number): void {
    const committedMs = this.#isTimed(index) ? (this.#committedMs[index % RING] as number) : Number.NaN
    if (!Number.isNaN(committedMs)) this.applied.record((nowMs - committedMs) / 1000)
    if (this.#hasReplies && this.#unrepliedCount < REPLIES) this.#unreplied[this.#unrepliedCount++] = nowMs
    this.#hasReplies = false
  }

  /** A turn begins: the replies given in the one before have left for their sockets. */
  onTurn(nowMs: number): void {
    for (let i = 0; i < this.#unrepliedCount; i++) {
      this.replied.record((nowMs - (this.#unreplied[i] as number)) / 1000)
    }
    this.#unrepliedCount = 0
  }

  #isTimed(index: number): boolean {
    return this.#indexes[index % RING] === index
  }
}
