/**
 * Assertions that stay on in production. A failed assertion is a bug in this program: it ends the process
 * (the server installs no handler that would survive it) and is never caught to be retried.
 */

export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Throws unless `condition` holds. Pass a thunk where building the message costs something. */
export function assert(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new AssertionError(typeof message === 'string' ? message : message())
}

/** The value, which must be neither null nor undefined. */
export function must<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new AssertionError(`Missing ${what}`)
  return value
}

/** Marks a branch that the types say cannot be reached. */
export function unreachable(value: never, what = 'value'): never {
  throw new AssertionError(`Unexpected ${what}: ${JSON.stringify(value)}`)
}
