/** The `kvorum` command: parses, runs one verb, turns every failure into a message on stderr and an exit status. */
import { CommanderError } from 'commander'
import { CliError, exitCodeOf, exitCodes, printError } from './exit.ts'
import { buildProgram } from './program.ts'
import { startFlagNames } from './start-command.ts'
import { withTwoDashes } from './start-flags.ts'

/** Sets process.exitCode; returns when the verb is done (a running node goes on after that). */
export async function runCli(argv: readonly string[]): Promise<void> {
  ignoreClosedPipe(process.stdout)
  ignoreClosedPipe(process.stderr)
  // A password in a URL is not for everyone who lists the processes.
  if (argv.some((word) => /:\/\/[^/]*:[^/]*@/.test(word))) process.title = 'kvorum'
  try {
    await buildProgram().parseAsync(withTwoDashes(argv, startFlagNames()))
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version are thrown as well, with 0; everything else it has printed already.
      process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
      return
    }
    printError(error)
    if (!(error instanceof CliError) && process.env.DEBUG) console.error(error)
    process.exitCode = exitCodeOf(error)
  }
}

/** `kvorum logs | head` ends when head has seen enough: no error. */
function ignoreClosedPipe(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(exitCodes.ok)
    throw error
  })
}
