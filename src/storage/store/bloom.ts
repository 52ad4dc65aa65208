/**
 * Blocked bloom filter of one table: a key's six bits lie in one 64-byte line, so a probe costs one cache
 * miss. About 10 bits per key give close to 1.3 % false positives. Part of the table format.
 */
import { mix32 } from './hash.ts'

const LINE_BYTES = 64
const BITS_PER_KEY = 10
const SECOND = 0x9e3779b9

/** The filter of keys given by their hashKey; empty for no keys. */
export function buildFilter(hashes: Int32Array): Buffer {
  const lines = Math.ceil((hashes.length * BITS_PER_KEY) / (LINE_BYTES * 8))
  const filter = Buffer.alloc(lines * LINE_BYTES)
  for (let i = 0; i < hashes.length; i++) {
    const hash = hashes[i] as number
    const line = lineOf(hash, lines)
    const a = mix32(hash ^ SECOND)
    const b = mix32(a ^ SECOND)
    setBit(filter, line, a)
    setBit(filter, line, a >>> 9)
    setBit(filter, line, a >>> 18)
    setBit(filter, line, b)
    setBit(filter, line, b >>> 9)
    setBit(filter, line, b >>> 18)
  }
  return filter
}

/** False: no key with this hash is in the table. */
export function mayContain(filter: Buffer, hash: number): boolean {
  if (filter.length === 0) return false
  const line = lineOf(hash, filter.length / LINE_BYTES)
  const a = mix32(hash ^ SECOND)
  if (!hasBit(filter, line, a) || !hasBit(filter, line, a >>> 9) || !hasBit(filter, line, a >>> 18))
    return false
  const b = mix32(a ^ SECOND)
  return hasBit(filter, line, b) && hasBit(filter, line, b >>> 9) && hasBit(filter, line, b >>> 18)
}

function lineOf(hash: number, lines: number): number {
  return Math.floor(((hash >>> 0) / 2 ** 32) * lines) * LINE_BYTES
}

function setBit(filter: Buffer, line: number, bits: number): void {
  const at = line + ((bits & 511) >>> 3)
  filter[at] = (filter[at] as number) | (1 << (bits & 7))
}

function hasBit(filter: Buffer, line: number, bits: number): boolean {
  return ((filter[line + ((bits & 511) >>> 3)] as number) & (1 << (bits & 7))) !== 0
}
