/** EXPIRE, PEXPIRE, EXPIREAT and PEXPIREAT with their conditions: when a key goes. */
import { errorReply, integerReply } from '../../protocol/reply.ts'
import { invalidExpireTime, NOT_AN_INTEGER, optionWord } from '../arguments.ts'
import type { CommandContext } from '../context.ts'
import { anyExpiry, MILLISECOND_MS, SECOND_MS } from '../expiry-time.ts'
import { parseInteger } from '../integers.ts'

const FIRST_OPTION = 2
const NX_WITH_OTHERS = errorReply('ERR NX and XX, GT or LT options at the same time are not compatible')
const GT_WITH_LT = errorReply('ERR GT and LT options at the same time are not compatible')

interface Conditions {
  nx: boolean
  xx: boolean
  gt: boolean
  lt: boolean
}

/** EXPIRE key seconds [NX | XX | GT | LT]. */
export function expire(context: CommandContext, args: readonly Buffer[]): Buffer {
  return setExpiry(context, args, SECOND_MS, context.nowMs)
}

/** PEXPIRE key milliseconds [NX | XX | GT | LT]. */
export function pexpire(context: CommandContext, args: readonly Buffer[]): Buffer {
  return setExpiry(context, args, MILLISECOND_MS, context.nowMs)
}

/** EXPIREAT key unix-seconds [NX | XX | GT | LT]. */
export function expireat(context: CommandContext, args: readonly Buffer[]): Buffer {
  return setExpiry(context, args, SECOND_MS, 0)
}

/** PEXPIREAT key unix-milliseconds [NX | XX | GT | LT]. */
export function pexpireat(context: CommandContext, args: readonly Buffer[]): Buffer {
  return setExpiry(context, args, MILLISECOND_MS, 0)
}

/** A time that is not in the future deletes the key, and counts as set. */
function setExpiry(context: CommandContext, args: readonly Buffer[], unitMs: number, fromMs: number): Buffer {
  const conditions = parseConditions(args)
  if (Buffer.isBuffer(conditions)) return conditions
  const amount = parseInteger(args[1] as Buffer)
  if (amount === null) return NOT_AN_INTEGER
  const expiresAt = anyExpiry(amount, unitMs, fromMs)
  if (expiresAt === null) return invalidExpireTime(context.spec)
  const key = args[0] as Buffer
  const record = context.read(key)
  if (record === null || !allows(conditions, record.expiresAt, expiresAt)) return integerReply(0)
  const isPast = expiresAt <= context.nowMs
  if (isPast) context.remove(key)
  else context.put(key, record.type, record.value, expiresAt, record.contentType)
  context.notify('g', isPast ? 'del' : 'expire', key)
  return integerReply(1)
}

/** Whether the expiry may change from `before` (0 = none, which counts as infinite) to `after`. */
function allows({ nx, xx, gt, lt }: Conditions, before: number, after: number): boolean {
  if (nx && before !== 0) return false
  if (xx && before === 0) return false
  if (gt && (before === 0 || after <= before)) return false
  return !(lt && before !== 0 && after >= before)
}

function parseConditions(args: readonly Buffer[]): Conditions | Buffer {
  const found: Conditions = { nx: false, xx: false, gt: false, lt: false }
  for (let i = FIRST_OPTION; i < args.length; i++) {
    const option = args[i] as Buffer
    const word = optionWord(option)
    if (word === 'NX') found.nx = true
    else if (word === 'XX') found.xx = true
    else if (word === 'GT') found.gt = true
    else if (word === 'LT') found.lt = true
    else return unsupported(option)
  }
  if (found.nx && (found.xx || found.gt || found.lt)) return NX_WITH_OTHERS
  return found.gt && found.lt ? GT_WITH_LT : found
}

/** Redis shows the option up to its first zero byte. */
function unsupported(option: Buffer): Buffer {
  const end = option.indexOf(0)
  return errorReply(`ERR Unsupported option ${option.toString('utf8', 0, end < 0 ? option.length : end)}`)
}
