/**
 * Swarm testing of whole nodes: every seed draws its own cluster size, tunables, workload and faults. Most kinds of
 * faults are absent from most seeds, so that rare combinations are not drowned by common ones.
 */
import { ENGINE_LEVEL, FIRST_LEVEL } from '../../engine/level.ts'
import type { Random } from '../../lib/random.ts'

export interface NodeSimParams {
  readonly nodes: number
  /** Virtual milliseconds with faults. */
  readonly faultyMs: number
  readonly clients: number
  /** Mean time between the batches of one client, ms. */
  readonly thinkMs: number
  /** Commands of one batch: sent in one turn on one connection. */
  readonly pipeline: number
  /** Largest value, bytes. */
  readonly valueBytes: number
  /** Keys of each kind. */
  readonly keys: number

  readonly segmentBytes: number
  readonly memtableBytes: number
  readonly memtableLogBytes: number
  readonly trailingLogBytes: number
  readonly cacheBytes: number

  readonly latencyMs: number
  readonly syncMs: number
  readonly resetRate: number
  readonly slowSync: number
  readonly clockSkewMs: number
  readonly clockDrift: number

  /** All machines lose power together when the faults end. */
  readonly finalCrash: boolean

  /** Mean milliseconds between faults of a kind; 0 = never. */
  readonly crashMs: number
  readonly killMs: number
  readonly pauseMs: number
  readonly partitionMs: number
  readonly resetMs: number
  readonly stallMs: number
  readonly syncErrorMs: number
  readonly jobErrorMs: number
  readonly fullDiskMs: number
  readonly clockJumpMs: number
  readonly shutdownMs: number
  readonly transferMs: number
  readonly membershipMs: number

  /** Clients that copy the keyspace by listings and watches, and clients that repeat writes. */
  readonly watchers: number
  readonly watchHistoryBytes: number
  readonly idempotentWriters: number
  /** Clients that publish; 0 unless asked for, because whatever is drawn shifts what else happens. */
  readonly messengers: number
  /** Clients of scripts. */
  readonly scripters: number

  /** R7: what the newest program executes, how many machines begin with one of the first level, and faults of that. */
  readonly engineLevel: number
  readonly olderPrograms: number
  /** Mean milliseconds until a machine is started with another program; 0 = never. */
  readonly otherProgramMs: number
}

/** For seeds whose events must stay as they are: what was added to the simulation since is left out. */
export const WITHOUT_LEVELS: Partial<NodeSimParams> = {
  engineLevel: FIRST_LEVEL,
  olderPrograms: 0,
  otherProgramMs: 0,
  scripters: 0,
}
export const WITHOUT_WATCHERS: Partial<NodeSimParams> = {
  ...WITHOUT_LEVELS,
  watchers: 0,
  idempotentWriters: 0,
}

const KiB = 1024

export function drawNodeParams(random: Random): NodeSimParams {
  const between = (low: number, high: number): number => low + random.below(high - low + 1)
  const sometimes = (probability: number, low: number, high: number): number => {
    const value = between(low, high)
    return random.float() < probability ? value : 0
  }
  const pick = <T>(...values: readonly T[]): T => values[random.below(values.length)] as T
  const skewed = random.float() < 0.25
  return {
    nodes: pick(1, 3, 3, 3, 3, 3, 3, 5),
    faultyMs: between(1500, 4000),
    clients: between(3, 6),
    thinkMs: between(6, 40),
    pipeline: pick(1, 2, 4, 12),
    valueBytes: pick(16, 200, 2000, 6000),
    keys: between(3, 8),

    segmentBytes: pick(64, 128, 512) * KiB,
    memtableBytes: pick(8, 16, 64, 256) * KiB,
    memtableLogBytes: pick(32, 128, 1024) * KiB,
    trailingLogBytes: pick(0, 4, 64, 512) * KiB,
    cacheBytes: pick(16, 64, 1024) * KiB,

    latencyMs: pick(0.1, 0.5, 5),
    syncMs: pick(0.1, 0.5, 4),
    resetRate: random.float() < 0.15 ? 0.002 * random.float() : 0,
    slowSync: random.float() < 0.2 ? 0.1 * random.float() : 0,
    clockSkewMs: skewed ? pick(50, 500, 3000) : 0,
    clockDrift: skewed ? pick(0, 0.001, 0.05) : 0,
    finalCrash: random.float() < 0.3,

    crashMs: sometimes(0.5, 300, 2000),
    killMs: sometimes(0.4, 300, 2000),
    pauseMs: sometimes(0.4, 300, 2000),
    partitionMs: sometimes(0.5, 300, 1500),
    resetMs: sometimes(0.3, 100, 1000),
    stallMs: sometimes(0.25, 600, 2000),
    syncErrorMs: sometimes(0.2, 500, 2500),
    jobErrorMs: sometimes(0.2, 200, 1500),
    fullDiskMs: sometimes(0.2, 600, 2000),
    clockJumpMs: skewed ? between(300, 2000) : 0,
    shutdownMs: sometimes(0.25, 500, 2500),
    transferMs: sometimes(0.3, 200, 1500),
    membershipMs: sometimes(0.3, 400, 1500),

    watchers: pick(0, 1, 2),
    watchHistoryBytes: pick(64, 256, 4096) * KiB,
    idempotentWriters: pick(0, 1),
    messengers: 0,

    engineLevel: ENGINE_LEVEL,
    olderPrograms: pick(0, 0, 0, 1, 1, 5),
    otherProgramMs: sometimes(0.4, 300, 1500),
    scripters: pick(0, 1, 2),
  }
}
