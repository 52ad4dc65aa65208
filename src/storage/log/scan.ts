/**
 * Reads the batches of one segment's bytes and judges its tail (R5). Pure. What counts is decided by commit
 * frames alone: a batch is valid when its frames can be walked up to an authentic commit frame that covers
 * exactly them.
 */
import { crc32 } from '../../lib/crc32.ts'
import type { FoundCommit, SegmentHeader } from './format.ts'
import { COMMIT_MARK, FrameKind, frameSize, readCommit } from './format.ts'

/** The valid batch that begins at `start`, by its commit frame; null when there is none. */
export function nextBatch(bytes: Buffer, start: number, header: SegmentHeader): FoundCommit | null {
  let at = start
  for (;;) {
    const size = frameSize(bytes, at, bytes.length)
    if (size === 0) return null
    if (bytes[at + 8] === FrameKind.commit) break
    at += size
  }
  const commit = readCommit(bytes, at, header)
  if (commit === null || commit.offset - commit.batchBytes !== start) return null
  return isWhole(bytes, commit, header) ? commit : null
}

function isWhole(bytes: Buffer, commit: FoundCommit, header: SegmentHeader): boolean {
  const batch = bytes.subarray(commit.offset - commit.batchBytes, commit.offset)
  return crc32(batch, header.salt) === commit.batchCrc
}

/**
 * An authentic commit frame behind `from`, where the valid batches end, which shows that what lies there is
 * damage and no torn tail; null when there is none. `expected` is the sequence of the batch that would come
 * next. A torn write can leave only that batch's own commit frame, over bytes that are not all there: a later
 * sequence was written after that batch was synced, and a whole batch is not torn.
 */
export function findLaterCommit(
  bytes: Buffer,
  from: number,
  header: SegmentHeader,
  expected: number,
): FoundCommit | null {
  let mark = bytes.indexOf(COMMIT_MARK, from)
  for (; mark >= 0; mark = bytes.indexOf(COMMIT_MARK, mark + 1)) {
    const at = mark - 8
    if (at < from || at % 8 !== 0) continue
    const commit = readCommit(bytes, at, header)
    if (commit === null || commit.sequence < expected) continue
    const isTorn = commit.sequence === expected && !isWhole(bytes, commit, header)
    if (!isTorn) return commit
  }
  return null
}

/** True when nothing was ever written from `from` on: the segment can be continued there. */
export function isUntouched(bytes: Buffer, from: number): boolean {
  const zeros = Buffer.alloc(64 * 1024)
  for (let at = from; at < bytes.length; at += zeros.length) {
    const part = bytes.subarray(at, at + zeros.length)
    if (part.compare(zeros, 0, part.length) !== 0) return false
  }
  return true
}
