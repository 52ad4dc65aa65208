/**
 * The real Random: seeded from the operating system, whose generator also makes bytes(), because those become
 * ids and salts that nobody may guess.
 */
import { randomBytes } from 'node:crypto'
import { type Random, SeededRandom } from '../../lib/random.ts'

export class RealRandom implements Random {
  readonly #seeded = new SeededRandom(randomBytes(6).readUIntLE(0, 6))

  u32(): number {
    return this.#seeded.u32()
  }

  below(bound: number): number {
    return this.#seeded.below(bound)
  }

  float(): number {
    return this.#seeded.float()
  }

  bytes(size: number): Buffer {
    return randomBytes(size)
  }

  /** Independent of this one, whatever `label`. */
  fork(_label: string): Random {
    return new RealRandom()
  }
}
