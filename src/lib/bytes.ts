/**
 * Little-endian field access for the codecs. 64-bit fields hold non-negative integers up to 2^53 - 1 and are read
 * and written as two 32-bit halves: BigInt costs several times more.
 */
import { assert } from './assert.ts'

/** A key or other byte sequence as a string whose code units are the bytes (latin1): compares and hashes as bytes. */
export type ByteString = string

export function writeU32(buffer: Buffer, offset: number, value: number): void {
  buffer[offset] = value & 0xff
  buffer[offset + 1] = (value >>> 8) & 0xff
  buffer[offset + 2] = (value >>> 16) & 0xff
  buffer[offset + 3] = value >>> 24
}

export function readU32(buffer: Buffer, offset: number): number {
  return (
    ((buffer[offset] as number) |
      ((buffer[offset + 1] as number) << 8) |
      ((buffer[offset + 2] as number) << 16) |
      ((buffer[offset + 3] as number) << 24)) >>>
    0
  )
}

export function writeU16(buffer: Buffer, offset: number, value: number): void {
  buffer[offset] = value & 0xff
  buffer[offset + 1] = (value >>> 8) & 0xff
}

export function readU16(buffer: Buffer, offset: number): number {
  return (buffer[offset] as number) | ((buffer[offset + 1] as number) << 8)
}

export function writeU64(buffer: Buffer, offset: number, value: number): void {
  writeU32(buffer, offset, value % 2 ** 32)
  writeU32(buffer, offset + 4, Math.floor(value / 2 ** 32))
}

/** Throws when the stored value is above 2^53 - 1: no writer of ours produces one. */
export function readU64(buffer: Buffer, offset: number): number {
  const high = readU32(buffer, offset + 4)
  assert(high < 2 ** 21, () => `Integer at offset ${offset} is above 2^53 - 1`)
  return high * 2 ** 32 + readU32(buffer, offset)
}

/** `size` rounded up to a multiple of 8. */
export function align8(size: number): number {
  return Math.ceil(size / 8) * 8
}

export function toByteString(bytes: Buffer): ByteString {
  return bytes.toString('latin1')
}

export function fromByteString(text: ByteString): Buffer {
  return Buffer.from(text, 'latin1')
}
