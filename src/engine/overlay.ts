/**
 * The changes of one command before they reach the store (R2): physical key -> new value, null = deleted,
 * each key once. Most commands change one to three keys, where a search through a list is faster than
 * hashing; a long list gets an index.
 */
import type { ByteString } from '../lib/bytes.ts'
import type { EngineStore } from './types.ts'

const INDEXED_FROM = 8

/** A small ordered map of staged changes, used again by every command. */
export class Overlay {
  readonly #keys: ByteString[] = []
  readonly #values: (Buffer | null)[] = []
  #size = 0
  /** Position of each key, once there are INDEXED_FROM. */
  readonly #index = new Map<ByteString, number>()

  get size(): number {
    return this.#size
  }

  /** The staged value, null = staged as deleted, undefined = not staged. */
  get(key: ByteString): Buffer | null | undefined {
    const at = this.#find(key)
    return at < 0 ? undefined : this.#values[at]
  }

  /** True when the key was staged before. */
  set(key: ByteString, value: Buffer | null): boolean {
    let at = this.#find(key)
    const isStaged = at >= 0
    if (!isStaged) {
      at = this.#size++
      this.#keys[at] = key
      if (this.#size > INDEXED_FROM) this.#index.set(key, at)
      else if (this.#size === INDEXED_FROM) this.#indexAll()
    }
    this.#values[at] = value
    return isStaged
  }

  /** Puts every change into the store, in the order the keys were first changed, and forgets them. */
  moveTo(store: EngineStore): void {
    for (let at = 0; at < this.#size; at++) {
      store.put(this.#keys[at] as ByteString, this.#values[at] as Buffer | null)
    }
    this.clear()
  }

  clear(): void {
    if (this.#size >= INDEXED_FROM) {
      this.#index.clear()
      this.#keys.length = 0
      this.#values.length = 0
    } else {
      // The lists live on; what they hold must not.
      for (let at = 0; at < this.#size; at++) this.#values[at] = null
    }
    this.#size = 0
  }

  #find(key: ByteString): number {
    if (this.#size >= INDEXED_FROM) return this.#index.get(key) ?? -1
    for (let at = 0; at < this.#size; at++) if (this.#keys[at] === key) return at
    return -1
  }

  #indexAll(): void {
    for (let at = 0; at < this.#size; at++) this.#index.set(this.#keys[at] as ByteString, at)
  }
}
