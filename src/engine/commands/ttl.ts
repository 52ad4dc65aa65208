/** TTL, PTTL, EXPIRETIME, PEXPIRETIME and PERSIST: the time a key has left, or goes at. */
import { integerReply } from '../../protocol/reply.ts'
import type { CommandContext } from '../context.ts'

const ABSENT = integerReply(-2)
const NO_EXPIRY = integerReply(-1)

/** Seconds, rounded to the nearest. */
export function ttl(context: CommandContext, args: readonly Buffer[]): Buffer {
  return timeLeft(context, args[0] as Buffer, toSeconds)
}

/** Milliseconds. */
export function pttl(context: CommandContext, args: readonly Buffer[]): Buffer {
  return timeLeft(context, args[0] as Buffer, Math.floor)
}

/** Seconds since 1970, rounded to the nearest. */
export function expiretime(context: CommandContext, args: readonly Buffer[]): Buffer {
  return expiryTime(context, args[0] as Buffer, toSeconds)
}

/** Milliseconds since 1970. */
export function pexpiretime(context: CommandContext, args: readonly Buffer[]): Buffer {
  return expiryTime(context, args[0] as Buffer, Math.floor)
}

/** 1 when the key had an expiry and lost it. */
export function persist(context: CommandContext, args: readonly Buffer[]): Buffer {
  const key = args[0] as Buffer
  const record = context.read(key)
  if (record === null || record.expiresAt === 0) return integerReply(0)
  context.put(key, record.type, record.value, 0, record.contentType)
  context.notify('g', 'persist', key)
  return integerReply(1)
}

function timeLeft(context: CommandContext, key: Buffer, round: (ms: number) => number): Buffer {
  const record = context.read(key)
  if (record === null) return ABSENT
  if (record.expiresAt === 0) return NO_EXPIRY
  return integerReply(round(Math.max(0, record.expiresAt - context.nowMs)))
}

function expiryTime(context: CommandContext, key: Buffer, round: (ms: number) => number): Buffer {
  const record = context.read(key)
  if (record === null) return ABSENT
  return record.expiresAt === 0 ? NO_EXPIRY : integerReply(round(record.expiresAt))
}

function toSeconds(ms: number): number {
  return Math.floor((ms + 500) / 1000)
}
