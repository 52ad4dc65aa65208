/** DEL, UNLINK, EXISTS, TOUCH and TYPE: keys of any type. */
import { integerReply, simpleReply } from '../../protocol/reply.ts'
import type { CommandContext } from '../context.ts'

/** Also DELETE and UNLINK. A key named twice is deleted, and counted, once. */
export function del(context: CommandContext, args: readonly Buffer[]): Buffer {
  let count = 0
  for (const key of args) {
    if (!context.remove(key)) continue
    context.notify('g', 'del', key)
    count++
  }
  return integerReply(count)
}

/** Also TOUCH: nothing here ages by not being read. A key named twice counts twice. */
export function exists(context: CommandContext, args: readonly Buffer[]): Buffer {
  let count = 0
  for (const key of args) if (context.read(key) !== null) count++
  return integerReply(count)
}

/** TYPE key: the type's name, or none. */
export function type(context: CommandContext, args: readonly Buffer[]): Buffer {
  return simpleReply(context.read(args[0] as Buffer)?.typeName ?? 'none')
}
