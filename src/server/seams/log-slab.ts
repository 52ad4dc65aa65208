/**
 * The memory that the loop and the log-writer thread share: a few control words and one slab of bytes. The
 * loop fills both, then raises SUBMITTED and wakes the thread; until the thread answers they are the
 * thread's.
 */

/** Bytes of one hand-over; a larger write takes several. */
export const SLAB_BYTES = 4 * 1024 * 1024

/** Indexes of the control words. */
export const SUBMITTED = 0
export const FILE_DESCRIPTOR = 1
export const LENGTH = 2
/** File offset = OFFSET_HIGH * 2^31 + OFFSET_LOW. */
export const OFFSET_LOW = 3
export const OFFSET_HIGH = 4
/** 1: this hand-over ends the write, sync after it. */
export const SYNC = 5

const CONTROL_BYTES = 64

export interface LogSlab {
  readonly shared: SharedArrayBuffer
  readonly control: Int32Array
  readonly bytes: Buffer
}

export function logSlab(
  shared: SharedArrayBuffer = new SharedArrayBuffer(CONTROL_BYTES + SLAB_BYTES),
): LogSlab {
  return {
    shared,
    control: new Int32Array(shared, 0, CONTROL_BYTES / 4),
    bytes: Buffer.from(shared, CONTROL_BYTES, SLAB_BYTES),
  }
}

/** What the thread answers: null = done. */
export type LogAnswer = { readonly code: string; readonly message: string } | null
