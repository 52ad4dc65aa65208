/** What the definitions of all verbs share. */
import { type Command, InvalidArgumentError } from 'commander'
import type { TargetOptions } from './target.ts'

/** Examples before everything else, in the help of one command. */
export function withExamples(command: Command, examples: readonly string[]): Command {
  return command.addHelpText('before', `Examples:\n${examples.map((line) => `  ${line}`).join('\n')}\n`)
}

/** The options that say which server is meant, from wherever on the line they were given. */
export function targetOf(command: Command): TargetOptions {
  return command.optsWithGlobals()
}

const NUMBER_MAX = 999_999_999
export const PORT_MAX = 65_535

/** A reader of an option's value, for commander: a whole number from `least` to `most`, both of at most nine digits. */
export function wholeNumber(least: number, most = NUMBER_MAX): (text: string) => number {
  return (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : -1
    if (number >= least && number <= most) return number
    throw new InvalidArgumentError(`Wanted a whole number from ${least} to ${most}.`)
  }
}
