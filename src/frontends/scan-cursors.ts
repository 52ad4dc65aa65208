/**
 * SCAN cursors: numbers that stand for a resume key, kept here in a bounded table whose oldest entry goes
 * first (design section 6). A cursor this node does not know is an error, never a silent restart.
 */
import { crc32 } from '../lib/crc32.ts'
import { limits } from '../protocol/limits.ts'

export interface ScanPosition {
  readonly database: number
  /** Opaque: what the last page said to resume with. */
  readonly resume: Buffer
}

export class ScanCursors {
  readonly #positions = new Map<number, ScanPosition>()
  #last: number

  /**
   * `bootId` differs at every start of a process, so that a cursor of an earlier one is not taken for one of
   * ours.
   */
  constructor(bootId: string) {
    this.#last = crc32(Buffer.from(bootId)) * 2 ** 18
  }

  get size(): number {
    return this.#positions.size
  }

  /** A new cursor, 1 .. 2^53 - 1. */
  keep(position: ScanPosition): number {
    this.#last++
    this.#positions.set(this.#last, position)
    if (this.#positions.size > limits.scanCursors) {
      for (const oldest of this.#positions.keys()) {
        this.#positions.delete(oldest)
        break
      }
    }
    return this.#last
  }

  /** The position; it stays known, since a client may ask for a page again after a lost reply. */
  find(cursor: number): ScanPosition | null {
    return this.#positions.get(cursor) ?? null
  }
}
