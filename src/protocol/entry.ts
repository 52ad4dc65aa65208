/**
 * The entry frame: one Raft entry, the same bytes in memory, on the wire and in the log. Encoded and checksummed
 * once, by the leader that created it; every receiver verifies the checksum and keeps the bytes.
 *
 *   offset size
 *        0    4  payload length in bytes, without header and padding
 *        4    4  CRC-32 of bytes [8, 32 + payload length)
 *        8    1  kind
 *        9    1  frame version (1)
 *       10    2  reserved, zero
 *       12    4  group
 *       16    8  term
 *       24    8  index
 *       32    -  payload, zero-padded to a multiple of 8
 */
import { align8, readU16, readU32, readU64, writeU32, writeU64 } from '../lib/bytes.ts'
import { crc32 } from '../lib/crc32.ts'

/** The numbers are part of the format; 6 is reserved for `changes` (effects shipped instead of commands). */
export const EntryKind = { commands: 1, session: 2, config: 3, tick: 4, empty: 5, level: 7 } as const
export type EntryKind = (typeof EntryKind)[keyof typeof EntryKind]

export const ENTRY_HEADER_SIZE = 32
const FRAME_VERSION = 1

export interface Entry {
  readonly term: number
  readonly index: number
  readonly kind: EntryKind
  /** Header, payload and padding; length is a multiple of 8. Never changed after it was made. */
  readonly frame: Buffer
}

/** Makes an entry from the concatenation of `chunks`. */
export function encodeEntry(
  group: number,
  term: number,
  index: number,
  kind: EntryKind,
  chunks: readonly Buffer[],
): Entry {
  let length = 0
  for (const chunk of chunks) length += chunk.length
  const frame = Buffer.allocUnsafeSlow(align8(ENTRY_HEADER_SIZE + length))
  writeU32(frame, 0, length)
  writeU32(frame, 8, kind | (FRAME_VERSION << 8))
  writeU32(frame, 12, group)
  writeU64(frame, 16, term)
  writeU64(frame, 24, index)
  let offset = ENTRY_HEADER_SIZE
  for (const chunk of chunks) {
    chunk.copy(frame, offset)
    offset += chunk.length
  }
  frame.fill(0, offset)
  writeU32(frame, 4, crc32(frame.subarray(8, offset)))
  return { term, index, kind, frame }
}

/** The payload as a view of the frame. */
export function entryPayload(entry: Entry): Buffer {
  return entry.frame.subarray(ENTRY_HEADER_SIZE, ENTRY_HEADER_SIZE + readU32(entry.frame, 0))
}

export function entryGroup(frame: Buffer): number {
  return readU32(frame, 12)
}

/** Total frame size by its header at `offset`, or -1 when fewer than 32 bytes are there. */
function entryFrameSize(bytes: Buffer, offset: number): number {
  if (bytes.length - offset < ENTRY_HEADER_SIZE) return -1
  return align8(ENTRY_HEADER_SIZE + readU32(bytes, offset))
}

/** Reads and verifies the frame at `offset`; null when it is not valid. The entry's frame is a view of `bytes`. */
export function decodeEntry(bytes: Buffer, offset: number): Entry | null {
  const size = entryFrameSize(bytes, offset)
  if (size < 0 || offset + size > bytes.length) return null
  const frame = bytes.subarray(offset, offset + size)
  const length = readU32(frame, 0)
  if (crc32(frame.subarray(8, ENTRY_HEADER_SIZE + length)) !== readU32(frame, 4)) return null
  const kind = frame[8] as number
  if (frame[9] !== FRAME_VERSION || readU16(frame, 10) !== 0 || !isEntryKind(kind)) return null
  return { term: readU64(frame, 16), index: readU64(frame, 24), kind, frame }
}

/** Whether a frame of this kind holds an entry that this program knows. */
export function isEntryKind(kind: number): kind is EntryKind {
  return (kind >= EntryKind.commands && kind <= EntryKind.empty) || kind === EntryKind.level
}
