/** LCS: the longest sequence of bytes that two strings have in common, in order but not without gaps. */
import { limits } from '../../protocol/limits.ts'
import { arrayReply, bulkReply, errorReply, integerReply, mapReply, textReply } from '../../protocol/reply.ts'
import { NOT_AN_INTEGER, optionWord, SYNTAX_ERROR } from '../arguments.ts'
import type { CommandContext } from '../context.ts'
import { parseInteger } from '../integers.ts'
import { bytesOf, readString } from '../strings.ts'

const FIRST_OPTION = 2
const NOT_STRINGS = errorReply('ERR The specified keys must contain string values')
const BOTH_FORMS = errorReply('ERR If you want both the length and indexes, please just use IDX.')
const TOO_LONG = errorReply(
  `ERR Insufficient memory, transient memory for LCS exceeds the limit of ${limits.lcsCells} cells`,
)
/** One cell takes as long as looking at so many bytes. */
const BYTES_PER_CELL = 2

interface LcsOptions {
  length: boolean
  indexes: boolean
  matchLengths: boolean
  /** Shorter runs are not listed. */
  least: number
}

/** A run of bytes that is the same in both strings: where it begins in each, and its length. */
interface Run {
  a: number
  b: number
  length: number
}

/** LCS key key [LEN] [IDX] [MINMATCHLEN length] [WITHMATCHLEN]. */
export function lcs(context: CommandContext, args: readonly Buffer[]): Buffer {
  const one = readString(context, args[0] as Buffer)
  const other = readString(context, args[1] as Buffer)
  if (Buffer.isBuffer(one) || Buffer.isBuffer(other)) return NOT_STRINGS
  const options = parseOptions(args)
  if (Buffer.isBuffer(options)) return options
  const a = bytesOf(one)
  const b = bytesOf(other)
  const cells = (a.length + 1) * (b.length + 1)
  if (cells > limits.lcsCells) return TOO_LONG
  context.scannedBytes += cells * BYTES_PER_CELL
  const lengths = lengthTable(a, b)
  const total = integerReply(lengths[lengths.length - 1] as number)
  if (options.length) return total
  const runs = runsOf(a, b, lengths)
  if (!options.indexes) {
    return bulkReply(Buffer.concat(runs.map((run) => a.subarray(run.a, run.a + run.length)).reverse()))
  }
  const listed = runs.filter((run) => run.length >= options.least)
  const matches = arrayReply(listed.map((run) => runReply(run, options.matchLengths)))
  return mapReply([textReply('matches'), matches, textReply('len'), total])
}

function parseOptions(args: readonly Buffer[]): LcsOptions | Buffer {
  const options: LcsOptions = { length: false, indexes: false, matchLengths: false, least: 0 }
  for (let i = FIRST_OPTION; i < args.length; i++) {
    const word = optionWord(args[i] as Buffer)
    if (word === 'IDX') options.indexes = true
    else if (word === 'LEN') options.length = true
    else if (word === 'WITHMATCHLEN') options.matchLengths = true
    else if (word === 'MINMATCHLEN' && i + 1 < args.length) {
      const least = parseInteger(args[++i] as Buffer)
      if (least === null) return NOT_AN_INTEGER
      options.least = Number(least)
    } else return SYNTAX_ERROR
  }
  return options.length && options.indexes ? BOTH_FORMS : options
}

/**
 * At (i, j) of rows as wide as b and one more: the length for the first i bytes of a and the first j of b. 16
 * bits are enough, because a length is at most the shorter string's and the table is limited.
 */
function lengthTable(a: Buffer, b: Buffer): Uint16Array {
  const width = b.length + 1
  const table = new Uint16Array((a.length + 1) * width)
  for (let i = 1; i <= a.length; i++) {
    const byte = a[i - 1]
    const row = i * width
    for (let j = 1; j <= b.length; j++) {
      const above = table[row - width + j] as number
      const left = table[row + j - 1] as number
      const both = (table[row - width + j - 1] as number) + 1
      table[row + j] = byte === b[j - 1] ? both : Math.max(above, left)
    }
  }
  return table
}

/** The runs of one longest sequence, last first; of equal ways, the one that Redis takes. */
function runsOf(a: Buffer, b: Buffer, lengths: Uint16Array): Run[] {
  const width = b.length + 1
  const runs: Run[] = []
  let run: Run | null = null
  for (let i = a.length, j = b.length; i > 0 && j > 0; ) {
    if (a[i - 1] === b[j - 1]) {
      i--
      j--
      if (run === null) {
        run = { a: i, b: j, length: 0 }
        runs.push(run)
      }
      run.a = i
      run.b = j
      run.length++
      continue
    }
    run = null
    if ((lengths[(i - 1) * width + j] as number) > (lengths[i * width + j - 1] as number)) i--
    else j--
  }
  return runs
}

function runReply({ a, b, length }: Run, withLength: boolean): Buffer {
  const items = [placeReply(a, length), placeReply(b, length)]
  if (withLength) items.push(integerReply(length))
  return arrayReply(items)
}

function placeReply(start: number, length: number): Buffer {
  return arrayReply([integerReply(start), integerReply(start + length - 1)])
}
