/**
 * Strings as Redis' DUMP encodes them (RDB format 11): a type byte, the string, then u16 LE format version and
 * CRC-64 of everything before it. A string is its length and bytes, an integer of 8 to 32 bits, or, when read,
 * LZF-compressed; nothing is compressed here.
 *
 *   00xxxxxx            length up to 63       11000000 i8     11000010 i32 LE
 *   01xxxxxx byte       length up to 16 383   11000001 i16 LE 11000011 compressed length, length, bytes
 *   10000000 u32 BE     length
 */
import { crc64 } from '../lib/crc64.ts'
import { parseInteger } from './integers.ts'
import { STRING_BYTES_MAX } from './strings.ts'

const RDB_VERSION = 11
const FOOTER_SIZE = 10
const STRING_TYPE = 0
/** Longer texts are never integers of 32 bits. */
const INTEGER_TEXT_MAX = 11
const INT8 = 0xc0
const INT16 = 0xc1
const INT32 = 0xc2
const COMPRESSED = 0xc3
const LENGTH_6 = 0x00
const LENGTH_14 = 0x40
const LENGTH_32 = 0x80

/** The bytes that DUMP gives for a string. */
export function encodeDump(value: Buffer): Buffer {
  const version = Buffer.from([RDB_VERSION, 0])
  const body = Buffer.concat([Buffer.from([STRING_TYPE]), encodeInteger(value) ?? encodeRaw(value), version])
  return Buffer.concat([body, crc64(body)])
}

/** Whether the footer is that of a format up to ours, and the checksum right. */
export function isDump(bytes: Buffer): boolean {
  const end = bytes.length - FOOTER_SIZE
  if (end < 0 || bytes.readUInt16LE(end) > RDB_VERSION) return false
  return crc64(bytes.subarray(0, end + 2)).equals(bytes.subarray(end + 2))
}

/** The string in a dump that isDump() passed; null when it is damaged or no string. */
export function decodeDump(bytes: Buffer): Buffer | null {
  const body = bytes.subarray(0, bytes.length - FOOTER_SIZE)
  const kind = body[1]
  if (body[0] !== STRING_TYPE || kind === undefined) return null
  if (kind >= INT8) return kind === COMPRESSED ? decodeCompressed(body) : decodeInteger(body, kind)
  const length = readLength(body, 1)
  if (length === null || length.next + length.value > body.length) return null
  return body.subarray(length.next, length.next + length.value)
}

function encodeInteger(value: Buffer): Buffer | null {
  const number = value.length <= INTEGER_TEXT_MAX ? parseInteger(value) : null
  if (typeof number !== 'number' || number !== (number | 0)) return null
  const out = Buffer.alloc(5)
  out.writeInt32LE(number, 1)
  if (number === (number << 24) >> 24) return sized(out, INT8, 2)
  return number === (number << 16) >> 16 ? sized(out, INT16, 3) : sized(out, INT32, 5)
}

function sized(out: Buffer, kind: number, size: number): Buffer {
  out[0] = kind
  return out.subarray(0, size)
}

function encodeRaw(value: Buffer): Buffer {
  const { length } = value
  if (length < 64) return Buffer.concat([Buffer.from([LENGTH_6 | length]), value])
  if (length < 16_384) return Buffer.concat([Buffer.from([LENGTH_14 | (length >> 8), length & 0xff]), value])
  const head = Buffer.from([LENGTH_32, 0, 0, 0, 0])
  head.writeUInt32BE(length, 1)
  return Buffer.concat([head, value])
}

function decodeInteger(body: Buffer, kind: number): Buffer | null {
  const size = kind === INT8 ? 1 : kind === INT16 ? 2 : kind === INT32 ? 4 : 0
  if (size === 0 || body.length < 2 + size) return null
  return Buffer.from(String(body.readIntLE(2, size)), 'latin1')
}

function decodeCompressed(body: Buffer): Buffer | null {
  const packed = readLength(body, 2)
  const plain = packed === null ? null : readLength(body, packed.next)
  if (packed === null || plain === null || plain.value > STRING_BYTES_MAX) return null
  const end = plain.next + packed.value
  return end > body.length ? null : decompress(body.subarray(plain.next, end), plain.value)
}

/** A length and the offset behind it; null when it is none or cut off. */
function readLength(bytes: Buffer, at: number): { value: number; next: number } | null {
  const first = bytes[at]
  if (first === undefined) return null
  const low = first & 0x3f
  if (first < LENGTH_14) return { value: low, next: at + 1 }
  if (first < LENGTH_32) {
    const second = bytes[at + 1]
    return second === undefined ? null : { value: low * 256 + second, next: at + 2 }
  }
  if (first !== LENGTH_32 || at + 5 > bytes.length) return null
  return { value: bytes.readUInt32BE(at + 1), next: at + 5 }
}

/** LZF: runs of literals (000lllll) and references back (lllooooo oooooooo, lll = 7: one more length byte). */
function decompress(packed: Buffer, size: number): Buffer | null {
  const out = Buffer.alloc(size)
  let to = 0
  for (let at = 0; at < packed.length; ) {
    const control = packed[at++] as number
    if (control < 32) {
      const count = control + 1
      if (at + count > packed.length || to + count > size) return null
      to += packed.copy(out, to, at, at + count)
      at += count
      continue
    }
    const further = control >> 5 === 7 ? packed[at++] : 0
    const low = packed[at++]
    if (further === undefined || low === undefined) return null
    const count = (control >> 5) + further + 2
    const from = to - ((control & 0x1f) << 8) - low - 1
    if (from < 0 || to + count > size) return null
    for (let i = 0; i < count; i++) out[to++] = out[from + i] as number
  }
  return to === size ? out : null
}
