/**
 * Which connections read which keys and are to be told when one changes. Bounded by limits.trackedKeys and
 * limits.trackingBytes (R20): beyond it the keys remembered first are given up, and their readers told so.
 */
import type { ByteString } from '../../lib/bytes.ts'
import { limits } from '../../protocol/limits.ts'

/** What one reader of one key costs beside the key, in bytes, roughly. */
const OVERHEAD_BYTES = 64

/** Numbers of connections; one alone needs no set. */
type Readers = number | Set<number>

export class TrackingTable {
  readonly #readers = new Map<ByteString, Readers>()
  #bytes = 0

  /** Keys that somebody is to be told of. */
  get size(): number {
    return this.#readers.size
  }

  /** Connection `id` has read `key`. */
  add(key: ByteString, id: number): void {
    const readers = this.#readers.get(key)
    if (readers === undefined) {
      this.#readers.set(key, id)
      this.#bytes += key.length + OVERHEAD_BYTES
    } else if (typeof readers !== 'number') {
      if (readers.has(id)) return
      readers.add(id)
      this.#bytes += OVERHEAD_BYTES
    } else if (readers !== id) {
      this.#readers.set(key, new Set([readers, id]))
      this.#bytes += OVERHEAD_BYTES
    }
  }

  /** Keys must be given up: oldest() first. */
  get isTooLarge(): boolean {
    return this.#readers.size > limits.trackedKeys || this.#bytes > limits.trackingBytes
  }

  /** The key remembered first. */
  oldest(): ByteString | null {
    for (const key of this.#readers.keys()) return key
    return null
  }

  /** Forgets the key; gives the numbers of its readers. */
  take(key: ByteString): readonly number[] {
    const readers = this.#readers.get(key)
    if (readers === undefined) return []
    this.#readers.delete(key)
    const ids = typeof readers === 'number' ? [readers] : [...readers]
    this.#bytes -= key.length + ids.length * OVERHEAD_BYTES
    return ids
  }

  clear(): void {
    this.#readers.clear()
    this.#bytes = 0
  }
}
