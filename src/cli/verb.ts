/** What the definitions of all verbs share. */
import { type Command, InvalidArgumentError } from 'commander'
import type { TargetOptions } from './target.ts'

/** Examples before everything else, in the help of one command. */
export function withExamples(command: Command, examples: readonly string[]): Command {
  return command.addHelpText('beforeAll', `Examples:\n${examples.map((line) => `  ${line}`).join('\n')}\n`)
}

/** The options that say which server is meant, from wherever on the line they were given. */
export function targetOf(command: Command): TargetOptions {
  return command.optsWithGlobals()
}

export function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError(`wanted a whole number, got '${text}'`)
}
