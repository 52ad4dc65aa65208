/** The conformance suites of src/testing over the real seams. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { clockConformance } from '../../testing/conformance/clock.ts'
import { diskConformance } from '../../testing/conformance/disk.ts'
import { realWaiter } from '../../testing/conformance/harness.ts'
import { jobsConformance } from '../../testing/conformance/jobs.ts'
import { networkConformance } from '../../testing/conformance/network.ts'
import { randomConformance } from '../../testing/conformance/random.ts'
import { RealClock } from './real-clock.ts'
import { RealDisk } from './real-disk.ts'
import { RealJobDisk } from './real-job-disk.ts'
import { RealJobs } from './real-jobs.ts'
import { RealNetwork } from './real-network.ts'
import { RealRandom } from './real-random.ts'
import { siblingModule } from './sibling-module.ts'

const catalog = {
  url: siblingModule('test-jobs', new URL('../../testing/conformance/x.js', import.meta.url).href),
  name: 'testJobs',
}

function temporaryFolder(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'kvorum-seams-'))
  return { folder, remove: () => rmSync(folder, { recursive: true }) }
}

clockConformance('real', () => ({ clock: new RealClock(), ...realWaiter }))

randomConformance('real', () => new RealRandom())

diskConformance('real', async () => {
  const { folder, remove } = temporaryFolder()
  const disk = new RealDisk()
  const close = async (): Promise<void> => {
    disk.close()
    remove()
  }
  return { disk, jobDisk: new RealJobDisk(), folder, close, ...realWaiter }
})

jobsConformance('real', async () => {
  const { folder, remove } = temporaryFolder()
  const disk = new RealDisk()
  const jobs = new RealJobs(catalog)
  const close = async (): Promise<void> => {
    disk.close()
    jobs.close()
    remove()
  }
  return { jobs, disk, folder, close, ...realWaiter }
})

networkConformance('real', async () => ({
  network: new RealNetwork(),
  host: '127.0.0.1',
  close: async () => {},
  ...realWaiter,
}))
