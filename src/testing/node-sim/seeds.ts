/** Runs many seeds of whole nodes, checks that they are deterministic, and adds up what happened. */
import { assert } from '../../lib/assert.ts'
import { type NodeSimOptions, type NodeSimReport, runNodeSeed } from './simulation.ts'

export interface NodeSimSummary {
  readonly seeds: number
  readonly failed: number
  /** Of seeds that broke a promise, the first 20. */
  readonly failures: readonly NodeSimReport[]
  /** Sums over all seeds: operations, outcomes, leaders, committed entries, snapshots, undecided histories. */
  readonly totals: Readonly<Record<string, number>>
  readonly faults: Readonly<Record<string, number>>
}

export interface NodeSeedRange extends NodeSimOptions {
  readonly from: number
  readonly count: number
  /** Every so many seeds one is run twice and its hashes compared; 0 = never. Default 25. */
  readonly checkEvery?: number
  readonly stopAtFirst?: boolean
  readonly onReport?: (report: NodeSimReport) => void
}

const KEPT_FAILURES = 20
const SUMMED = [
  'events',
  'operations',
  'acknowledged',
  'refused',
  'unknown',
  'undecided',
  'leaders',
  'committed',
  'snapshots',
] as const

/** Runs seeds from, from + 1, ...; a run that is not deterministic throws. */
export function runNodeSeeds(range: NodeSeedRange): NodeSimSummary {
  const { from, count, checkEvery = 25, stopAtFirst = false, onReport } = range
  const totals: Record<string, number> = {}
  const faults: Record<string, number> = {}
  const failures: NodeSimReport[] = []
  let seeds = 0
  let failed = 0
  for (let seed = from; seed < from + count; seed++) {
    const report = runNodeSeed(seed, range)
    if (checkEvery > 0 && seed % checkEvery === 0) assertSame(report, runNodeSeed(seed, range))
    onReport?.(report)
    seeds++
    for (const name of SUMMED) totals[name] = (totals[name] ?? 0) + report[name]
    for (const [kind, times] of Object.entries(report.faults)) faults[kind] = (faults[kind] ?? 0) + times
    if (report.violation === null) continue
    failed++
    if (failures.length < KEPT_FAILURES) failures.push(report)
    if (stopAtFirst) break
  }
  return { seeds, failed, failures, totals, faults }
}

function assertSame(first: NodeSimReport, second: NodeSimReport): void {
  assert(first.hash === second.hash, () => `Seed ${first.seed} is not deterministic`)
}
