/**
 * CRC-64 as Redis signs its dumps (Jones' polynomial, reflected, start and end 0). As two 32-bit halves:
 * BigInt costs several times more.
 */
const POLYNOMIAL_HIGH = 0x95ac9329
const POLYNOMIAL_LOW = 0xac4bc9b5

const HIGH = new Int32Array(256)
const LOW = new Int32Array(256)
for (let byte = 0; byte < 256; byte++) fillRow(byte)

/** The checksum of `bytes` as 8 bytes, little-endian. */
export function crc64(bytes: Buffer): Buffer {
  let high = 0
  let low = 0
  for (let i = 0; i < bytes.length; i++) {
    const row = (low ^ (bytes[i] as number)) & 0xff
    low = ((low >>> 8) | (high << 24)) ^ (LOW[row] as number)
    high = (high >>> 8) ^ (HIGH[row] as number)
  }
  const out = Buffer.allocUnsafe(8)
  out.writeInt32LE(low, 0)
  out.writeInt32LE(high, 4)
  return out
}

function fillRow(byte: number): void {
  let high = 0
  let low = byte
  for (let bit = 0; bit < 8; bit++) {
    const isOdd = (low & 1) === 1
    low = (low >>> 1) | (high << 31)
    high >>>= 1
    if (!isOdd) continue
    high ^= POLYNOMIAL_HIGH
    low ^= POLYNOMIAL_LOW
  }
  HIGH[byte] = high
  LOW[byte] = low
}
