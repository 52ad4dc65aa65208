/**
 * Where Kvorum and the redis-server 7.0 of the differential runs answer differently for a reason: the whole list. What
 * it does not name must be the same to the byte. docs/compatibility.md tells users.
 */
import type { Word } from '../engine/engine-client.ts'

/** 7.2, as Kvorum, refuses wrong ranges for absent keys; 7.0 does not look at them. */
const LENIENT_IN_7_0 = new Set(['BITCOUNT', 'BITPOS'])

/** Milliseconds differ by what lies between the two servers' clocks: seconds are compared instead. */
const IN_SECONDS: Readonly<Record<string, string>> = { PTTL: 'TTL', PEXPIRETIME: 'EXPIRETIME' }

/** The command to send in place of one whose answer depends on the clock's milliseconds. */
export function comparable(words: readonly Word[]): Word[] {
  const [name, ...args] = words
  return [IN_SECONDS[String(name)] ?? (name as Word), ...args]
}

/** Times, which may differ by some seconds. */
export function isTimed(words: readonly Word[]): boolean {
  return ['TTL', 'EXPIRETIME', 'EXEC'].includes(String(words[0]).toUpperCase())
}

export function isReasonedDifference(words: readonly Word[], actual: string, expected: string): boolean {
  return LENIENT_IN_7_0.has(String(words[0])) && actual.startsWith('-ERR') && /^:-?[01]\r\n$/.test(expected)
}

/** Not within MULTI: their leniency would have to be found inside of EXEC's answer. */
export function isQueueable(words: readonly Word[]): boolean {
  return !LENIENT_IN_7_0.has(String(words[0]).toUpperCase())
}

/** Databases that are exchanged under a watched key: EXEC compares revisions here, existence there. */
export function isWatchable(words: readonly Word[]): boolean {
  return String(words[0]).toUpperCase() !== 'SWAPDB'
}
