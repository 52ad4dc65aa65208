/** The expiry options of SET and GETEX: EX, PX, EXAT and PXAT with their amounts. */
import { invalidExpireTime, NOT_AN_INTEGER } from '../arguments.ts'
import type { CommandContext } from '../context.ts'
import { MILLISECOND_MS, positiveExpiry, SECOND_MS } from '../expiry-time.ts'
import { parseInteger } from '../integers.ts'

/** What an option word may be that gives an expiry. */
export type ExpiryWord = 'EX' | 'PX' | 'EXAT' | 'PXAT'

/** Whether an option word (in upper case) gives an expiry. */
export function isExpiryWord(word: string): word is ExpiryWord {
  return word === 'EX' || word === 'PX' || word === 'EXAT' || word === 'PXAT'
}

/** The time in ms that `amount` behind `word` means, or an error reply. */
export function expiryOf(context: CommandContext, word: ExpiryWord, amount: Buffer): number | Buffer {
  const count = parseInteger(amount)
  if (count === null) return NOT_AN_INTEGER
  const unitMs = word.startsWith('EX') ? SECOND_MS : MILLISECOND_MS
  const from = word.endsWith('AT') ? 0 : context.nowMs
  return positiveExpiry(count, unitMs, from) ?? invalidExpireTime(context.spec)
}

/** Where parsed options keep their expiry. */
export interface ExpiryOption {
  expiry: ExpiryWord | null
  amount: Buffer | null
}

/** Takes the expiry `word` and the amount behind it; false = a syntax error. `excluded`: another option forbids it. */
export function takeExpiry(
  options: ExpiryOption,
  word: ExpiryWord,
  amount: Buffer | undefined,
  excluded: boolean,
): boolean {
  if (amount === undefined || excluded) return false
  if (options.expiry !== null && options.expiry !== word) return false
  options.expiry = word
  options.amount = amount
  return true
}
