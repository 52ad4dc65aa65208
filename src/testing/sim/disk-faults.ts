/**
 * What goes wrong with one simulated disk, and how slow it is. Rates are drawn by the test from its seed;
 * single faults are scripted with failNext(), stallSyncs() and friends on SimDisk.
 */
import { type CodedError, codedError } from '../../lib/coded-error.ts'
import type { Random } from '../../lib/random.ts'

export type DiskOperation =
  | 'open'
  | 'read'
  | 'write'
  | 'sync'
  | 'truncate'
  | 'rename'
  | 'remove'
  | 'syncFolder'
  | 'list'
  | 'makeFolder'
  | 'size'
  | 'space'
  | 'close'

/** Mean milliseconds; every operation takes half of it plus an exponential rest. */
export interface DiskLatency {
  readonly readMs: number
  readonly writeMs: number
  readonly syncMs: number
  /** Names: open, rename, remove, list… */
  readonly otherMs: number
  /** Transfer time of large reads and writes. */
  readonly bytesPerMs: number
}

export const DISK_LATENCY: DiskLatency = {
  readMs: 0.1,
  writeMs: 0.02,
  syncMs: 0.5,
  otherMs: 0.05,
  bytesPerMs: 500_000,
}

/** Probabilities in [0, 1], per operation. */
export interface DiskFaultRates {
  readError: number
  writeError: number
  syncError: number
  /** A sync that takes `slowSyncMs` more (exponential). */
  slowSync: number
  slowSyncMs: number
}

export interface ScriptedFault {
  readonly operation: DiskOperation
  /** Only paths that contain this text; default: all. */
  readonly path?: string
  /** Default EIO. */
  readonly code?: string
  /** How many operations fail; default 1, Infinity = until cleared. */
  readonly count?: number
  /** Matching operations that pass before the first fails; default 0. */
  readonly skip?: number
}

export class DiskFaults {
  readonly rates: DiskFaultRates = { readError: 0, writeError: 0, syncError: 0, slowSync: 0, slowSyncMs: 100 }
  readonly #random: Random
  readonly #latency: DiskLatency
  #scripted: { fault: ScriptedFault; skip: number; left: number }[] = []

  constructor(random: Random, latency: DiskLatency) {
    this.#random = random
    this.#latency = latency
  }

  failNext(fault: ScriptedFault): void {
    this.#scripted.push({ fault, skip: fault.skip ?? 0, left: fault.count ?? 1 })
  }

  clear(): void {
    this.#scripted = []
    Object.assign(this.rates, { readError: 0, writeError: 0, syncError: 0, slowSync: 0 })
  }

  /** The error this operation must fail with, or null. Draws: call once per operation. */
  next(operation: DiskOperation, path: string): CodedError | null {
    const code = this.#scriptedCode(operation, path) ?? (this.#drawn(operation) ? 'EIO' : null)
    return code === null ? null : codedError(code, `simulated fault, ${operation} '${path}'`)
  }

  latencyMs(operation: DiskOperation, bytes: number): number {
    const { readMs, writeMs, syncMs, otherMs, bytesPerMs } = this.#latency
    if (operation === 'read') return this.#exponential(readMs) + bytes / bytesPerMs
    if (operation === 'write') return this.#exponential(writeMs) + bytes / bytesPerMs
    if (operation !== 'sync' && operation !== 'syncFolder') return this.#exponential(otherMs)
    const slow = this.#hit(this.rates.slowSync) ? this.#exponential(this.rates.slowSyncMs) : 0
    return this.#exponential(syncMs) + slow + bytes / bytesPerMs
  }

  #exponential(meanMs: number): number {
    return (meanMs / 2) * (1 - Math.log(1 - this.#random.float()))
  }

  #drawn(operation: DiskOperation): boolean {
    if (operation === 'read') return this.#hit(this.rates.readError)
    if (operation === 'write') return this.#hit(this.rates.writeError)
    return operation === 'sync' && this.#hit(this.rates.syncError)
  }

  #hit(rate: number): boolean {
    return rate > 0 && this.#random.float() < rate
  }

  #scriptedCode(operation: DiskOperation, path: string): string | null {
    for (const entry of this.#scripted) {
      const { fault } = entry
      if (fault.operation !== operation || !path.includes(fault.path ?? '')) continue
      if (entry.skip-- > 0) continue
      if (--entry.left <= 0) this.#scripted = this.#scripted.filter((other) => other !== entry)
      return fault.code ?? 'EIO'
    }
    return null
  }
}
