/** DBSIZE, FLUSHDB, FLUSHALL and SWAPDB: whole databases. Each changes state in O(1), with one revision (R11). */
import { errorReply, integerReply, OK_REPLY } from '../../protocol/reply.ts'
import { databaseOf, optionWord, SYNTAX_ERROR } from '../arguments.ts'
import type { CommandContext } from '../context.ts'
import { DATABASE_COUNT } from '../databases.ts'

const INVALID_FIRST = errorReply('ERR invalid first DB index')
const INVALID_SECOND = errorReply('ERR invalid second DB index')

/** Records of the current database (R11: due ones too, until their expire command applies). */
export function dbsize(context: CommandContext): Buffer {
  return integerReply(context.keyCount)
}

/** FLUSHDB [ASYNC | SYNC]: the current database. */
export function flushdb(context: CommandContext, args: readonly Buffer[]): Buffer {
  if (!isFlushMode(args)) return SYNTAX_ERROR
  context.flush(context.database)
  return OK_REPLY
}

/** FLUSHALL [ASYNC | SYNC]: every database. */
export function flushall(context: CommandContext, args: readonly Buffer[]): Buffer {
  if (!isFlushMode(args)) return SYNTAX_ERROR
  for (let database = 0; database < DATABASE_COUNT; database++) context.flush(database)
  return OK_REPLY
}

/** SWAPDB index index: each takes the place of the other. */
export function swapdb(context: CommandContext, args: readonly Buffer[]): Buffer {
  const [one, other] = args as [Buffer, Buffer]
  const first = databaseOf(one, INVALID_FIRST)
  if (first === INVALID_FIRST) return INVALID_FIRST
  const second = databaseOf(other, INVALID_SECOND)
  if (second === INVALID_SECOND) return INVALID_SECOND
  if (typeof first !== 'number') return first
  if (typeof second !== 'number') return second
  context.swap(first, second)
  return OK_REPLY
}

/** The modes are the same here: the flush itself costs nothing, compaction does the work. */
function isFlushMode(args: readonly Buffer[]): boolean {
  if (args.length === 0) return true
  const word = optionWord(args[0] as Buffer)
  return args.length === 1 && (word === 'ASYNC' || word === 'SYNC')
}
