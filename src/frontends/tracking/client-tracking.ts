/** CLIENT TRACKING of one connection: how it wants to be told that what it read has changed. */
import type { CommandSpec } from '../../protocol/commands.ts'

/** Which reads are tracked: all, those behind CLIENT CACHING YES, all but those behind CACHING NO; or prefixes. */
export type TrackingMode = 'all' | 'optin' | 'optout' | 'broadcast'

export interface TrackingOptions {
  readonly mode: TrackingMode
  /** The number of the connection that is told instead; 0 = this one. */
  readonly redirect: number
  /** Its own changes are not told. */
  readonly noLoop: boolean
  /** Of 'broadcast': keys that begin with one of them; at least one. */
  readonly prefixes: readonly Buffer[]
}

export class ClientTracking {
  readonly options: TrackingOptions
  /** CLIENT CACHING was called for the next command, or for the transaction that begins. */
  isCachingGiven = false
  /** The connection that was to be told is gone. */
  isRedirectBroken = false
  #isRead = false

  constructor(options: TrackingOptions) {
    this.options = options
  }

  /** A command is looked at: decides whether what it reads is tracked. */
  begin(spec: CommandSpec, isQueued: boolean): void {
    const { mode } = this.options
    this.#isRead = mode === 'all' || (mode !== 'broadcast' && (mode === 'optin') === this.isCachingGiven)
    if (!isQueued && spec.name !== 'multi' && !spec.name.startsWith('client|')) this.isCachingGiven = false
  }

  /** CLIENT CACHING `word` is part of the transaction that EXEC is about to execute: it holds for all of its reads. */
  cachingQueued(word: string): void {
    if (this.options.mode === 'optin' && word === 'yes') this.#isRead = true
    if (this.options.mode === 'optout' && word === 'no') this.#isRead = false
  }

  /** What the present command reads is to be remembered. */
  get isTracked(): boolean {
    return this.#isRead
  }
}
