/**
 * The catalog that the Jobs conformance suite runs: on a worker thread for real, on the scheduler in
 * simulation.
 */
import { assert } from '../../lib/assert.ts'
import { codedError } from '../../lib/coded-error.ts'
import type { JobDisk } from '../../storage/disk.ts'
import type { JobCatalog, JobGenerator, JobSpec } from '../../storage/jobs.ts'

export interface CopySpec extends JobSpec {
  readonly kind: 'copy'
  readonly from: string
  readonly to: string
}

export interface SumSpec extends JobSpec {
  readonly kind: 'sum'
  readonly bytes: SharedArrayBuffer
}

export interface SpinSpec extends JobSpec {
  readonly kind: 'spin'
  /** Grows with every slice, for the test to see. */
  readonly slices: SharedArrayBuffer
}

function* copy(spec: CopySpec, disk: JobDisk): JobGenerator<{ bytes: number }> {
  const from = disk.open(spec.from, 'read')
  const to = disk.open(spec.to, 'create')
  let at = 0
  for (let chunk = from.read(0, 1_000); chunk.length > 0; chunk = from.read(at, 1_000)) {
    to.write(at, chunk)
    at += chunk.length
    yield
  }
  to.sync()
  from.close()
  to.close()
  return { bytes: at }
}

function* sum(spec: SumSpec): JobGenerator<number> {
  let total = 0
  for (const byte of new Uint8Array(spec.bytes)) total += byte
  yield
  new Uint8Array(spec.bytes)[0] = 255
  return total
}

/** Runs until it is cancelled. */
function* spin(spec: SpinSpec): JobGenerator<void> {
  const slices = new Int32Array(spec.slices)
  for (;;) {
    Atomics.add(slices, 0, 1)
    yield
  }
}

function* fail(): JobGenerator<void> {
  yield
  throw codedError('ECORRUPT', 'nothing but trouble')
}

/** A fault of the program. */
function* bug(): JobGenerator<void> {
  yield
  assert(false, 'a bug in a job')
}

/** Ends the thread that hosts it; only for the real host. */
function* exit(): JobGenerator<void> {
  process.exit(3)
  yield
}

export const testJobs: JobCatalog = { copy, sum, spin, fail, bug, exit }
