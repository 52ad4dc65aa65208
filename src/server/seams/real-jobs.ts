/**
 * The real Jobs: one worker thread that runs one job at a time (jobs-worker.ts). When the thread dies, every
 * job it was given or waits for it fails with WORKER_DIED, and the next job starts a new one. Outputs are
 * structured clones: a Buffer arrives as a Uint8Array.
 */
import { Worker } from 'node:worker_threads'
import { must } from '../../lib/assert.ts'
import { codedError } from '../../lib/coded-error.ts'
import type { Callback } from '../../storage/disk.ts'
import type { JobHandle, JobSpec, Jobs } from '../../storage/jobs.ts'
import type { JobAnswer, JobRequest } from './jobs-protocol.ts'
import { siblingModule } from './sibling-module.ts'

/** A module and the name of the JobCatalog it exports. */
export interface CatalogModule {
  readonly url: URL
  readonly name: string
}

interface Job {
  readonly request: JobRequest
  readonly done: Callback<unknown>
}

export class RealJobs implements Jobs {
  readonly #catalog: CatalogModule
  readonly #queue: Job[] = []
  #worker: Worker | null = null

  constructor(catalog: CatalogModule) {
    this.#catalog = catalog
  }

  run(spec: JobSpec, done: Callback<unknown>): JobHandle {
    const cancelled = new SharedArrayBuffer(4)
    this.#queue.push({ request: { spec, cancelled }, done })
    if (this.#queue.length === 1) this.#submit()
    return {
      cancel: () => {
        Atomics.store(new Int32Array(cancelled), 0, 1)
      },
    }
  }

  /** Ends the thread wherever it is; its job and those that wait fail. */
  close(): void {
    void this.#worker?.terminate()
  }

  #submit(): void {
    const { request } = must(this.#queue[0], 'job')
    this.#worker ??= this.#start()
    this.#worker.ref()
    this.#worker.postMessage(request)
  }

  #start(): Worker {
    const { url, name } = this.#catalog
    const worker = new Worker(siblingModule('jobs-worker', import.meta.url), {
      workerData: { url: url.href, name },
      name: 'jobs',
    })
    worker.on('message', this.#onAnswer)
    let cause: Error | null = null
    worker.on('error', (error) => {
      cause = error
    })
    worker.on('exit', () => this.#onExit(cause))
    return worker
  }

  readonly #onAnswer = (answer: JobAnswer): void => {
    const job = must(this.#queue.shift(), 'job')
    if (this.#queue.length > 0) this.#submit()
    else this.#worker?.unref()
    if (answer.kind === 'output') {
      job.done(null, answer.output)
      return
    }
    const error = Object.assign(new Error(answer.message), { code: answer.code })
    error.stack = answer.stack
    if (answer.isBug) throw error
    job.done(error, undefined)
  }

  #onExit(cause: Error | null): void {
    this.#worker = null
    const died = codedError(
      'WORKER_DIED',
      `the jobs thread ended${cause === null ? '' : `: ${cause.message}`}`,
    )
    for (const job of this.#queue.splice(0)) job.done(died, undefined)
  }
}
