/** Every job this program knows: what the jobs thread of a node can run. */
import type { JobCatalog } from '../storage/jobs.ts'
import { logJobs } from '../storage/log/jobs.ts'
import { storeJobs } from '../storage/store/jobs.ts'
import type { CatalogModule } from './seams/real-jobs.ts'
import { siblingModule } from './seams/sibling-module.ts'

export const jobCatalog: JobCatalog = { ...logJobs, ...storeJobs }

/** For RealJobs: where its thread finds the catalog. */
export const jobCatalogModule: CatalogModule = {
  url: siblingModule('job-catalog', import.meta.url),
  name: 'jobCatalog',
}
