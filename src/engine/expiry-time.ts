/**
 * From the integers that clients send to the time a key expires. Redis keeps expiry times up to 2^63 - 1 ms;
 * here they end at 2^53 - 1 ms (in 285 000 years): later ones are refused as invalid.
 */
import type { Integer } from './integers.ts'

/** Units of the amounts that clients send. */
export const SECOND_MS = 1000
export const MILLISECOND_MS = 1
const EXPIRES_AT_MAX = Number.MAX_SAFE_INTEGER
/** Seconds below this overflow 64 bits as milliseconds. */
const SECONDS_MIN = -(2n ** 63n / 1000n)
/** Any time before all others that occur. */
const LONG_AGO = -Number.MAX_SAFE_INTEGER

/**
 * For options such as EX and PXAT: `amount` units after `fromMs`; null unless the amount is positive and the
 * result can be kept.
 */
export function positiveExpiry(amount: Integer, unitMs: number, fromMs: number): number | null {
  return amount > 0 ? anyExpiry(amount, unitMs, fromMs) : null
}

/** For EXPIRE: also a time that is past; null when the result cannot be kept. */
export function anyExpiry(amount: Integer, unitMs: number, fromMs: number): number | null {
  if (typeof amount === 'bigint') {
    if (amount > 0 || (unitMs === SECOND_MS && amount < SECONDS_MIN)) return null
    return LONG_AGO
  }
  const at = amount * unitMs + fromMs
  return at > EXPIRES_AT_MAX ? null : at
}
