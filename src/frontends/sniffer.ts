/**
 * Tells what a new connection speaks by its first line: HTTP when it ends with ' HTTP/1.x', RESP or inline
 * text otherwise. Nothing is decided before it is certain, and at most one line is kept.
 */
import { isTls } from '../lib/tls-record.ts'
import { limits } from '../protocol/limits.ts'
import { isUpgradeLine } from '../transport/upgrade.ts'

/** `peer`: another node that asks to upgrade. `tls`: a TLS handshake. */
export type Speech = 'http' | 'resp' | 'peer' | 'tls'

const STAR = 0x2a
const LF = 0x0a
const CR = 0x0d
const HTTP_1 = Buffer.from(' HTTP/1.')

/** What the bytes so far show, or null when more are needed. */
export function sniff(bytes: Buffer): Speech | null {
  if (bytes.length === 0) return null
  if (bytes[0] === STAR) return 'resp'
  if (isTls(bytes) === true) return 'tls'
  const end = bytes.indexOf(LF)
  // A request line that does not fit is refused by the inline parser, which knows the text for it.
  if (end < 0) return bytes.length > limits.inlineBytes ? 'resp' : null
  const line = bytes.subarray(0, end > 0 && bytes[end - 1] === CR ? end - 1 : end)
  const versionAt = line.length - HTTP_1.length - 1
  if (versionAt <= 0 || !line.subarray(versionAt, -1).equals(HTTP_1)) return 'resp'
  return isUpgradeLine(line) ? 'peer' : 'http'
}
