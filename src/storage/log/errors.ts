/**
 * What the log refuses at a start or finds while running: the code says what it is, file and offset where.
 */

/**
 * CORRUPT: stored bytes are damaged and are not served. UNSUPPORTED: written by a newer program. COMPACTED:
 * the entries asked for are not in the log any more.
 */
export type LogErrorCode = 'CORRUPT' | 'UNSUPPORTED' | 'COMPACTED'

export class LogError extends Error {
  override readonly name = 'LogError'
  readonly code: LogErrorCode
  readonly file: string
  /** Bytes from the start of the file. */
  readonly offset: number

  constructor(code: LogErrorCode, file: string, offset: number, what: string) {
    super(`${file} at offset ${offset}: ${what}`)
    this.code = code
    this.file = file
    this.offset = offset
  }
}
