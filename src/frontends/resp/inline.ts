/**
 * One inline command line ("SET k 'some value'") into its arguments, with Redis' quoting: "…" knows \n \r \t
 * \b \a \\ \" and \xHH, '…' knows \', a closing quote must be followed by a space or the end.
 */

const SPACE = 0x20
const DOUBLE = 0x22
const SINGLE = 0x27
const BACKSLASH = 0x5c

/** The arguments of the line (without its line end), or null when its quotes do not balance. */
export function splitInline(line: Buffer): Buffer[] | null {
  const args: Buffer[] = []
  let at = 0
  for (;;) {
    while (at < line.length && isSpace(line[at] as number)) at++
    if (at >= line.length) return args
    const scratch = Buffer.allocUnsafe(line.length - at)
    const next = readArgument(line, at, scratch)
    if (next === null) return null
    args.push(scratch.subarray(0, next.length))
    at = next.end
  }
}

/** Bytes of one argument into `out`; null when a quote is open or closed within a word. */
function readArgument(line: Buffer, start: number, out: Buffer): { end: number; length: number } | null {
  let at = start
  let length = 0
  while (at < line.length && !isSpace(line[at] as number)) {
    const byte = line[at] as number
    if (byte !== DOUBLE && byte !== SINGLE) {
      out[length++] = byte
      at++
      continue
    }
    const quoted =
      byte === DOUBLE ? readDouble(line, at + 1, out, length) : readSingle(line, at + 1, out, length)
    if (quoted === null) return null
    if (quoted.end < line.length && !isSpace(line[quoted.end] as number)) return null
    return quoted
  }
  return { end: at, length }
}

function readDouble(
  line: Buffer,
  start: number,
  out: Buffer,
  from: number,
): { end: number; length: number } | null {
  let length = from
  let at = start
  while (at < line.length) {
    const byte = line[at] as number
    if (byte === DOUBLE) return { end: at + 1, length }
    if (byte !== BACKSLASH || at + 1 >= line.length) {
      out[length++] = byte
      at++
      continue
    }
    const hex = line[at + 1] === 0x78 ? hexByte(line, at + 2) : -1
    out[length++] = hex >= 0 ? hex : unescaped(line[at + 1] as number)
    at += hex >= 0 ? 4 : 2
  }
  return null
}

function readSingle(
  line: Buffer,
  start: number,
  out: Buffer,
  from: number,
): { end: number; length: number } | null {
  let length = from
  let at = start
  while (at < line.length) {
    const byte = line[at] as number
    if (byte === SINGLE) return { end: at + 1, length }
    const isEscaped = byte === BACKSLASH && line[at + 1] === SINGLE
    out[length++] = isEscaped ? SINGLE : byte
    at += isEscaped ? 2 : 1
  }
  return null
}

function unescaped(byte: number): number {
  switch (byte) {
    case 0x6e:
      return 0x0a
    case 0x72:
      return 0x0d
    case 0x74:
      return 0x09
    case 0x62:
      return 0x08
    case 0x61:
      return 0x07
    default:
      return byte
  }
}

function hexByte(line: Buffer, at: number): number {
  if (at + 1 >= line.length) return -1
  const high = hexDigit(line[at] as number)
  const low = hexDigit(line[at + 1] as number)
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** C's isspace(), and NUL, which ends a line for Redis. */
function isSpace(byte: number): boolean {
  return byte === SPACE || (byte >= 0x09 && byte <= 0x0d) || byte === 0
}
