/**
 * CRC-32 (IEEE 802.3) by the runtime's native code. The one place where a pure layer may reach a node: module:
 * it is a pure function there.
 */
import { crc32 as nativeCrc32 } from 'node:zlib'

/** The checksum of `bytes`, continued from (or salted with) `seed`; an unsigned 32-bit integer. */
export function crc32(bytes: Uint8Array, seed = 0): number {
  return nativeCrc32(bytes, seed)
}
