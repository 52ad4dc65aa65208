/**
 * The node's log: pino, one JSON object per line, or a readable form on a terminal. Writing never blocks the event
 * loop, what waits to be written is bounded (a reader that stops loses lines, not the node), and fields whose names
 * say that they are secret are replaced before they are formatted.
 */
import { type Logger as PinoLogger, pino } from 'pino'
import type { LogFields, Logger } from '../lib/logger.ts'
import { prettyLine } from '../lib/pretty-log.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export interface LogOptions {
  readonly level: LogLevel
  readonly format: 'auto' | 'pretty' | 'json'
  /** Bound to every line. */
  readonly node: string
  /** File descriptor that takes the lines; standard output by default. */
  readonly descriptor?: number
}

export interface NodeLog {
  readonly logger: Logger
  /** May be changed at any time. */
  level: LogLevel
  /**
   * Writes what waits, at once: for the moment before the process ends. What a thread is writing already is completed
   * by process.exit(), which waits for the threads. Not for a log that cannot be written any more: it would be tried
   * for ever.
   */
  flush(): void
}

/** Bytes that wait for a slow reader of the log; more is dropped. */
const WAITING_BYTES = 8 * 1024 * 1024

const SECRET_FIELDS = ['password', 'clusterSecret', 'secret', 'token', 'authorization']

/** Opens the log. Levels below `level` cost one call and no formatting. */
export function openLog(options: LogOptions): NodeLog {
  const descriptor = options.descriptor ?? 1
  const destination = pino.destination({
    dest: descriptor,
    sync: false,
    minLength: 0,
    maxLength: WAITING_BYTES,
  })
  // A log that nobody can read any more (a closed terminal) ends no node.
  destination.on('error', () => {})
  const pretty = options.format === 'pretty' || (options.format === 'auto' && isTerminal(descriptor))
  const sink = pretty
    ? { write: (line: string) => void destination.write(prettyLine(line, isTerminal(descriptor))) }
    : destination
  const target = pino(
    {
      level: options.level,
      base: { node: options.node },
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: 'message',
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: '(secret)' },
      serializers: { error: pino.stdSerializers.err },
    },
    sink,
  )
  return {
    logger: adapt(target),
    get level(): LogLevel {
      return target.level as LogLevel
    },
    set level(level: LogLevel) {
      target.level = level
    },
    flush: () => flushQuietly(destination),
  }
}

function adapt(target: PinoLogger): Logger {
  return {
    debug: (message: string, fields?: LogFields) => target.debug(fields ?? {}, message),
    info: (message: string, fields?: LogFields) => target.info(fields ?? {}, message),
    warn: (message: string, fields?: LogFields) => target.warn(fields ?? {}, message),
    error: (message: string, fields?: LogFields) => target.error(fields ?? {}, message),
  }
}

/** A destination that has not opened yet has nothing to flush and throws. */
function flushQuietly(destination: { flushSync(): void }): void {
  try {
    destination.flushSync()
  } catch {
    return
  }
}

function isTerminal(descriptor: number): boolean {
  return descriptor === 1 ? process.stdout.isTTY === true : descriptor === 2 && process.stderr.isTTY === true
}
