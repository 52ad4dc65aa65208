/**
 * The jobs thread: imports the catalog it is told to, then runs job after job, each to its end, blocking
 * where the disk blocks. It looks at the job's cancel flag at every yield.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { must } from '../../lib/assert.ts'
import { codedError, errorCode, isBug } from '../../lib/coded-error.ts'
import type { JobCatalog } from '../../storage/jobs.ts'
import type { JobAnswer, JobRequest } from './jobs-protocol.ts'
import { RealJobDisk } from './real-job-disk.ts'

const port = must(parentPort, 'parent of the jobs thread')
const { url, name } = workerData as { url: string; name: string }
const module = (await import(url)) as Record<string, JobCatalog>
const catalog = must(module[name], `export ${name} of ${url}`)
const disk = new RealJobDisk()

function runJob(request: JobRequest): unknown {
  const { kind } = request.spec
  const job = catalog[kind]
  if (job === undefined) throw codedError('UNKNOWN_JOB', `no job of kind '${kind}'`)
  const cancelled = new Int32Array(request.cancelled)
  const generator = job(request.spec as never, disk)
  for (;;) {
    if (Atomics.load(cancelled, 0) !== 0) {
      generator.return(undefined)
      throw codedError('CANCELLED', `job '${kind}' was cancelled`)
    }
    const result = generator.next()
    if (result.done === true) return result.value
  }
}

function answerOf(request: JobRequest): JobAnswer {
  try {
    return { kind: 'output', output: runJob(request) }
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown))
    const { message, stack = '' } = error
    return { kind: 'error', code: errorCode(error), message, stack, isBug: isBug(error) }
  } finally {
    disk.closeAll()
  }
}

port.on('message', (request: JobRequest) => port.postMessage(answerOf(request)))
