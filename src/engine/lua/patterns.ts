/**
 * Lua's string patterns. Every step of a match counts, so one that would try for hours ends with the program's budget.
 */
import type { Machine } from './machine.ts'
import type { LuaValue } from './values.ts'

const CAPTURES_MAX = 32
/** Parts of a pattern that wait for one another: a bound of the JavaScript stack. */
const DEPTH_MAX = 200
/** What one step of a match counts for. */
const STEP = 4
const CAPTURE_OPEN = -1
const CAPTURE_POSITION = -2

const [ESCAPE, DOT, CARET, DOLLAR] = [0x25, 0x2e, 0x5e, 0x24]
const [OPEN_SET, CLOSE_SET, OPEN, CLOSE] = [0x5b, 0x5d, 0x28, 0x29]
const [STAR, PLUS, MINUS, QUESTION] = [0x2a, 0x2b, 0x2d, 0x3f]

/** Character classes by their letter, as isalpha() and its like know bytes in the locale C: ranges of bytes. */
const CLASSES: Readonly<Record<string, readonly (readonly [from: number, to: number])[]>> = {
  a: [
    [0x41, 0x5a],
    [0x61, 0x7a],
  ],
  c: [
    [0, 0x1f],
    [0x7f, 0x7f],
  ],
  d: [[0x30, 0x39]],
  l: [[0x61, 0x7a]],
  p: [
    [0x21, 0x2f],
    [0x3a, 0x40],
    [0x5b, 0x60],
    [0x7b, 0x7e],
  ],
  s: [
    [0x09, 0x0d],
    [0x20, 0x20],
  ],
  u: [[0x41, 0x5a]],
  w: [
    [0x30, 0x39],
    [0x41, 0x5a],
    [0x61, 0x7a],
  ],
  x: [
    [0x30, 0x39],
    [0x41, 0x46],
    [0x61, 0x66],
  ],
  z: [[0, 0]],
}
const classTables = new Map(
  Object.entries(CLASSES).map(([letter, ranges]) => {
    const bytes = Array.from({ length: 256 }, (_, byte) =>
      ranges.some(([from, to]) => from <= byte && byte <= to),
    )
    return [letter.charCodeAt(0), bytes] as const
  }),
)

/** One pattern at work on one string. */
export class Matcher {
  readonly #machine: Machine
  readonly #text: string
  readonly #pattern: string
  #level = 0
  #depth = 0
  readonly #starts: number[] = []
  readonly #lengths: number[] = []
  readonly isAnchored: boolean

  /** Without `anchors` a leading ^ is a character like others, as gmatch() has it. */
  constructor(machine: Machine, text: string, pattern: string, anchors = true) {
    this.#machine = machine
    this.#text = text
    this.#pattern = pattern
    this.isAnchored = anchors && pattern.charCodeAt(0) === CARET
  }

  /** Where a match that begins at `from` ends; -1 when there is none. */
  matchAt(from: number): number {
    this.#level = 0
    this.#depth = 0
    return this.#match(from, this.isAnchored ? 1 : 0)
  }

  /** What the match from `start` to `end` captured: all of it when the pattern captures nothing and `whole` is set. */
  captures(start: number, end: number, whole: boolean): LuaValue[] {
    const count = this.#level === 0 && whole ? 1 : this.#level
    return Array.from({ length: count }, (_, i) => this.capture(i, start, end))
  }

  whole(start: number, end: number): string {
    return this.#slice(start, end)
  }

  capture(index: number, start: number, end: number): LuaValue {
    if (index >= this.#level) {
      if (index !== 0) return this.#machine.raise('invalid capture index')
      return this.#slice(start, end)
    }
    const length = this.#lengths[index] as number
    const from = this.#starts[index] as number
    if (length === CAPTURE_OPEN) return this.#machine.raise('unfinished capture')
    return length === CAPTURE_POSITION ? from + 1 : this.#slice(from, from + length)
  }

