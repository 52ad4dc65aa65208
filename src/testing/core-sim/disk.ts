/**
 * One node's simulated disk: a durable log, hard state and manifest, and writes on their way there. Writes complete in
 * order; a crash keeps a random prefix of those that were not acknowledged.
 */
import type { Random } from '../../lib/random.ts'
import type { Entry } from '../../protocol/entry.ts'
import { EMPTY_CONF } from '../../raft/membership.ts'
import type { ConfState, HardState, SnapshotMeta } from '../../raft/types.ts'
import { LogImage } from './log-image.ts'

/** The state machine as it is durable: its content is the chain. */
export interface Manifest {
  readonly index: number
  readonly term: number
  readonly chain: number
  readonly conf: ConfState
}

export interface Install {
  readonly meta: SnapshotMeta
  readonly chain: number
}

export interface Write {
  readonly number: number
  readonly entries: readonly Entry[]
  readonly hardState: HardState | null
  readonly install: Install | null
}

export class SimDisk {
  /** What survives a crash. */
  readonly durable = new LogImage()
  hardState: HardState = { term: 0, votedFor: 0, commitIndex: 0 }
  manifest: Manifest = { index: 0, term: 0, chain: 0, conf: EMPTY_CONF }
  /** What the node sees: durable plus everything appended. */
  readonly visible = new LogImage()
  #queue: Write[] = []

  /** A founder's first start: the founding entry in the log, or a state and log that begin behind it. */
  found(entry: Entry, conf: ConfState | null): void {
    this.durable.append([entry])
    this.hardState = { term: entry.term, votedFor: 0, commitIndex: entry.index }
    if (conf !== null) {
      const { index, term } = entry
      this.durable.compact(index)
      this.manifest = { index, term, chain: this.durable.base.chain, conf }
    }
    this.visible.copyFrom(this.durable)
  }

  get isIdle(): boolean {
    return this.#queue.length === 0
  }

  append(write: Write): void {
    this.#queue.push(write)
    this.visible.append(write.entries)
  }

  /** Makes the first `count` writes durable and returns them. */
  complete(count: number): Write[] {
    const done = this.#queue.splice(0, count)
    for (const write of done) this.#apply(write)
    return done
  }

  #apply(write: Write): void {
    if (write.install !== null) {
      const { meta, chain } = write.install
      this.durable.reset({ index: meta.index, term: meta.term, chain })
      this.visible.reset(this.durable.base)
      this.manifest = { index: meta.index, term: meta.term, chain, conf: meta.confState }
    }
    this.durable.append(write.entries)
    if (write.hardState !== null) this.hardState = write.hardState
  }

  get queued(): number {
    return this.#queue.length
  }

  /** Power is lost: a prefix of what was queued made it, the rest did not. */
  crash(random: Random): void {
    this.complete(random.below(this.#queue.length + 1))
    this.dropQueued()
  }

  /** Nothing of what was queued made it. */
  dropQueued(): void {
    this.#queue = []
    this.visible.copyFrom(this.durable)
  }

  /** Drops the log up to `index`, which the durable manifest covers. */
  compact(index: number): void {
    this.durable.compact(index)
    this.visible.compact(index)
  }
}
