/**
 * A string as a row of bits: bit 0 is the highest bit of the first byte. Offsets are safe for 32-bit
 * arithmetic, because strings end at 16 MiB (R20).
 */
import { errorReply } from '../protocol/reply.ts'
import { parseInteger } from './integers.ts'
import { STRING_BYTES_MAX } from './strings.ts'

/** An offset that is no integer, negative, or behind the longest string. */
export const BIT_OFFSET_OUT_OF_RANGE = errorReply('ERR bit offset is not an integer or out of range')

const BITS_MAX = STRING_BYTES_MAX * 8
const ONES = Uint8Array.from({ length: 256 }, (_, byte) => countOnes(byte))

/** A bit's offset as clients give it, or null when it is none. */
export function parseBitOffset(text: Buffer): number | null {
  const offset = parseInteger(text)
  return offset === null || offset < 0 || offset >= BITS_MAX ? null : Number(offset)
}

/** The bit at `offset`; 0 behind the end. */
export function bitAt(bytes: Buffer, offset: number): 0 | 1 {
  return (((bytes[offset >>> 3] ?? 0) >>> (7 - (offset & 7))) & 1) as 0 | 1
}

/** How many bits from `from` up to but not including `to` are 1; the range lies inside `bytes`. */
export function countBits(bytes: Buffer, from: number, to: number): number {
  if (from >= to) return 0
  const first = from >>> 3
  const last = (to - 1) >>> 3
  let count = 0
  for (let i = first; i <= last; i++) count += ONES[bytes[i] as number] as number
  const before = (bytes[first] as number) >>> (8 - (from & 7))
  const behind = (bytes[last] as number) & (0xff >>> (((to - 1) & 7) + 1))
  return count - (ONES[before] as number) - (ONES[behind] as number)
}

/** The first offset from `from` up to but not including `to` where the bit is `bit`, or -1. */
export function findBit(bytes: Buffer, bit: 0 | 1, from: number, to: number): number {
  const without = bit === 1 ? 0x00 : 0xff
  for (let at = from; at < to; ) {
    if ((at & 7) === 0 && bytes[at >>> 3] === without) at += 8
    else if (bitAt(bytes, at) === bit) return at
    else at++
  }
  return -1
}

function countOnes(byte: number): number {
  let count = 0
  for (let rest = byte; rest > 0; rest >>>= 1) count += rest & 1
  return count
}