  #slice(from: number, to: number): string {
    this.#machine.allocate(to - from)
    return this.#text.slice(from, to)
  }

  #match(from: number, at: number): number {
    if (++this.#depth > DEPTH_MAX) this.#machine.raise('pattern too complex')
    try {
      return this.#matchHere(from, at)
    } finally {
      this.#depth--
    }
  }

  /** Goes along while there is but one way; where there are several, each is tried one level deeper. */
  #matchHere(start: number, place: number): number {
    const pattern = this.#pattern
    let from = start
    let at = place
    for (;;) {
      this.#machine.spend(STEP)
      if (at >= pattern.length) return from
      const code = pattern.charCodeAt(at)
      if (code === OPEN) {
        const isPosition = pattern.charCodeAt(at + 1) === CLOSE
        return this.#openCapture(
          from,
          at + (isPosition ? 2 : 1),
          isPosition ? CAPTURE_POSITION : CAPTURE_OPEN,
        )
      }
      if (code === CLOSE) return this.#closeCapture(from, at + 1)
      if (code === DOLLAR && at + 1 === pattern.length) return from === this.#text.length ? from : -1
      if (code === ESCAPE) {
        const moved = this.#special(from, at)
        if (moved !== null) {
          if (moved < 0) return -1
          from = moved
          at += pattern[at + 1] === 'b' ? 4 : pattern[at + 1] === 'f' ? this.#classEnd(at + 2) - at : 2
          continue
        }
      }
      const end = this.#classEnd(at)
      const repeat = pattern.charCodeAt(end)
      if (repeat === QUESTION) {
        if (this.#isOne(from, at, end)) {
          const found = this.#match(from + 1, end + 1)
          if (found >= 0) return found
        }
        at = end + 1
      } else if (repeat === STAR) return this.#mostFirst(from, at, end)
      else if (repeat === PLUS) return this.#isOne(from, at, end) ? this.#mostFirst(from + 1, at, end) : -1
      else if (repeat === MINUS) return this.#fewestFirst(from, at, end)
      else {
        if (!this.#isOne(from, at, end)) return -1
        from++
        at = end
      }
    }
  }

  /** %b, %f and %1: where the text goes on, -1 when it does not match, null when the pattern is none of these. */
  #special(from: number, at: number): number | null {
    const letter = this.#pattern[at + 1]
    if (letter === 'b') return this.#balance(from, at + 2)
    if (letter === 'f') return this.#frontier(from, at + 2)
    if (letter !== undefined && letter >= '0' && letter <= '9') return this.#again(from, letter)
    return null
  }

  #openCapture(from: number, at: number, length: number): number {
    if (this.#level >= CAPTURES_MAX) this.#machine.raise('too many captures')
    this.#starts[this.#level] = from
    this.#lengths[this.#level] = length
    this.#level++
    const found = this.#match(from, at)
    if (found < 0) this.#level--
    return found
  }

  #closeCapture(from: number, at: number): number {
    let open = this.#level - 1
    while (open >= 0 && this.#lengths[open] !== CAPTURE_OPEN) open--
    if (open < 0) this.#machine.raise('invalid pattern capture')
    this.#lengths[open] = from - (this.#starts[open] as number)
    const found = this.#match(from, at)
    if (found < 0) this.#lengths[open] = CAPTURE_OPEN
    return found
  }

  /** As often as possible, then less often. */
  #mostFirst(from: number, at: number, end: number): number {
    let count = 0
    while (this.#isOne(from + count, at, end)) count++
    this.#machine.spend(STEP * count)
    for (; count >= 0; count--) {
      const found = this.#match(from + count, end + 1)
      if (found >= 0) return found
    }
    return -1
  }

  #fewestFirst(start: number, at: number, end: number): number {
    for (let from = start; ; from++) {
      const found = this.#match(from, end + 1)
      if (found >= 0) return found
      if (!this.#isOne(from, at, end)) return -1
    }
  }

  #balance(from: number, at: number): number {
    if (at + 1 >= this.#pattern.length) this.#machine.raise('unbalanced pattern')
    const [open, close] = [this.#pattern.charCodeAt(at), this.#pattern.charCodeAt(at + 1)]
    if (this.#text.charCodeAt(from) !== open) return -1
    let depth = 1
    for (let i = from + 1; i < this.#text.length; i++) {
      this.#machine.spend(1)
      const code = this.#text.charCodeAt(i)
      if (code === close) {
        if (--depth === 0) return i + 1
      } else if (code === open) depth++
    }
    return -1
  }

  #frontier(from: number, at: number): number {
    if (this.#pattern.charCodeAt(at) !== OPEN_SET) this.#machine.raise("missing '[' after '%f' in pattern")
    const end = this.#classEnd(at)
    const before = from === 0 ? 0 : this.#text.charCodeAt(from - 1)
    const code = from < this.#text.length ? this.#text.charCodeAt(from) : 0
    return !this.#isInSet(before, at, end - 1) && this.#isInSet(code, at, end - 1) ? from : -1
  }

  #again(from: number, letter: string): number {
    const index = Number(letter) - 1
    if (index < 0 || index >= this.#level || this.#lengths[index] === CAPTURE_OPEN) {
      this.#machine.raise('invalid capture index')
    }
    const start = this.#starts[index] as number
    const captured = this.#text.slice(start, start + Math.max(this.#lengths[index] as number, 0))
    this.#machine.work(captured.length)
    return this.#text.startsWith(captured, from) ? from + captured.length : -1
  }

  /** Behind the single character or class at `at`. */
  #classEnd(at: number): number {
    const pattern = this.#pattern
    const code = pattern.charCodeAt(at)
    if (code === ESCAPE) {
      if (at + 1 >= pattern.length) this.#machine.raise("malformed pattern (ends with '%')")
      return at + 2
    }
    if (code !== OPEN_SET) return at + 1
    let end = at + 1
    if (pattern.charCodeAt(end) === CARET) end++
    do {
      if (end >= pattern.length) this.#machine.raise("malformed pattern (missing ']')")
      if (pattern.charCodeAt(end++) === ESCAPE && end < pattern.length) end++
    } while (pattern.charCodeAt(end) !== CLOSE_SET)
    this.#machine.spend((end - at) / 8)
    return end + 1
  }

  #isOne(from: number, at: number, end: number): boolean {
    if (from >= this.#text.length) return false
    const code = this.#text.charCodeAt(from)
    const wanted = this.#pattern.charCodeAt(at)
    if (wanted === DOT) return true
    if (wanted === ESCAPE) return isInClass(code, this.#pattern.charCodeAt(at + 1))
    return wanted === OPEN_SET ? this.#isInSet(code, at, end - 1) : wanted === code
  }

  /** Whether the byte is in the set from '[' at `open` to ']' at `close`. */
  #isInSet(code: number, open: number, close: number): boolean {
    const pattern = this.#pattern
    let at = open + 1
    const isNegated = pattern.charCodeAt(at) === CARET
    if (isNegated) at++
    this.#machine.spend((close - at) / 8)
    for (; at < close; at++) {
      const wanted = pattern.charCodeAt(at)
      if (wanted === ESCAPE) {
        at++
        if (isInClass(code, pattern.charCodeAt(at))) return !isNegated
      } else if (pattern.charCodeAt(at + 1) === MINUS && at + 2 < close) {
        if (wanted <= code && code <= pattern.charCodeAt(at + 2)) return !isNegated
        at += 2
      } else if (wanted === code) return !isNegated
    }
    return isNegated
  }
}

function isInClass(code: number, letter: number): boolean {
  const bytes = classTables.get(letter | 0x20)
  const isLetter = (letter | 0x20) >= 0x61 && (letter | 0x20) <= 0x7a
  if (bytes === undefined || !isLetter) return letter === code
  const isNegated = (letter & 0x20) === 0
  return (bytes[code] as boolean) !== isNegated
}
