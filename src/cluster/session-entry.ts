/**
 * The payload of a `session` entry (R13): which process of which peer opens a session. u64 peer id, then boot id,
 * UTF-8.
 */
import { readU64, writeU64 } from '../lib/bytes.ts'
import type { PeerId } from '../protocol/members.ts'

export interface SessionEntry {
  readonly peerId: PeerId
  readonly bootId: string
}

export function encodeSessionEntry(entry: SessionEntry): Buffer {
  const head = Buffer.allocUnsafe(8)
  writeU64(head, 0, entry.peerId)
  return Buffer.concat([head, Buffer.from(entry.bootId)])
}

export function decodeSessionEntry(payload: Buffer): SessionEntry {
  return { peerId: readU64(payload, 0), bootId: payload.toString('utf8', 8) }
}
