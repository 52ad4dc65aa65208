/** MGET, MSET and MSETNX: several strings in one step. */
import { limits } from '../../protocol/limits.ts'
import {
  arrayReply,
  bulkReply,
  errorCodeReply,
  integerReply,
  NULL_REPLY,
  OK_REPLY,
} from '../../protocol/reply.ts'
import { wrongArity } from '../arguments.ts'
import type { CommandContext } from '../context.ts'
import { RecordType } from '../records.ts'

const TOO_LARGE = errorCodeReply('TOO_LARGE', `the reply exceeds ${limits.multipleReplyBytes} bytes`)

/** A key that is absent or no string gives null. */
export function mget(context: CommandContext, args: readonly Buffer[]): Buffer {
  const items: Buffer[] = []
  let bytes = 0
  for (const key of args) {
    const record = context.read(key)
    const isString = record !== null && record.type === RecordType.string
    // One key may be named a million times: the values must not be copied before they are counted.
    bytes += isString ? record.value.length : 0
    if (bytes > limits.multipleReplyBytes) return TOO_LARGE
    items.push(isString ? bulkReply(record.value) : NULL_REPLY)
  }
  return arrayReply(items)
}

/** A key that is named twice gets its last value. */
export function mset(context: CommandContext, args: readonly Buffer[]): Buffer {
  if (args.length % 2 !== 0) return wrongArity(context.spec)
  putPairs(context, args)
  return OK_REPLY
}

/** 1 when none of the keys was there and all are set, else 0 and none is. */
export function msetnx(context: CommandContext, args: readonly Buffer[]): Buffer {
  if (args.length % 2 !== 0) return wrongArity(context.spec)
  for (let i = 0; i < args.length; i += 2) {
    if (context.read(args[i] as Buffer) !== null) return integerReply(0)
  }
  putPairs(context, args)
  return integerReply(1)
}

function putPairs(context: CommandContext, args: readonly Buffer[]): void {
  for (let i = 0; i < args.length; i += 2) {
    const key = args[i] as Buffer
    context.put(key, RecordType.string, args[i + 1] as Buffer, 0)
    context.notify('$', 'set', key)
  }
}
