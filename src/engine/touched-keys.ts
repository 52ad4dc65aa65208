/**
 * The physical keys that one command asked of the store, in order: what is fetched when one of them is not in memory
 * (R2). One list serves all commands of an engine, so that a command makes none.
 */
import type { ByteString } from '../lib/bytes.ts'

/** The list is used again up to this length; a longer one is given back. */
const KEPT = 1_000

export class TouchedKeys {
  readonly #keys: ByteString[] = []
  #size = 0

  /** A command begins: it has asked for nothing. */
  begin(): void {
    if (this.#size > KEPT) this.#keys.length = 0
    this.#size = 0
  }

  add(physicalKey: ByteString): void {
    this.#keys[this.#size++] = physicalKey
  }

  all(): ByteString[] {
    return this.#keys.slice(0, this.#size)
  }
}
