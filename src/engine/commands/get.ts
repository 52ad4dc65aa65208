/** GET: the value of a string. */
import { bulkReply, NULL_REPLY } from '../../protocol/reply.ts'
import { WRONG_TYPE } from '../arguments.ts'
import type { CommandContext } from '../context.ts'
import { RecordType } from '../records.ts'

/** GET key. */
export function get(context: CommandContext, args: readonly Buffer[]): Buffer {
  const record = context.read(args[0] as Buffer)
  if (record === null) return NULL_REPLY
  return record.type === RecordType.string ? bulkReply(record.value) : WRONG_TYPE
}
