/**
 * The bytes of one simulated file: what a reader sees now and what a power failure may leave. Every sector
 * written since the last successful sync remembers its durable bytes (its "before"); a crash puts a random
 * choice of them back. A sector is the unit that is written whole or not at all.
 */
import { assert } from '../../lib/assert.ts'
import type { Random } from '../../lib/random.ts'

export const SECTOR_BYTES = 512

/**
 * What survives a power failure of all that was not synced: nothing, everything, a prefix in the order of
 * writing, or any subset. Synced data survives in every mode.
 */
export type Keep = 'none' | 'all' | 'prefix' | 'subset'

export class SimFile {
  /** Bytes from `#size` on are zero. */
  #data = Buffer.alloc(0)
  #size = 0
  #durableSize = 0
  /** The smallest size since the last sync; below `#durableSize` when a truncation is not durable yet. */
  #cutSize = Infinity
  /** Sector number -> durable bytes (null: zeros), in the order of first writing. */
  #before = new Map<number, Buffer | null>()
  /** The same for sectors whose sync failed: shown to readers, never written again by a later sync. */
  #lost = new Map<number, Buffer | null>()

  get size(): number {
    return this.#size
  }

  /** A copy; shorter at the end of the file. */
  read(offset: number, length: number): Buffer {
    const end = Math.min(this.#size, offset + length)
    return offset >= end ? Buffer.alloc(0) : Buffer.from(this.#data.subarray(offset, end))
  }

  write(offset: number, bytes: Buffer): void {
    if (bytes.length === 0) return
    const end = offset + bytes.length
    this.#remember(offset, end)
    this.#reserve(end)
    bytes.copy(this.#data, offset)
    this.#size = Math.max(this.#size, end)
  }

  truncate(size: number): void {
    if (size < this.#size) {
      this.#remember(size, this.#size)
      this.#data.fill(0, size, this.#size)
      this.#cutSize = Math.min(this.#cutSize, size)
    }
    this.#reserve(size)
    this.#size = size
  }

  /** fdatasync that succeeded. */
  sync(): void {
    this.#before.clear()
    this.#durableSize = this.#size
    this.#cutSize = Infinity
  }

  /**
   * fdatasync that failed: some sectors reached the disk; the rest is dropped and will not be tried again.
   */
  failSync(random: Random): void {
    for (const [sector, before] of this.#before) {
      if (random.below(2) === 0) this.#lost.set(sector, before)
    }
    this.#before.clear()
    if (random.below(2) === 0) this.#durableSize = this.#size
  }

  /** Inverts one bit of a stored byte, durably: damage by the medium. */
  flipBit(offset: number, bit: number): void {
    assert(offset < this.#size, () => `Cannot flip a bit at ${offset}: size is ${this.#size}`)
    const flip = (bytes: Buffer, at: number): void => {
      bytes[at] = (bytes[at] as number) ^ (1 << bit)
    }
    flip(this.#data, offset)
    const sector = Math.floor(offset / SECTOR_BYTES)
    const before = this.#before.get(sector) ?? this.#lost.get(sector)
    if (before) flip(before, offset % SECTOR_BYTES)
  }

  /** Power failure: what was not synced survives as `keep` says; afterwards everything is durable. */
  crash(random: Random, keep: Keep): void {
    for (const [sector, before] of this.#lost) if (random.below(2) === 0) this.#restore(sector, before)
    if (this.#cutSize < this.#durableSize) this.#crashCut(random, keep)
    this.#crashSectors(random, keep)
    this.#crashSize(random, keep)
    this.#lost.clear()
    this.sync()
  }

  /**
   * Decides whether a truncation reached the disk: then what was beyond it is zeros, else it is as before.
   */
  #crashCut(random: Random, keep: Keep): void {
    const cutSize = this.#cutSize
    const reached = keep === 'all' || (keep !== 'none' && random.below(2) === 0)
    for (const [sector, before] of this.#before) {
      const start = sector * SECTOR_BYTES
      if (start + SECTOR_BYTES <= cutSize) continue
      if (!reached) {
        this.#restore(sector, before)
        this.#before.delete(sector)
      } else if (start >= cutSize) this.#before.set(sector, null)
      else before?.fill(0, cutSize - start)
    }
    if (reached) this.#durableSize = cutSize
    else this.#size = this.#durableSize
  }

  #crashSectors(random: Random, keep: Keep): void {
    if (keep === 'all') return
    let prefix = keep === 'prefix' ? random.below(this.#before.size + 1) : 0
    for (const [sector, before] of this.#before) {
      const kept = keep === 'subset' ? random.below(2) === 0 : prefix-- > 0
      if (!kept) this.#restore(sector, before)
    }
  }

  /** A growth that was not synced may be lost, kept, or reach any size between. */
  #crashSize(random: Random, keep: Keep): void {
    const growth = this.#size - this.#durableSize
    if (growth <= 0 || keep === 'all') return
    const choice = keep === 'none' ? 0 : random.below(3)
    if (choice === 1) return
    const size = this.#durableSize + (choice === 0 ? 0 : random.below(growth + 1))
    this.#data.fill(0, size, this.#size)
    this.#size = size
  }

  #restore(sector: number, before: Buffer | null): void {
    const start = sector * SECTOR_BYTES
    this.#reserve(start + SECTOR_BYTES)
    if (before === null) this.#data.fill(0, start, start + SECTOR_BYTES)
    else before.copy(this.#data, start)
  }

  #remember(from: number, to: number): void {
    const last = Math.floor((to - 1) / SECTOR_BYTES)
    for (let sector = Math.floor(from / SECTOR_BYTES); sector <= last; sector++) {
      if (this.#before.has(sector)) continue
      const lost = this.#lost.get(sector)
      this.#lost.delete(sector)
      this.#before.set(sector, lost === undefined ? this.#sector(sector) : lost)
    }
  }

  /** A copy of a sector, padded with zeros; null when it lies beyond the end. */
  #sector(sector: number): Buffer | null {
    const start = sector * SECTOR_BYTES
    if (start >= this.#size) return null
    const copy = Buffer.alloc(SECTOR_BYTES)
    this.#data.copy(copy, 0, start, Math.min(start + SECTOR_BYTES, this.#data.length))
    return copy
  }

  #reserve(size: number): void {
    if (size <= this.#data.length) return
    const capacity = Math.max(size, this.#data.length * 2, 4 * SECTOR_BYTES)
    const data = Buffer.alloc(Math.ceil(capacity / SECTOR_BYTES) * SECTOR_BYTES)
    this.#data.copy(data)
    this.#data = data
  }
}
