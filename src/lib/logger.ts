/** What the layers need of a log: structured lines by level. The server provides one on pino; tests a silent one. */

/** Named values beside the message, never under the names that every line has already. */
export type LogFields = Readonly<Record<string, unknown>> & {
  readonly [name in 'level' | 'time' | 'node' | 'message']?: never
}

export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
}

export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
}
