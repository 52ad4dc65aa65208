/** Errors of the store that callers tell apart by `code`, as they do with system errors. */
import type { CodedError } from '../../lib/coded-error.ts'

/**
 * Stored bytes are not what was written: they are refused, never served. Names the file and the offset in it.
 */
export class CorruptError extends Error implements CodedError {
  override readonly name = 'CorruptError'
  readonly code = 'CORRUPT'
  readonly file: string
  readonly offset: number

  constructor(file: string, offset: number, what: string) {
    super(`Cannot read ${file} at offset ${offset}: ${what}`)
    this.file = file
    this.offset = offset
  }
}

/** The store was closed before the operation could finish. */
export class ClosedError extends Error implements CodedError {
  override readonly name = 'ClosedError'
  readonly code = 'CLOSED'

  constructor() {
    super('Cannot finish: the store is closed')
  }
}

/** The pinned state ended before the operation could finish: released, replaced by a snapshot, or too much was held. */
export class GoneError extends Error implements CodedError {
  override readonly name = 'GoneError'
  readonly code = 'GONE'

  constructor() {
    super('Cannot finish: the pinned state is gone')
  }
}
