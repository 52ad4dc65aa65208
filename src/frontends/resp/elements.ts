/**
 * Takes canonical replies apart: the elements of an array, the integer of a reply. For replies of our own
 * engine; anything else is a bug.
 */
import { assert } from '../../lib/assert.ts'

const CR = 0x0d
const MINUS = 0x2d
const AGGREGATES = new Set([...'*~>'].map((type) => type.charCodeAt(0)))
const BLOBS = new Set([...'$=!'].map((type) => type.charCodeAt(0)))
const MAP = 0x25

/** The top-level elements of an array as views, or null for a null array or another type. */
export function arrayElements(reply: Buffer): Buffer[] | null {
  if (reply[0] !== 0x2a || reply[1] === MINUS) return null
  const header = lineEnd(reply, 1)
  const count = numberAt(reply, 1, header)
  const elements: Buffer[] = []
  let at = header + 2
  for (let i = 0; i < count; i++) {
    const end = valueEnd(reply, at)
    elements.push(reply.subarray(at, end))
    at = end
  }
  assert(at === reply.length, () => `Array ends at ${at} of ${reply.length} bytes`)
  return elements
}

/** The number of an integer reply. */
export function integerOf(reply: Buffer): number {
  assert(reply[0] === 0x3a, 'Reply is no integer')
  return Number(reply.toString('latin1', 1, lineEnd(reply, 1)))
}

/** The bytes of a bulk string reply as a view, or null for the null reply. */
export function bulkOf(reply: Buffer): Buffer | null {
  assert(reply[0] === 0x24, 'Reply is no bulk string')
  if (reply[1] === MINUS) return null
  const header = lineEnd(reply, 1)
  return reply.subarray(header + 2, header + 2 + numberAt(reply, 1, header))
}

/** The offset behind the value at `start`. */
function valueEnd(reply: Buffer, start: number): number {
  let open = 1
  let at = start
  while (open > 0) {
    const type = reply[at] as number
    const line = lineEnd(reply, at + 1)
    const count = reply[at + 1] === MINUS ? 0 : numberAt(reply, at + 1, line)
    const isNull = reply[at + 1] === MINUS
    at = line + 2
    open--
    if (AGGREGATES.has(type)) open += count
    else if (type === MAP) open += 2 * count
    else if (BLOBS.has(type) && !isNull) at += count + 2
  }
  return at
}

function lineEnd(reply: Buffer, from: number): number {
  const at = reply.indexOf(CR, from)
  assert(at >= 0, () => `Reply has an open line at ${from}`)
  return at
}

/** Digits only: used for lengths. */
function numberAt(reply: Buffer, start: number, end: number): number {
  let value = 0
  for (let at = start; at < end; at++) value = value * 10 + ((reply[at] as number) - 0x30)
  return value
}
