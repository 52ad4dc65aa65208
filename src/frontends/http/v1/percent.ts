/**
 * Percent encoding (RFC 3986) of bytes: keys and parameters are any bytes, so the decoders of URL classes, which
 * want UTF-8, are of no use.
 */

const PERCENT = 0x25
const PLUS = 0x2b
const SPACE = 0x20

/**
 * The bytes that `text` stands for, or null when a '%' is not followed by two hexadecimal digits. `text` is as node
 * gives URLs: one character per byte. In a query a '+' is a space.
 */
export function decodePercent(text: string, plusIsSpace: boolean): Buffer | null {
  const bytes = Buffer.from(text, 'latin1')
  if (!text.includes('%')) {
    if (plusIsSpace && text.includes('+')) plusToSpace(bytes)
    return bytes
  }
  let length = 0
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number
    if (byte !== PERCENT) {
      bytes[length++] = plusIsSpace && byte === PLUS ? SPACE : byte
      continue
    }
    const value = hexByte(bytes[at + 1], bytes[at + 2])
    if (value < 0) return null
    bytes[length++] = value
    at += 2
  }
  return bytes.subarray(0, length)
}

function plusToSpace(bytes: Buffer): void {
  for (let at = bytes.indexOf(PLUS); at >= 0; at = bytes.indexOf(PLUS, at + 1)) bytes[at] = SPACE
}

/** The byte of two hexadecimal digits, or -1. */
function hexByte(high: number | undefined, low: number | undefined): number {
  const value = hexDigit(high) * 16 + hexDigit(low)
  return value >= 0 ? value : -1
}

/** The digit's value, or a number so low that no sum with it is a byte. */
function hexDigit(character: number | undefined): number {
  if (character === undefined) return -1_000
  if (character >= 0x30 && character <= 0x39) return character - 0x30
  const lower = character | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1_000
}
