/**
 * What the command line says when it fails, and its exit status: one table, the same for every command
 * (docs/reference/cli.md). Data goes to stdout, everything else to stderr.
 */
import { ConnectionError } from '../client/connection.ts'
import { ReplyError } from '../client/reply.ts'
import { errors } from '../protocol/errors.ts'

export const exitCodes = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  precondition: 4,
  forbidden: 5,
  unreachable: 6,
  noQuorum: 7,
  unknownOutcome: 8,
  interrupted: 130,
} as const

/** In Markdown. */
export const exitMeanings: Readonly<Record<keyof typeof exitCodes, string>> = {
  ok: 'Done.',
  failed: 'Failed for another reason; the message says which.',
  usage: 'Wrong arguments or configuration; nothing was done.',
  notFound: 'The key does not exist.',
  precondition: 'A condition did not hold: `--nx`, `--xx`, a value of the wrong type.',
  forbidden: 'Password missing or wrong.',
  unreachable: 'No node could be connected.',
  noQuorum: 'The cluster has no leader or no majority, or refuses for now; nothing was applied.',
  unknownOutcome: 'No answer in time: it may or may not have been applied.',
  interrupted: 'Interrupted by Ctrl-C.',
}

/** A failure with its exit status and, where there is one, what to do about it. */
export class CliError extends Error {
  override readonly name = 'CliError'
  readonly exitCode: number
  readonly remedy: string

  constructor(exitCode: number, message: string, remedy = '') {
    super(message)
    this.exitCode = exitCode
    this.remedy = remedy
  }
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof CliError) return error.exitCode
  if (error instanceof ReplyError) return replyExitCode(error.message)
  if (!(error instanceof ConnectionError)) return exitCodes.failed
  if (error.kind === 'timeout' || error.sent) return exitCodes.unknownOutcome
  return exitCodes.unreachable
}

/** By the whole text where the error table has it, else by its first word when that is not the general ERR. */
function replyExitCode(text: string): number {
  const rows = Object.values(errors)
  const exact = rows.find((row) => text.startsWith(row.resp))
  if (exact !== undefined) return exact.exit
  const word = text.split(' ', 1)[0] ?? ''
  if (word === 'ERR') return exitCodes.failed
  return rows.find((row) => row.resp.startsWith(`${word} `))?.exit ?? exitCodes.failed
}

/** Writes the error to stderr in the form all commands share. */
export function printError(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error)
  const message = error instanceof ReplyError ? text.replace(/^ERR /, '') : text
  process.stderr.write(`error: ${message.replaceAll('\n', '\n       ')}\n`)
  if (error instanceof CliError && error.remedy !== '') {
    process.stderr.write(`  try: ${error.remedy.replaceAll('\n', '\n       ')}\n`)
  }
}

/** One line, or several, of data. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** A message that is not data. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`)
}
