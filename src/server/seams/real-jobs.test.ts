/** The jobs thread: order, errors, its death. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { JobSpec } from '../../storage/jobs.ts'
import { realWaiter, settle } from '../../testing/conformance/harness.ts'
import type { SumSpec } from '../../testing/conformance/test-jobs.ts'
import { jobCatalog, jobCatalogModule } from '../job-catalog.ts'
import { RealJobs } from './real-jobs.ts'
import { siblingModule } from './sibling-module.ts'

const catalog = {
  url: siblingModule('test-jobs', new URL('../../testing/conformance/x.js', import.meta.url).href),
  name: 'testJobs',
}
const job = (kind: string): JobSpec => ({ kind })
const sum = (): SumSpec => ({ kind: 'sum', bytes: new SharedArrayBuffer(1) })

test('when the jobs thread dies every job fails, and the next one gets a new thread', async () => {
  const jobs = new RealJobs(catalog)
  const codes: unknown[] = []
  const note = (error: Error | null): void => {
    codes.push(error !== null && 'code' in error ? error.code : error)
  }
  jobs.run(job('exit'), note)
  jobs.run(sum(), note)
  await realWaiter.wait(() => codes.length === 2)
  assert.deepEqual(codes, ['WORKER_DIED', 'WORKER_DIED'])
  assert.equal(await settle(realWaiter, (done) => jobs.run(sum(), done)), 0)
  jobs.close()
})

test('a failed assertion in a job ends the process', async () => {
  const jobs = new RealJobs(catalog)
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  const thrown = once(process, 'uncaughtException')
  jobs.run(job('bug'), () => assert.fail('a bug is not an answer'))
  const [error] = await thrown
  for (const listener of listeners) process.on('uncaughtException', listener)
  assert.match(String(error), /a bug in a job/)
  jobs.close()
})

test("the thread finds the program's own catalog", async () => {
  assert.ok(Object.keys(jobCatalog).length > 0)
  const jobs = new RealJobs(jobCatalogModule)
  await assert.rejects(
    settle(realWaiter, (done) => jobs.run(job('none'), done)),
    { code: 'UNKNOWN_JOB' },
  )
  jobs.close()
})
