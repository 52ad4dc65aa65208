/** Tells the beginning of a TLS connection (RFC 8446, 5.1) from everything that Kvorum's ports speak in plain. */

const HANDSHAKE = 0x16
const MAJOR_VERSION = 3
const BYTES = 3

/**
 * Whether a connection that begins with `bytes` speaks TLS; null while that cannot be said. A record's third byte is
 * 1 to 4; in a frame between nodes (u32 length, far below 64 KiB in a hello) it is 0.
 */
export function isTls(bytes: Uint8Array): boolean | null {
  if (bytes.length === 0) return null
  if (bytes[0] !== HANDSHAKE) return false
  if (bytes.length < BYTES) return null
  return bytes[1] === MAJOR_VERSION && (bytes[2] as number) > 0
}
