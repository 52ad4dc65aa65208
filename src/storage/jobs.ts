/**
 * The Jobs seam: work longer than 100 microseconds that can leave the loop. A job is a generator over JobDisk that
 * yields after each bounded slice of work (about 1 MiB or 10 ms): a worker thread hosts it in production, the
 * scheduler runs one slice per event in simulation. Inputs are immutable files and sealed shared arenas; outputs
 * are files named by the caller and a plain value. A job never edits a manifest and never removes a file it did
 * not make. An error discards its output: the caller removes the named files and tries again.
 */
import type { Callback, JobDisk } from './disk.ts'

export type JobGenerator<Output> = Generator<void, Output, void>

/** Structured-cloneable; `kind` selects the step function in a JobCatalog; SharedArrayBuffers pass by reference. */
export interface JobSpec {
  readonly kind: string
}

export type JobFunction = (spec: never, disk: JobDisk) => JobGenerator<unknown>

/** kind -> step function: what a host can run. */
export type JobCatalog = Readonly<Record<string, JobFunction>>

export interface JobHandle {
  /** Asks the job to stop at its next yield; `done` is then called with an error whose code is 'CANCELLED'. */
  cancel(): void
}

export interface Jobs {
  /** Runs the job; jobs run one at a time, in order of submission. */
  run(spec: JobSpec, done: Callback<unknown>): JobHandle
}
