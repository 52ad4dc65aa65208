/**
 * When followers hear of a new commit index (R1): it rides on the next append; it goes alone when nothing follows
 * within 1 ms, and at once when clients of another node wait for it and no append is about to leave.
 */
import type { Clock, Timer } from '../../lib/clock.ts'
import type { Message } from '../../raft/messages.ts'
import type { Proposer } from './proposer.ts'

const DELAY_MS = 1

export interface CommitNewsOptions {
  readonly clock: Clock
  readonly core: { readonly role: string; readonly commitIndex: number; broadcastCommit(): void }
  readonly proposer: Proposer
  /** Sends what broadcastCommit() made. */
  readonly pump: () => void
}

export class CommitNews {
  readonly #options: CommitNewsOptions
  /** The highest commit index that left with some append. */
  #told = 0
  /** When the commit index moved beyond #told; meaningful while news is pending. */
  #sinceMs = 0
  #wasPending = false
  #hurried = false
  #timer: Timer | null = null

  constructor(options: CommitNewsOptions) {
    this.#options = options
  }

  sent(message: Message): void {
    if (message.kind !== 'appendEntries' || message.commitIndex <= this.#told) return
    this.#told = message.commitIndex
    this.#wasPending = false
  }

  /** Called at the end of a turn. */
  consider(): void {
    const hurried = this.#hurried
    this.#hurried = false
    if (!this.#pending()) return
    const { proposer, core, clock } = this.#options
    if (!this.#wasPending) {
      this.#wasPending = true
      this.#sinceMs = clock.monotonicMs()
    }
    const awaited = proposer.queuedBytes === 0 && proposer.takeRemote(core.commitIndex)
    if (hurried || awaited) this.#tell()
    else this.#arm(DELAY_MS)
  }

  /** Somebody waits for the news, another node's read: it leaves at the end of this turn. */
  hurry(): void {
    this.#hurried = true
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #arm(delayMs: number): void {
    this.#timer ??= this.#options.clock.setTimer(delayMs, () => {
      this.#timer = null
      if (!this.#pending()) return
      const leftMs = this.#sinceMs + DELAY_MS - this.#options.clock.monotonicMs()
      if (leftMs > 0) this.#arm(leftMs)
      else this.#tell()
    })
  }

  #pending(): boolean {
    const { core } = this.#options
    return core.role === 'leader' && core.commitIndex > this.#told
  }

  #tell(): void {
    this.#told = this.#options.core.commitIndex
    this.#wasPending = false
    this.#options.core.broadcastCommit()
    this.#options.pump()
  }
}
