/**
 * The hash of a key: it places a key in a bloom filter, so it is part of the table format and never changes.
 * FNV-1a over the bytes, finished by the mixer of MurmurHash3 (both in the public domain).
 */
import type { ByteString } from '../../lib/bytes.ts'

/** A signed 32-bit hash (signed, so that it stays a small integer for the JavaScript engine). */
export function hashKey(key: ByteString): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return mix32(hash)
}

/** Spreads every bit of `value` over the result; a bijection of 32-bit integers. */
export function mix32(value: number): number {
  let hash = value ^ (value >>> 16)
  hash = Math.imul(hash, 0x85ebca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
