/**
 * The Random seam and its deterministic generator. Every component gets a fork of its own, so that one more draw
 * in one place does not shift the draws of another.
 */

export interface Random {
  /** A uniform integer in [0, 2^32). */
  u32(): number
  /** A uniform integer in [0, bound); 1 <= bound <= 2^32. */
  below(bound: number): number
  /** A uniform float in [0, 1). */
  float(): number
  /** `size` random bytes. The real implementation draws them from the operating system's generator. */
  bytes(size: number): Buffer
  /** An independent generator derived from this one's state and `label`. */
  fork(label: string): Random
}

/** sfc32 (Chris Doty-Humphrey, PractRand): small, fast, passes BigCrush. Not for secrets. */
export class SeededRandom implements Random {
  #a: number
  #b: number
  #c: number
  #counter = 1

  /** `seed` is any integer up to 2^53 - 1. */
  constructor(seed: number) {
    this.#a = seed >>> 0
    this.#b = Math.floor(seed / 2 ** 32) >>> 0
    this.#c = 0x9e3779b9
    for (let i = 0; i < 12; i++) this.u32()
  }

  u32(): number {
    const t = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (this.#c << 21) | (this.#c >>> 11)
    this.#c = (this.#c + t) | 0
    return t >>> 0
  }

  below(bound: number): number {
    return Math.floor(this.float() * bound)
  }

  float(): number {
    return this.u32() / 2 ** 32
  }

  bytes(size: number): Buffer {
    const out = Buffer.allocUnsafe(size)
    for (let i = 0; i < size; i++) out[i] = this.u32() & 0xff
    return out
  }

  fork(label: string): Random {
    let hash = 0x811c9dc5
    for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193)
    return new SeededRandom((hash >>> 0) + (this.u32() % 2 ** 20) * 2 ** 32)
  }
}
