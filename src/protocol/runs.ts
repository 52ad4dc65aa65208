/**
 * The payload of a `commands` entry: the leader's time stamp, then runs. A run is a stretch of consecutive sequences
 * of one session, encoded by the origin node; the leader copies its bytes from the forwarded frame into the entry.
 *
 * Entry payload:            Run:
 *    0  8  stamp, ms           0  8  session (log index of its opening entry)
 *    8  -  runs                8  8  first sequence
 *                             16  8  floor: lowest sequence of this session that is still unresolved
 *                             24  4  number of commands
 *                             28  4  bytes of commands that follow
 *                             32  -  encoded commands (protocol/commands.ts)
 */
import { assert } from '../lib/assert.ts'
import { readU32, readU64, writeU32, writeU64 } from '../lib/bytes.ts'

export const STAMP_SIZE = 8
export const RUN_HEADER_SIZE = 32

export interface RunHeader {
  readonly session: number
  readonly firstSequence: number
  readonly floor: number
  readonly count: number
  /** Offset of the first encoded command and the offset behind the last one, in the buffer it was read from. */
  readonly start: number
  readonly end: number
}

export function encodeStamp(stampMs: number): Buffer {
  const out = Buffer.allocUnsafe(STAMP_SIZE)
  writeU64(out, 0, Math.floor(stampMs))
  return out
}

export function decodeStamp(payload: Buffer): number {
  return readU64(payload, 0)
}

/** A run of the given already encoded commands. */
export function encodeRun(
  header: { session: number; firstSequence: number; floor: number },
  commands: readonly Buffer[],
): Buffer {
  let size = 0
  for (const command of commands) size += command.length
  const out = Buffer.allocUnsafe(RUN_HEADER_SIZE + size)
  writeU64(out, 0, header.session)
  writeU64(out, 8, header.firstSequence)
  writeU64(out, 16, header.floor)
  writeU32(out, 24, commands.length)
  writeU32(out, 28, size)
  let at = RUN_HEADER_SIZE
  for (const command of commands) {
    command.copy(out, at)
    at += command.length
  }
  return out
}

/** How many commands the run at `offset` has; its header must be there. */
export function runCommands(bytes: Buffer, offset: number): number {
  return readU32(bytes, offset + 24)
}

/** The offset behind the run at `offset`, whose header must be there; beyond the bytes when the run is cut off. */
export function runEnd(bytes: Buffer, offset: number): number {
  return offset + RUN_HEADER_SIZE + readU32(bytes, offset + 28)
}

export function decodeRunHeader(bytes: Buffer, offset: number): RunHeader {
  assert(offset + RUN_HEADER_SIZE <= bytes.length, () => `Run at ${offset} is cut off at ${bytes.length}`)
  const start = offset + RUN_HEADER_SIZE
  const end = runEnd(bytes, offset)
  assert(end <= bytes.length, () => `Run at ${offset} ends at ${end}, beyond ${bytes.length}`)
  return {
    session: readU64(bytes, offset),
    firstSequence: readU64(bytes, offset + 8),
    floor: readU64(bytes, offset + 16),
    count: runCommands(bytes, offset),
    start,
    end,
  }
}
