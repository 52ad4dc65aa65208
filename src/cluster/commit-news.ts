/**
 * When followers hear of a new commit index (R1): it rides on the next append; it goes alone when nothing follows
 * within 1 ms, and at once when clients of another node wait for it and no append is about to leave.
 */
import type { Clock, Timer } from '../lib/clock.ts'
import type { Message } from '../raft/messages.ts'
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
  #timer: Timer | null = null

  constructor(options: CommitNewsOptions) {
    this.#options = options
  }

  sent(message: Message): void {
    if (message.kind === 'appendEntries') this.#told = Math.max(this.#told, message.commitIndex)
  }

  /** Called at the end of a turn. */
  consider(): void {
    if (!this.#pending()) return
    const { proposer, core, clock } = this.#options
    if (proposer.queuedBytes === 0 && proposer.takeRemote(core.commitIndex)) return this.#tell()
    this.#timer ??= clock.setTimer(DELAY_MS, () => {
      this.#timer = null
      if (this.#pending()) this.#tell()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #pending(): boolean {
    const { core } = this.#options
    return core.role === 'leader' && core.commitIndex > this.#told
  }

  #tell(): void {
    this.#told = this.#options.core.commitIndex
    this.#options.core.broadcastCommit()
    this.#options.pump()
  }
}
