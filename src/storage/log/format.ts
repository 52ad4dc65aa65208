/**
 * The bytes of a log segment (format version 1; tables in docs/internals/log.md). A segment is one header
 * block and then batches without gaps. A batch is frames and, last, a commit frame. Every frame begins like
 * an entry frame (protocol/entry.ts), so one walk reads them all; the kind tells them apart.
 *
 *   segment header, 4096 bytes       commit frame, 48 bytes (kind 255)
 *        0    8  magic                    0    4  16, the payload length
 *        8    4  CRC-32 of [12, 64)       4    4  CRC-32 of [8, 48), seeded with the segment's salt
 *       12    4  formatVersion            8    4  kind 255, version 1, 'CF'
 *       16    4  engineLevel             12    4  segment number
 *       20    4  segment number          16    8  batch sequence, 1 and up, never reused in a chain
 *       24    4  salt                    24    8  offset of this frame in the segment
 *       28    -  zero                    32    8  bytes of the batch before this frame
 *                                        40    4  CRC-32 of those bytes, seeded with the salt
 *                                        44    4  the CRC at 4 of the commit frame before (0: first of the log)
 */
import { align8, readU16, readU32, readU64, writeU16, writeU32, writeU64 } from '../../lib/bytes.ts'
import { crc32 } from '../../lib/crc32.ts'
import { ENTRY_HEADER_SIZE, isEntryKind } from '../../protocol/entry.ts'
import type { HardState, Index, Term } from '../../raft/types.ts'

export const LOG_FORMAT_VERSION = 1
/** One page: a torn write of the first batch cannot touch the header. */
export const SEGMENT_HEADER_SIZE = 4096
export const COMMIT_SIZE = 48
const MAGIC = Buffer.from('KVORULOG', 'latin1')
const RECORD_VERSION = 1

/** Kinds of the log's own frames; entry kinds are below 128. */
export const FrameKind = {
  /** term, index = commit index; payload: votedFor (8 bytes). */
  hardState: 128,
  /** Entries up to (index, term) are not needed any more. */
  compaction: 129,
  /** R10 step 2: (index, term); payload: the manifest; flag 1: the entries before it are void. */
  install: 130,
  /** R10: the install record up to index is done. */
  installed: 131,
  /** R7: index = the engine level. */
  engineLevel: 132,
  commit: 255,
} as const

/** Flag of an install record. */
export const INSTALL_VOIDS = 1

export interface SegmentHeader {
  readonly formatVersion: number
  readonly engineLevel: number
  readonly number: number
  readonly salt: number
}

export function encodeSegmentHeader(engineLevel: number, number: number, salt: number): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_SIZE)
  MAGIC.copy(bytes, 0)
  writeU32(bytes, 12, LOG_FORMAT_VERSION)
  writeU32(bytes, 16, engineLevel)
  writeU32(bytes, 20, number)
  writeU32(bytes, 24, salt)
  writeU32(bytes, 8, crc32(bytes.subarray(12, 64)))
  return bytes
}

/**
 * Null when the bytes are no valid header. A newer format version is returned as it is: the caller refuses
 * it.
 */
export function decodeSegmentHeader(bytes: Buffer): SegmentHeader | null {
  if (bytes.length < SEGMENT_HEADER_SIZE) return null
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return null
  if (readU32(bytes, 8) !== crc32(bytes.subarray(12, 64))) return null
  return {
    formatVersion: readU32(bytes, 12),
    engineLevel: readU32(bytes, 16),
    number: readU32(bytes, 20),
    salt: readU32(bytes, 24),
  }
}

/** Fields of a record frame; the payload follows at ENTRY_HEADER_SIZE. */
export interface RecordFields {
  readonly kind: number
  readonly flags: number
  readonly group: number
  readonly term: number
  readonly index: number
  readonly payloadBytes: number
}

/** Writes a record's header at `offset`. Its checksum field stays zero: the commit frame covers it. */
export function writeRecordHeader(bytes: Buffer, offset: number, fields: RecordFields): void {
  writeU32(bytes, offset, fields.payloadBytes)
  writeU32(bytes, offset + 4, 0)
  bytes[offset + 8] = fields.kind
  bytes[offset + 9] = RECORD_VERSION
  writeU16(bytes, offset + 10, fields.flags)
  writeU32(bytes, offset + 12, fields.group)
  writeU64(bytes, offset + 16, fields.term)
  writeU64(bytes, offset + 24, fields.index)
}

export const HARD_STATE_SIZE = ENTRY_HEADER_SIZE + 8

