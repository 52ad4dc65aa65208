/**
 * What EXEC knows of a watched key that is absent as it was when it was watched: whether it may have come and gone in
 * between. Two bounded memories of the replicated state; where both are silent the answer is yes, which costs a client
 * one more try and never a lost update.
 */
import type { ByteString } from '../lib/bytes.ts'
import { RecentCreations } from './creations.ts'
import { DATABASE_COUNT } from './databases.ts'
import { RecentDeletions } from './deletions.ts'

export class Presence {
  readonly deletions = new RecentDeletions()
  readonly creations = new RecentCreations()
  /** Logical databases that the command in execution emptied or exchanged, a bit each, */
  #remapped = 0
  /** and those that it exchanged. */
  #swapped = 0

  flush(database: number): void {
    this.#remapped |= 1 << database
  }

  swap(a: number, b: number): void {
    this.#remapped |= (1 << a) | (1 << b)
    this.#swapped |= (1 << a) | (1 << b)
  }

  /** The command takes effect with `revision`. */
  commit(revision: number): void {
    if (this.#remapped === 0) return
    for (let database = 0; database < DATABASE_COUNT; database++) {
      if ((this.#remapped & (1 << database)) !== 0) this.deletions.noteDatabase(database, revision)
      if ((this.#swapped & (1 << database)) !== 0) this.creations.noteSwap(database, revision)
    }
    this.rollBack()
  }

  rollBack(): void {
    this.#remapped = 0
    this.#swapped = 0
  }

  /** False when it is certain that the key of `database`, absent at `revision` and now, was absent all the time. */
  mayHaveComeAndGone(database: number, physicalKey: ByteString, revision: number): boolean {
    if (!this.deletions.cameAndWent(database, physicalKey, revision)) return false
    return !this.creations.neverSince(database, physicalKey, revision)
  }
}
