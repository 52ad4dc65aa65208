/**
 * R9: seals the memtable when it or the log behind it is large enough, and gives log up only when a durable manifest
 * covers it, minus a trailing window for followers, and never what a snapshot in transfer will continue from.
 */
import type { Log } from '../../storage/log/types.ts'
import type { Store } from '../../storage/store/types.ts'

export interface LogRetentionOptions {
  readonly group: number
  readonly log: Log
  readonly store: Store
  /** Bytes of log kept behind the manifest. */
  readonly trailingBytes: number
  readonly lowestTransferIndex: () => number
  /** The replica's meta at the last applied entry. */
  readonly meta: () => Buffer
}

export class LogRetention {
  readonly #options: LogRetentionOptions

  constructor(options: LogRetentionOptions) {
    this.#options = options
  }

  /** True when a seal is due and must wait for a flush: nothing may be applied. */
  mustWait(): boolean {
    return this.#options.store.stalled && this.#due()
  }

  /** Seals if due. Only at an entry boundary. */
  afterEntry(): void {
    if (this.#due() && !this.#options.store.stalled) this.#options.store.seal(this.#options.meta())
  }

  /**
   * R6: seals although nothing is due, so that deletions reach the tables and log of whatever kind (messages leave no
   * record) can go. Only at an entry boundary.
   */
  sealEarly(): void {
    const { log, group, store, meta } = this.#options
    const holds = store.status().memtableBytes > 0 || log.bytesSince(group, store.manifestIndex + 1) > 0
    if (holds && !store.stalled) store.seal(meta())
  }

  /** A manifest with `manifestIndex` is durable, or a transfer ended: gives up log that nobody needs. */
  compact(manifestIndex: number): void {
    const { log, group, trailingBytes, lowestTransferIndex } = this.#options
    const groupLog = log.group(group)
    const limit = Math.min(manifestIndex, lowestTransferIndex())
    const first = groupLog.firstIndex()
    if (limit < first) return
    const total = log.bytesSince(group, first)
    const keepFrom = (index: number): boolean => log.bytesSince(group, index + 1) >= trailingBytes
    if (total <= trailingBytes) return
    let low = first - 1
    let high = limit
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (keepFrom(middle)) low = middle
      else high = middle - 1
    }
    if (low >= first) groupLog.compact(low)
  }

  #due(): boolean {
    const { log, group, store } = this.#options
    return store.shouldSeal(log.bytesSince(group, store.manifestIndex + 1))
  }
}
