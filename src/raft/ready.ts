/**
 * Makes Ready objects: numbers them, diffs the hard state, hands out what is new exactly once.
 */
import { assert } from '../lib/assert.ts'
import { readRoundIsDue } from './leader.ts'
import type { Message } from './messages.ts'
import type { CoreState } from './state.ts'
import type { HardState, Index, Ready } from './types.ts'

export class ReadyMaker {
  readonly #state: CoreState
  /** The hard state last handed out, and the commit index of the one that was last handed out to be synced. */
  #given: HardState
  #syncedCommit: Index
  #applyTo: Index
  #offered: CoreState['installing'] = null
  readonly #ready: Ready<Message>

  constructor(state: CoreState, hardState: HardState) {
    this.#state = state
    this.#given = hardState
    this.#syncedCommit = hardState.commitIndex
    this.#applyTo = state.log.appliedIndex
    this.#ready = {
      number: 0,
      hardState: null,
      mustSync: false,
      entries: [],
      messages: [],
      applyTo: this.#applyTo,
      reads: [],
      readsLostTo: 0,
      installSnapshot: null,
    }
  }

  /** A changed commit index is no reason of its own, unless it covers a configuration: it travels with the next one. */
  isDue(): boolean {
    const { log, outbox, reads } = this.#state
    return (
      !outbox.isEmpty ||
      log.hasUntaken ||
      outbox.hasUntagged ||
      this.#state.sendDue ||
      this.#mustSyncState ||
      this.#mustSyncCommit ||
      this.#nextApplyTo > this.#applyTo ||
      reads.hasNews ||
      this.#offered !== this.#state.installing ||
      readRoundIsDue(this.#state)
    )
  }

  get #mustSyncState(): boolean {
    return this.#state.term !== this.#given.term || this.#state.votedFor !== this.#given.votedFor
  }

  get #mustSyncCommit(): boolean {
    const { log } = this.#state
    return log.configAfter(this.#syncedCommit, log.commitIndex) !== null
  }

  /** While a snapshot is being installed the state machine stands still. */
  get #nextApplyTo(): Index {
    return this.#state.installing === null ? this.#state.log.applicable() : this.#applyTo
  }

  make(): Ready<Message> {
    const { log, outbox, persistence, reads, peerId } = this.#state
    const ready = this.#ready
    ready.entries = log.take()
    ready.mustSync = ready.entries.length > 0 || this.#mustSyncState || this.#mustSyncCommit
    ready.hardState = this.#takeHardState(ready.mustSync)
    ready.number = persistence.issue(ready.mustSync, ready.entries.at(-1)?.index ?? 0, log.commitIndex)
    outbox.tag(persistence.lastSync)
    if (persistence.isPersisted(persistence.lastSync)) {
      const own = outbox.release(persistence.lastSync, peerId)
      assert(own.length === 0, 'A message to itself depended on nothing')
    }
    ready.messages = outbox.take()
    this.#applyTo = this.#nextApplyTo
    ready.applyTo = this.#applyTo
    ready.reads = reads.takeConfirmed()
    ready.readsLostTo = reads.takeLost()
    this.#takeOffer(ready)
    return ready
  }

  /**
   * The commit index is written lazily, but never later than entries: whoever holds an entry durably must also know
   * durably what its sender knew to be committed, or it could campaign under a configuration that is too old.
   */
  #takeHardState(mustSync: boolean): HardState | null {
    const { term, votedFor, log } = this.#state
    const { commitIndex } = log
    const changed = this.#mustSyncState || commitIndex !== this.#given.commitIndex
    if (!changed && !(mustSync && commitIndex !== this.#syncedCommit)) return null
    this.#given = { term, votedFor, commitIndex }
    if (mustSync) this.#syncedCommit = commitIndex
    return this.#given
  }

  #takeOffer(ready: Ready<Message>): void {
    const { installing } = this.#state
    ready.installSnapshot = installing !== this.#offered ? installing : null
    this.#offered = installing
  }
}
