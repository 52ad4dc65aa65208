/**
 * `npm run sim -- [--seeds N] [--seed S] [--core | --nodes] [--ci] [--from S]`: deterministic simulation of the Raft
 * core and of whole nodes. Prints progress, every failing seed with its last events, and a closing line; ends with
 * status 1 when a seed failed. `--seed S` replays exactly one and prints its events.
 */
import { parseArgs } from 'node:util'
import { runCoreSeed, runCoreSeeds } from './core-sim/simulation.ts'
import { runNodeSeeds } from './node-sim/seeds.ts'
import { runNodeSeed } from './node-sim/simulation.ts'

const CI = { core: 2_000, nodes: 50 }
/** Without --seeds. */
const USUAL = { core: 500, nodes: 50 }
const PROGRESS_MS = 2_000
const TRACE_LINES = 400

interface Tally {
  passed: number
  failed: number
}

process.exitCode = main()

function main(): number {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      seed: { type: 'string' },
      from: { type: 'string', default: '1' },
      core: { type: 'boolean', default: false },
      nodes: { type: 'boolean', default: false },
      ci: { type: 'boolean', default: false },
    },
  })
  const both = values.core === values.nodes
  const wanted = { core: both || values.core, nodes: both || values.nodes }
  const tally: Tally = { passed: 0, failed: 0 }
  if (values.seed !== undefined) replay(Number(values.seed), wanted, tally)
  else {
    const usual = values.ci ? CI : USUAL
    const count = (kind: 'core' | 'nodes'): number =>
      values.seeds === undefined ? usual[kind] : Number(values.seeds)
    const from = Number(values.from)
    if (wanted.core) runCore(from, count('core'), tally)
    if (wanted.nodes) runNodes(from, count('nodes'), tally)
  }
  print(`${tally.passed} passed, ${tally.failed} failed`)
  return tally.failed === 0 ? 0 : 1
}

function runCore(from: number, count: number, tally: Tally): void {
  const onReport = progress('core', count)
  const { seeds, failed, failures, ...rest } = runCoreSeeds({ from, count, onReport })
  for (const { seed, violation } of failures) {
    print(`FAILED core seed ${seed}: ${violation}`)
    const { lines } = runCoreSeed(seed, { trace: true })
    printAll(lines.slice(-TRACE_LINES))
  }
  print(`core: ${seeds} seeds, ${JSON.stringify(rest)}`)
  tally.passed += seeds - failed
  tally.failed += failed
}

function runNodes(from: number, count: number, tally: Tally): void {
  const onReport = progress('nodes', count)
  const { seeds, failed, failures, totals, faults } = runNodeSeeds({ from, count, onReport })
  for (const { seed, violation, lines } of failures) {
    print(`FAILED node seed ${seed}: ${violation}`)
    printAll(lines.slice(-TRACE_LINES))
  }
  print(`nodes: ${seeds} seeds, ${JSON.stringify({ ...totals, faults })}`)
  tally.passed += seeds - failed
  tally.failed += failed
}

function replay(seed: number, wanted: { core: boolean; nodes: boolean }, tally: Tally): void {
  if (wanted.core) {
    const { lines, violation, ...report } = runCoreSeed(seed, { trace: true })
    printAll(lines)
    close(`core seed ${seed}`, report, violation, tally)
  }
  if (wanted.nodes) {
    const { lines, violation, ...report } = runNodeSeed(seed, { trace: true })
    printAll(lines)
    close(`node seed ${seed}`, report, violation, tally)
  }
}

function close(what: string, report: object, violation: string | null, tally: Tally): void {
  print(`${what}: ${JSON.stringify(report)}`)
  if (violation === null) tally.passed++
  else {
    tally.failed++
    print(`FAILED ${what}: ${violation}`)
  }
}

/** Says now and then how far a run is. */
function progress(kind: string, count: number): () => void {
  let done = 0
  let saidMs = Date.now()
  return () => {
    done++
    const nowMs = Date.now()
    if (nowMs - saidMs < PROGRESS_MS) return
    saidMs = nowMs
    print(`${kind}: ${done} of ${count} seeds`)
  }
}

function printAll(lines: readonly string[]): void {
  if (lines.length > 0) print(lines.join('\n'))
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
