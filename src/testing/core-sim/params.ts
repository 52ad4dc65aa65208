/**
 * Swarm testing: every seed draws its own cluster size, rates and limits, most faults being absent from most seeds,
 * so that rare combinations are not drowned by common ones.
 */
import type { Random } from '../../lib/random.ts'
import type { CoreLimits } from '../../raft/state.ts'

export interface SimParams {
  readonly voters: number
  /** Nodes that membership changes may add; every identity is used once. */
  readonly spares: number
  /** Founders start with the founding entry in their logs, or with a state behind it. */
  readonly foundedByEntry: boolean
  /** The length of the phase with faults, in virtual milliseconds. */
  readonly faultyMs: number
  readonly electionTicks: number
  readonly heartbeatTicks: number
  readonly limits: CoreLimits

  /** Network: probabilities per message, delays in milliseconds. */
  readonly loss: number
  readonly duplication: number
  readonly delayMinMs: number
  readonly delayMaxMs: number
  /** A message takes up to a hundred times longer: it may arrive in another age. */
  readonly stragglers: number
  readonly ordered: boolean
  /** Messages that go through the codec. */
  readonly encoded: number

  readonly diskMinMs: number
  readonly diskMaxMs: number
  /** This node's disk takes up to slowDiskMs instead; 0 = none does. */
  readonly slowNode: number
  readonly slowDiskMs: number
  /** Appended entries are readable before they are durable. */
  readonly visibleAtOnce: boolean
  /** entries() says 'pending', snapshot() says null. */
  readonly notInMemory: number
  /** The state machine falls behind by up to this long per slice. */
  readonly applyMs: number
  /** A turn of a node's loop gathers inputs for up to this long. */
  readonly turnMs: number

  /** Mean milliseconds between actions; 0 = never. */
  readonly proposeMs: number
  readonly readMs: number
  readonly crashMs: number
  readonly pauseMs: number
  readonly partitionMs: number
  readonly membershipMs: number
  readonly transferMs: number
  readonly compactMs: number
  readonly hintMs: number
  readonly stallMs: number
  /** Entries kept behind a compaction. */
  readonly trailing: number
}

export function drawParams(random: Random): SimParams {
  const sometimes = (probability: number, value: () => number): number =>
    random.float() < probability ? value() : 0
  const between = (low: number, high: number): number => low + random.below(high - low + 1)
  const delayMinMs = random.float() < 0.5 ? 0.2 : between(1, 5)
  const diskMinMs = random.float() < 0.5 ? 0.2 : between(1, 5)
  return {
    voters: [1, 2, 3, 3, 3, 3, 4, 5, 5][random.below(9)] ?? 3,
    spares: between(1, 4),
    foundedByEntry: random.float() < 0.5,
    faultyMs: between(1000, 2500),
    electionTicks: between(6, 16),
    heartbeatTicks: between(1, 3),
    limits: {
      inflightMessages: between(1, 8),
      inflightBytes: between(64, 4096),
      appendBytes: between(32, 1024),
      uncommittedBytes: between(64, 4096),
      pendingReads: between(2, 50),
    },
    loss: sometimes(0.5, () => random.float() * 0.3),
    duplication: sometimes(0.4, () => random.float() * 0.3),
    delayMinMs,
    delayMaxMs: delayMinMs + (random.float() < 0.7 ? between(1, 10) : between(10, 80)),
    stragglers: sometimes(0.3, () => random.float() * 0.05),
    ordered: random.float() < 0.3,
    encoded: 0.02,
    diskMinMs,
    diskMaxMs: diskMinMs + (random.float() < 0.7 ? between(1, 10) : between(10, 100)),
    slowNode: sometimes(0.25, () => between(1, 3)),
    slowDiskMs: between(100, 600),
    visibleAtOnce: random.float() < 0.5,
    notInMemory: sometimes(0.4, () => random.float() * 0.5),
    applyMs: random.float() < 0.7 ? 2 : between(5, 100),
    turnMs: sometimes(0.5, () => random.float() * 4),
    proposeMs: between(4, 30),
    readMs: between(5, 60),
    crashMs: sometimes(0.7, () => between(60, 600)),
    pauseMs: sometimes(0.4, () => between(80, 600)),
    partitionMs: sometimes(0.6, () => between(60, 600)),
    membershipMs: sometimes(0.6, () => between(30, 300)),
    transferMs: sometimes(0.4, () => between(50, 500)),
    compactMs: sometimes(0.6, () => between(30, 300)),
    hintMs: sometimes(0.4, () => between(50, 400)),
    stallMs: sometimes(0.3, () => between(150, 600)),
    trailing: random.below(10),
  }
}
