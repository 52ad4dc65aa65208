/**
 * The log's jobs: writing a segment's zeros ahead of time, so that a later fdatasync has no metadata to write
 * (no block to allocate, no size to change).
 */
import type { JobDisk } from '../disk.ts'
import type { JobCatalog, JobGenerator, JobSpec } from '../jobs.ts'

export const ZERO_FILL = 'log.zero'

export interface ZeroFillSpec extends JobSpec {
  readonly kind: typeof ZERO_FILL
  readonly path: string
  readonly bytes: number
}

const SLICE_BYTES = 1024 * 1024
/** Synced in parts: one sync of a whole segment would hold up the log's own syncs behind it. */
const SYNC_SLICES = 4

/** Makes the file `path` of `bytes` zeros, synced. The caller gives it its header and its final name. */
function* zeroFill(spec: ZeroFillSpec, disk: JobDisk): JobGenerator<null> {
  const file = disk.open(spec.path, 'create')
  try {
    const zeros = Buffer.alloc(Math.min(SLICE_BYTES, spec.bytes))
    let slices = 0
    for (let at = 0; at < spec.bytes; at += zeros.length) {
      file.write(at, zeros.subarray(0, Math.min(zeros.length, spec.bytes - at)))
      if (++slices % SYNC_SLICES === 0) file.sync()
      yield
    }
    file.sync()
  } finally {
    file.close()
  }
  return null
}

export const logJobs: JobCatalog = { [ZERO_FILL]: zeroFill }
