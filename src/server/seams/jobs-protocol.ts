/** What the loop and the jobs thread say to each other: one job at a time, one answer per job. */
import type { JobSpec } from '../../storage/jobs.ts'

export interface JobRequest {
  readonly spec: JobSpec
  /** One Int32: not 0 = stop at the next yield. */
  readonly cancelled: SharedArrayBuffer
}

export type JobAnswer =
  | { readonly kind: 'output'; readonly output: unknown }
  | {
      readonly kind: 'error'
      readonly code: string
      readonly message: string
      readonly stack: string
      /** A fault of the program: the process must not go on. */
      readonly isBug: boolean
    }
