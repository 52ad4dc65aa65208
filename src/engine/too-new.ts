/** What a log, a snapshot or a manifest holds that only a later version of this program knows (R7). */
import { codedError, errorCode } from '../lib/coded-error.ts'

const CODE = 'UNSUPPORTED'

/** To be thrown: nothing may be guessed, so this node cannot go on with its data. */
export function tooNew(what: string): Error {
  const remedy = 'start the node with the version that wrote its data folder, or a later one'
  return codedError(CODE, `this version of kvorum does not know ${what}; ${remedy}`)
}

export function isTooNew(error: unknown): error is Error {
  return errorCode(error) === CODE
}
