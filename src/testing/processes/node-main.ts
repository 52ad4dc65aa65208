/**
 * A node as a child process of a test: `kvorum` with the arguments given. It never outlives the process that
 * began it.
 */
import { runCli } from '../../cli/main.ts'

// The channel closes when the parent ends, however it ends.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
process.channel?.unref()
await runCli(process.argv)
