/** DBSIZE and FLUSHALL: whole databases. */
import { integerReply, OK_REPLY } from '../../protocol/reply.ts'
import { optionWord, SYNTAX_ERROR } from '../arguments.ts'
import type { CommandContext } from '../context.ts'

/** Records of the current database (R11: due ones too, until their expire command applies). */
export function dbsize(context: CommandContext): Buffer {
  return integerReply(context.keyCount)
}

/** ASYNC and SYNC are the same here: the flush itself costs nothing, compaction does the work. */
export function flushall(context: CommandContext, args: readonly Buffer[]): Buffer {
  if (args.length > 0) {
    const word = optionWord(args[0] as Buffer)
    if (args.length > 1 || (word !== 'ASYNC' && word !== 'SYNC')) return SYNTAX_ERROR
  }
  context.flushAll()
  return OK_REPLY
}