export function writeHardState(bytes: Buffer, offset: number, group: number, state: HardState): void {
  writeRecordHeader(bytes, offset, {
    kind: FrameKind.hardState,
    flags: 0,
    group,
    term: state.term,
    index: state.commitIndex,
    payloadBytes: 8,
  })
  writeU64(bytes, offset + ENTRY_HEADER_SIZE, state.votedFor)
}

/** The frame at an offset of a valid batch. */
export interface FrameView {
  readonly kind: number
  readonly flags: number
  readonly group: number
  readonly term: Term
  readonly index: Index
  /** Header, payload and padding. */
  readonly size: number
}

/** Size of the frame at `offset` by its header, or 0 when no known frame that ends by `end` begins there. */
export function frameSize(bytes: Buffer, offset: number, end: number): number {
  if (end - offset < ENTRY_HEADER_SIZE) return 0
  if (!isKnownKind(bytes[offset + 8] as number) || bytes[offset + 9] !== RECORD_VERSION) return 0
  const size = align8(ENTRY_HEADER_SIZE + readU32(bytes, offset))
  return offset + size <= end ? size : 0
}

export function readFrame(bytes: Buffer, offset: number): FrameView {
  return {
    kind: bytes[offset + 8] as number,
    flags: readU16(bytes, offset + 10),
    group: readU32(bytes, offset + 12),
    term: readU64(bytes, offset + 16),
    index: readU64(bytes, offset + 24),
    size: align8(ENTRY_HEADER_SIZE + readU32(bytes, offset)),
  }
}

function isKnownKind(kind: number): boolean {
  return (
    isEntryKind(kind) ||
    (kind >= FrameKind.hardState && kind <= FrameKind.engineLevel) ||
    kind === FrameKind.commit
  )
}

/** A commit frame's fields; `offset` is where it begins in its segment. */
export interface CommitFrame {
  readonly segment: number
  readonly sequence: number
  readonly offset: number
  readonly batchBytes: number
  readonly batchCrc: number
  readonly previousCrc: number
}

/** Bytes 8 to 11 of every commit frame: what a search looks for. */
export const COMMIT_MARK = Buffer.from([FrameKind.commit, RECORD_VERSION, 0x43, 0x46])

/** Writes the commit frame at `at` of `bytes`; the value is its own CRC, the next frame's previousCrc. */
export function writeCommit(bytes: Buffer, at: number, commit: CommitFrame, salt: number): number {
  writeU32(bytes, at, COMMIT_SIZE - ENTRY_HEADER_SIZE)
  COMMIT_MARK.copy(bytes, at + 8)
  writeU32(bytes, at + 12, commit.segment)
  writeU64(bytes, at + 16, commit.sequence)
  writeU64(bytes, at + 24, commit.offset)
  writeU64(bytes, at + 32, commit.batchBytes)
  writeU32(bytes, at + 40, commit.batchCrc)
  writeU32(bytes, at + 44, commit.previousCrc)
  const crc = crc32(bytes.subarray(at + 8, at + COMMIT_SIZE), salt)
  writeU32(bytes, at + 4, crc)
  return crc
}

export interface FoundCommit extends CommitFrame {
  /** Its own CRC. */
  readonly crc: number
}

/**
 * The commit frame at `offset` of a segment's bytes, or null when there is no authentic one: its CRC is
 * seeded with this segment's salt and it names this segment and this offset, so neither what a recycled file
 * held before nor a copy of a frame inside a client's value passes (R5).
 */
export function readCommit(bytes: Buffer, offset: number, header: SegmentHeader): FoundCommit | null {
  if (offset + COMMIT_SIZE > bytes.length) return null
  if (readU32(bytes, offset) !== COMMIT_SIZE - ENTRY_HEADER_SIZE) return null
  const crc = crc32(bytes.subarray(offset + 8, offset + COMMIT_SIZE), header.salt)
  if (crc !== readU32(bytes, offset + 4)) return null
  if (readU32(bytes, offset + 12) !== header.number || readU64(bytes, offset + 24) !== offset) return null
  const batchBytes = readU64(bytes, offset + 32)
  if (batchBytes > offset - SEGMENT_HEADER_SIZE) return null
  return {
    segment: header.number,
    sequence: readU64(bytes, offset + 16),
    offset,
    batchBytes,
    batchCrc: readU32(bytes, offset + 40),
    previousCrc: readU32(bytes, offset + 44),
    crc,
  }
}

export function segmentName(number: number): string {
  return `log-${String(number).padStart(10, '0')}.seg`
}

/** The number in a segment's file name, or 0 when it is none. */
export function segmentNumber(name: string): number {
  const match = /^log-(\d{10})\.seg$/.exec(name)
  return match === null ? 0 : Number(match[1])
}
