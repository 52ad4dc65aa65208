/** BITOP: AND, OR, XOR and NOT of whole strings, as if all were as long as the longest, filled with zeros. */
import { errorReply, integerReply } from '../../protocol/reply.ts'
import { optionWord, SYNTAX_ERROR } from '../arguments.ts'
import type { CommandContext } from '../context.ts'
import { RecordType } from '../records.ts'
import { bytesOf, grown, readString } from '../strings.ts'

const FIRST_SOURCE = 2
const ONE_SOURCE = errorReply('ERR BITOP NOT must be called with a single source key.')

/** Changes `into` by the bytes of a further source. */
type Combine = (into: Buffer, source: Buffer) => void

const OPERATIONS: Readonly<Record<string, Combine>> = {
  AND: (into, source) => {
    for (let i = 0; i < source.length; i++) into[i] = (into[i] as number) & (source[i] as number)
    into.fill(0, source.length)
  },
  OR: (into, source) => {
    for (let i = 0; i < source.length; i++) into[i] = (into[i] as number) | (source[i] as number)
  },
  XOR: (into, source) => {
    for (let i = 0; i < source.length; i++) into[i] = (into[i] as number) ^ (source[i] as number)
  },
}

/** BITOP operation destkey key [key …]: the length of the result; an empty one deletes `destkey`. */
export function bitop(context: CommandContext, args: readonly Buffer[]): Buffer {
  const [name, target] = args as [Buffer, Buffer]
  const word = optionWord(name)
  const combine = Object.hasOwn(OPERATIONS, word) ? (OPERATIONS[word] as Combine) : null
  if (combine === null && word !== 'NOT') return SYNTAX_ERROR
  if (word === 'NOT' && args.length !== FIRST_SOURCE + 1) return ONE_SOURCE
  const sources: Buffer[] = []
  for (let i = FIRST_SOURCE; i < args.length; i++) {
    const record = readString(context, args[i] as Buffer)
    if (Buffer.isBuffer(record)) return record
    const bytes = bytesOf(record)
    context.scannedBytes += bytes.length
    sources.push(bytes)
  }
  const result = combine === null ? inverted(sources[0] as Buffer) : combined(sources, combine)
  store(context, target, result)
  return integerReply(result.length)
}

function store(context: CommandContext, target: Buffer, result: Buffer): void {
  if (result.length > 0) {
    context.put(target, RecordType.string, result, 0)
    context.notify('$', 'set', target)
  } else if (context.remove(target)) {
    context.notify('g', 'del', target)
  }
}

function combined(sources: readonly Buffer[], combine: Combine): Buffer {
  const size = sources.reduce((most, source) => Math.max(most, source.length), 0)
  const result = grown(sources[0] as Buffer, size)
  for (const source of sources.slice(1)) combine(result, source)
  return result
}

function inverted(source: Buffer): Buffer {
  const result = Buffer.allocUnsafe(source.length)
  for (let i = 0; i < source.length; i++) result[i] = ~(source[i] as number)
  return result
}
