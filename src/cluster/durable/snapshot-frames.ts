/**
 * Frames of a snapshot transfer. The receiver pulls: it begins at the leader, gets the manifest with its list of files,
 * asks for the chunks it lacks one after the other, and ends.
 *
 *   u32 length of JSON, JSON, then bytes (the manifest, or a chunk)
 */
import { readU32, writeU32 } from '../../lib/bytes.ts'
import { parseJsonObject } from '../../lib/json.ts'
import type { SnapshotFile } from '../../storage/store/types.ts'

export type SnapshotRequest =
  | { readonly kind: 'begin' }
  | { readonly kind: 'chunk'; readonly transfer: number; readonly name: string; readonly offset: number }
  | { readonly kind: 'end'; readonly transfer: number; readonly ok: boolean }

export type SnapshotReply =
  | {
      readonly kind: 'manifest'
      readonly transfer: number
      readonly index: number
      readonly term: number
      readonly files: readonly SnapshotFile[]
    }
  | { readonly kind: 'chunk'; readonly transfer: number; readonly name: string; readonly offset: number }
  /** The transfer is not known (any more): begin again. */
  | { readonly kind: 'gone'; readonly transfer: number }

export function encodeSnapshotFrame(header: SnapshotRequest | SnapshotReply, bytes?: Buffer): Buffer[] {
  const json = Buffer.from(JSON.stringify(header))
  const length = Buffer.allocUnsafe(4)
  writeU32(length, 0, json.length)
  const head = Buffer.concat([length, json])
  return bytes === undefined ? [head] : [head, bytes]
}

/** Null when the payload is no such frame. */
export function decodeSnapshotFrame<T extends SnapshotRequest | SnapshotReply>(
  payload: Buffer,
): { header: T; bytes: Buffer } | null {
  if (payload.length < 4) return null
  const end = 4 + readU32(payload, 0)
  const header = parseJsonObject<T>(payload.toString('utf8', 4, end))
  return header?.kind === undefined ? null : { header: header as T, bytes: payload.subarray(end) }
}
