/**
 * math.random() of scripts: the sequence of drand48(), seeded the same for every run, as Redis has it: what a script
 * draws is the same on every node.
 */

const MULTIPLIER = 0x5deece66dn
const INCREMENT = 0xbn
const MASK = (1n << 48n) - 1n
/** The lower bits of every seed. */
const SEED_LOW = 0x330en
const RANDOM_MAX = 0x7fffffff

export class ScriptRandom {
  #state = SEED_LOW

  seed(seed: number): void {
    const bits = BigInt.asUintN(32, BigInt(Math.trunc(Number.isFinite(seed) ? seed : 0)))
    this.#state = (bits << 16n) | SEED_LOW
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state * MULTIPLIER + INCREMENT) & MASK
    const drawn = Number(this.#state >> 17n)
    return (drawn % RANDOM_MAX) / RANDOM_MAX
  }
}
