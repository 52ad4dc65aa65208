/**
 * The simulated Jobs: runs one slice of one job per event of its process, over the process's SimDisk. A kill
 * stops the job in the middle, without running its clean-up code. Specs and outputs are cloned, as a thread
 * boundary would (SharedArrayBuffers pass by reference).
 */
import { codedError, isBug } from '../../lib/coded-error.ts'
import type { Random } from '../../lib/random.ts'
import type { Callback, JobDisk } from '../../storage/disk.ts'
import type { JobCatalog, JobGenerator, JobHandle, JobSpec, Jobs } from '../../storage/jobs.ts'
import type { SimDisk } from './disk.ts'
import type { SimProcess } from './process.ts'

export interface SimJobsOptions {
  /** Mean time of a slice, milliseconds; exponential. */
  readonly sliceMs?: number
}

interface Job {
  readonly spec: JobSpec
  readonly done: Callback<unknown>
  cancelled: boolean
}

export class SimJobs implements Jobs {
  readonly #process: SimProcess
  readonly #disk: JobDisk
  readonly #catalog: JobCatalog
  readonly #random: Random
  readonly #sliceMs: number
  readonly #queue: Job[] = []
  #generator: JobGenerator<unknown> | null = null

  constructor(process: SimProcess, disk: SimDisk, catalog: JobCatalog, options: SimJobsOptions = {}) {
    this.#process = process
    this.#disk = disk.jobDisk(process)
    this.#catalog = catalog
    this.#random = disk.random.fork('jobs')
    this.#sliceMs = options.sliceMs ?? 2
  }

  run(spec: JobSpec, done: Callback<unknown>): JobHandle {
    const job: Job = { spec: structuredClone(spec), done, cancelled: false }
    this.#queue.push(job)
    if (this.#queue.length === 1) this.#schedule()
    return {
      cancel: () => {
        job.cancelled = true
      },
    }
  }

  #schedule(): void {
    const delayMs = -Math.log(1 - this.#random.float()) * this.#sliceMs
    this.#process.schedule(delayMs, 'job slice', this.#slice)
  }

  readonly #slice = (): void => {
    const job = this.#queue[0]
    if (job === undefined) return
    const finished = this.#step(job)
    if (finished === null) {
      this.#schedule()
      return
    }
    this.#generator = null
    this.#queue.shift()
    if (this.#queue.length > 0) this.#schedule()
    job.done(finished.error, finished.value)
  }

  /** One slice; null when the job has more to do. */
  #step(job: Job): { error: Error | null; value: unknown } | null {
    try {
      if (job.cancelled) return { error: this.#cancel(job), value: undefined }
      this.#generator ??= this.#start(job.spec)
      const result = this.#generator.next()
      return result.done === true ? { error: null, value: structuredClone(result.value) } : null
    } catch (error) {
      if (!(error instanceof Error) || isBug(error)) throw error
      return { error, value: undefined }
    }
  }

  #start(spec: JobSpec): JobGenerator<unknown> {
    const run = this.#catalog[spec.kind]
    if (run === undefined) throw codedError('UNKNOWN_JOB', `no job of kind '${spec.kind}'`)
    return run(spec as never, this.#disk)
  }

  #cancel(job: Job): Error {
    this.#generator?.return(undefined)
    return codedError('CANCELLED', `job '${job.spec.kind}' was cancelled`)
  }
}
