/** Random changes of byte sequences, biased to what protocols stumble over: lengths, line ends, type bytes, cuts. */
import type { SeededRandom } from '../../lib/random.ts'

const MARKS = [
  '\r\n',
  '\r',
  '\n',
  '*',
  '$',
  '-',
  ':',
  '"',
  "'",
  '\\',
  '\0',
  '\xff',
  ' ',
  '*1\r\n',
  '$0\r\n\r\n',
  '*3\r\n',
]
const NUMBERS = [
  '0',
  '-1',
  '1',
  '2',
  '10',
  '01',
  '+1',
  '',
  '65536',
  '16777216',
  '16777217',
  '1048576',
  '2147483648',
  '9007199254740993',
]
/** Larger inputs only make the same faults slower. */
const BYTES_MAX = 100_000

/** About as many cuts of one input at most. */
const CHUNKS_MAX = 400

/** Some changes in a row. */
export function mutate(random: SeededRandom, input: Buffer, other: Buffer): Buffer {
  let bytes = input
  for (let i = random.below(4); i >= 0; i--) bytes = change(random, bytes, other)
  return bytes.subarray(0, BYTES_MAX)
}

/** Cuts of `bytes` in order, as a network might. */
export function chunks(random: SeededRandom, bytes: Buffer): Buffer[] {
  const found: Buffer[] = []
  const least = Math.ceil((2 * bytes.length) / CHUNKS_MAX)
  const size = Math.max(least, 1 + random.below(random.below(3) === 0 ? 3 : 4_000))
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + random.below(size))
    found.push(Buffer.from(bytes.subarray(at, end)))
    at = end
  }
  return found
}

function change(random: SeededRandom, bytes: Buffer, other: Buffer): Buffer {
  const at = random.below(bytes.length + 1)
  const end = Math.min(bytes.length, at + random.below(1 + random.below(64)))
  const [head, middle, tail] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)]
  switch (random.below(8)) {
    case 0:
      return Buffer.concat([head, tail])
    case 1:
      return Buffer.concat([head, middle, middle, tail])
    case 2:
      return Buffer.concat([head, Buffer.from(pick(random, MARKS), 'latin1'), tail])
    case 3:
      return Buffer.concat([head, other.subarray(random.below(other.length + 1))])
    case 4:
      return Buffer.concat([head, middle, other, tail])
    case 5:
      return head
    case 6:
      return otherNumber(random, bytes)
    default:
      return flipped(random, bytes)
  }
}

/** One number of the text becomes another one. */
function otherNumber(random: SeededRandom, bytes: Buffer): Buffer {
  const text = bytes.toString('latin1')
  const numbers = [...text.matchAll(/[0-9]+/g)]
  const match = numbers[random.below(Math.max(1, numbers.length))]
  if (match === undefined) return bytes
  const number = pick(random, NUMBERS)
  return Buffer.from(
    text.slice(0, match.index) + number + text.slice(match.index + match[0].length),
    'latin1',
  )
}

function flipped(random: SeededRandom, bytes: Buffer): Buffer {
  const out = Buffer.from(bytes)
  for (let i = random.below(4); i >= 0 && out.length > 0; i--) {
    const at = random.below(out.length)
    out[at] = (out[at] as number) ^ (1 << random.below(8))
  }
  return out
}

function pick<T>(random: SeededRandom, items: readonly T[]): T {
  return items[random.below(items.length)] as T
}
