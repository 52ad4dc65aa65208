/**
 * What every Jobs host does, tested on the real and the simulated one alike. It must run the catalog
 * `testJobs`.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Disk, DiskFile } from '../../storage/disk.ts'
import type { JobSpec, Jobs } from '../../storage/jobs.ts'
import { settle, type Waiter } from './harness.ts'
import type { CopySpec, SpinSpec, SumSpec } from './test-jobs.ts'

export interface JobsFixture extends Waiter {
  readonly jobs: Jobs
  readonly disk: Disk
  readonly folder: string
  close(): Promise<void>
}

/** Registers the suite; `make` is called once per test. */
export function jobsConformance(name: string, make: () => Promise<JobsFixture>): void {
  const withJobs = (title: string, body: (on: JobsFixture) => Promise<void>): void => {
    test(title, async () => {
      const on = await make()
      try {
        await body(on)
      } finally {
        await on.close()
      }
    })
  }
  describe(`Jobs conformance: ${name}`, () => {
    resultTests(withJobs)
    cancelTests(withJobs)
  })
}

type WithJobs = (title: string, body: (on: JobsFixture) => Promise<void>) => void

const job = (kind: string): JobSpec => ({ kind })

function resultTests(withJobs: WithJobs): void {
  withJobs('a job reads and writes the disk and returns its output', async (on) => {
    const from = `${on.folder}/from`
    const file = await settle<DiskFile>(on, (done) => on.disk.open(from, 'create', done))
    await settle(on, (done) => file.write(0, [Buffer.alloc(4_500, 7)], done))
    const spec: CopySpec = { kind: 'copy', from, to: `${on.folder}/to` }
    assert.deepEqual(await settle(on, (done) => on.jobs.run(spec, done)), { bytes: 4_500 })
    const copy = await settle<DiskFile>(on, (done) => on.disk.open(spec.to, 'read', done))
    assert.deepEqual(await settle(on, (done) => copy.read(0, 9_999, done)), Buffer.alloc(4_500, 7))
    await settle<void>(on, (done) => file.close(done))
    await settle<void>(on, (done) => copy.close(done))
  })

  withJobs('shared memory passes by reference', async (on) => {
    const bytes = new SharedArrayBuffer(100)
    new Uint8Array(bytes).fill(2)
    const spec: SumSpec = { kind: 'sum', bytes }
    assert.equal(await settle(on, (done) => on.jobs.run(spec, done)), 200)
    assert.equal(new Uint8Array(bytes)[0], 255)
  })

  withJobs('an error comes back with its code, and the next job runs', async (on) => {
    await assert.rejects(
      settle(on, (done) => on.jobs.run(job('fail'), done)),
      {
        code: 'ECORRUPT',
        message: 'ECORRUPT: nothing but trouble',
      },
    )
    await assert.rejects(
      settle(on, (done) => on.jobs.run(job('no such job'), done)),
      { code: 'UNKNOWN_JOB' },
    )
    const missing: CopySpec = { kind: 'copy', from: `${on.folder}/none`, to: `${on.folder}/to` }
    await assert.rejects(
      settle(on, (done) => on.jobs.run(missing, done)),
      { code: 'ENOENT' },
    )
    const spec: SumSpec = { kind: 'sum', bytes: new SharedArrayBuffer(1) }
    assert.equal(await settle(on, (done) => on.jobs.run(spec, done)), 0)
  })

  withJobs('jobs finish in order of submission', async (on) => {
    const finished: number[] = []
    for (let i = 0; i < 10; i++) {
      const bytes = new SharedArrayBuffer((10 - i) * 1_000)
      const spec: SumSpec = { kind: 'sum', bytes }
      on.jobs.run(spec, () => finished.push(i))
    }
    await on.wait(() => finished.length === 10)
    assert.deepEqual(finished, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })
}

function cancelTests(withJobs: WithJobs): void {
  withJobs('cancel() stops a job at its next yield; waiting jobs can be cancelled too', async (on) => {
    const slices = new SharedArrayBuffer(4)
    const spec: SpinSpec = { kind: 'spin', slices }
    const codes: string[] = []
    const note = (label: string) => (error: Error | null) => {
      codes.push(`${label} ${error !== null && 'code' in error ? error.code : error}`)
    }
    const running = on.jobs.run(spec, note('running'))
    const waiting = on.jobs.run({ kind: 'spin', slices } as SpinSpec, note('waiting'))
    on.jobs.run({ kind: 'sum', bytes: new SharedArrayBuffer(1) } as SumSpec, note('sum'))
    await on.wait(() => Atomics.load(new Int32Array(slices), 0) > 3)
    waiting.cancel()
    running.cancel()
    await on.wait(() => codes.length === 3)
    assert.deepEqual(codes, ['running CANCELLED', 'waiting CANCELLED', 'sum null'])
    running.cancel()
  })
}
