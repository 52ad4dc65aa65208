/**
 * Redis' glob patterns, byte for byte as its matcher judges them: `*`, `?`, `[a-z]`, `[^x]`, `\` before a
 * literal. Its corner cases are kept: ranges compare signed bytes and may be written backwards, an unclosed
 * class ends with the pattern, and nothing but an empty pattern matches an empty text.
 */

const STAR = 0x2a
const QUESTION = 0x3f
const OPEN = 0x5b
const CLOSE = 0x5d
const CARET = 0x5e
const BACKSLASH = 0x5c
const MINUS = 0x2d
/** Stars that are tried inside one another; beyond it nothing matches. */
const NESTING_MAX = 1000

interface Search {
  readonly pattern: Buffer
  readonly text: Buffer
  /**
   * An inner star failed on every suffix: an outer one need not try shorter ones. Keeps the search quadratic.
   */
  exhausted: boolean
}

/** Whether all of `text` matches; upper and lower case differ. */
export function globMatches(pattern: Buffer, text: Buffer): boolean {
  return matchFrom({ pattern, text, exhausted: false }, 0, 0, 0)
}

function matchFrom(search: Search, patternStart: number, textStart: number, nesting: number): boolean {
  if (nesting > NESTING_MAX) return false
  const { pattern, text } = search
  let p = patternStart
  let t = textStart
  while (p < pattern.length && t < text.length) {
    const byte = pattern[p] as number
    if (byte === STAR) return matchStar(search, p, t, nesting)
    if (byte === OPEN) {
      const end = matchClass(pattern, p, text[t] as number)
      if (end < 0) return false
      p = end
    } else if (byte === QUESTION) {
      p++
    } else {
      if (byte === BACKSLASH && p + 1 < pattern.length) p++
      if (pattern[p] !== text[t]) return false
      p++
    }
    t++
    if (t === text.length) while (pattern[p] === STAR) p++
  }
  return p >= pattern.length && t === text.length
}

/**
 * The star at `star`: the rest of the pattern must match some suffix of the text that is not empty, or be
 * empty.
 */
function matchStar(search: Search, star: number, textStart: number, nesting: number): boolean {
  const { pattern, text } = search
  let p = star
  while (pattern[p + 1] === STAR) p++
  if (p + 1 === pattern.length) return true
  for (let t = textStart; t < text.length; t++) {
    if (matchFrom(search, p + 1, t, nesting + 1)) return true
    if (search.exhausted) return false
  }
  search.exhausted = true
  return false
}

/**
 * The class whose '[' is at `open`, against one byte: the offset behind the class, or -1 when it does not
 * match.
 */
function matchClass(pattern: Buffer, open: number, byte: number): number {
  let p = open + 1
  const negated = pattern[p] === CARET
  if (negated) p++
  let found = false
  while (p < pattern.length && pattern[p] !== CLOSE) {
    const left = pattern.length - p
    if (left >= 2 && pattern[p] === BACKSLASH) {
      p++
      if (pattern[p] === byte) found = true
    } else if (left >= 3 && pattern[p + 1] === MINUS) {
      if (inRange(pattern[p] as number, pattern[p + 2] as number, byte)) found = true
      p += 2
    } else if (pattern[p] === byte) {
      found = true
    }
    p++
  }
  if (found === negated) return -1
  return Math.min(p + 1, pattern.length)
}

function inRange(from: number, to: number, byte: number): boolean {
  const a = signed(from)
  const b = signed(to)
  const c = signed(byte)
  return a <= b ? a <= c && c <= b : b <= c && c <= a
}

function signed(byte: number): number {
  return byte > 127 ? byte - 256 : byte
}
