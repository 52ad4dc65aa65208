/**
 * Replaces this replica's state by a received snapshot (R10 steps 2 to 4): install record and term to the log,
 * manifest, then memory. While it runs nothing is applied. A crash at any point is repaired at the next start from
 * the record.
 */
import { isTooNew } from '../../engine/too-new.ts'
import type { Engine } from '../../engine/types.ts'
import type { RaftCore } from '../../raft/core.ts'
import type { Log } from '../../storage/log/types.ts'
import type { Store } from '../../storage/store/types.ts'
import { loadAppliedState } from '../applied-state.ts'
import type { Applier } from '../applier.ts'
import type { Configuration } from '../members/configuration.ts'
import type { ReceivedSnapshot } from './snapshot-receiver.ts'

export interface InstallerOptions {
  readonly group: number
  readonly core: RaftCore
  readonly log: Log
  readonly store: Store
  readonly engine: Engine
  readonly applier: Applier
  readonly configuration: Configuration
  readonly onFatal: (error: Error) => void
  /** The new state stands. */
  readonly installed: (snapshot: ReceivedSnapshot) => void
}

export class Installer {
  readonly #options: InstallerOptions
  #busy = false

  constructor(options: InstallerOptions) {
    this.#options = options
  }

  get busy(): boolean {
    return this.#busy
  }

  install(snapshot: ReceivedSnapshot): void {
    const { core, log, store, applier, group, onFatal } = this.#options
    // A stopped node leaves the rest to the next start, as after a crash.
    if (applier.stopped) return
    this.#busy = true
    const commitIndex = Math.max(core.commitIndex, snapshot.index)
    log.group(group).install(snapshot, { ...core.hardState, commitIndex }, () => {
      if (applier.stopped) return
      store.install(snapshot.manifest, (error) => {
        if (applier.stopped) return
        if (error !== null) return onFatal(error)
        this.#adopt(snapshot)
      })
    })
    log.flush()
  }

  #adopt(snapshot: ReceivedSnapshot): void {
    const { core, log, store, engine, applier, configuration, group, onFatal } = this.#options
    try {
      loadAppliedState({ store, engine, configuration })
    } catch (error) {
      if (!isTooNew(error)) throw error
      return onFatal(error)
    }
    this.#busy = false
    applier.reset(snapshot.index)
    core.snapshotInstalled({ index: snapshot.index, term: snapshot.term, confState: configuration.confState })
    log.group(group).installed(snapshot.index)
    log.flush()
    this.#options.installed(snapshot)
  }
}
