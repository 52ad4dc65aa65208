/** `kvorum demo`: what a primary/secondary cluster does, shown with KV-Store's client class, every answer checked. */
import { Argument, type Command, Option } from 'commander'
import { runInteractive } from './demo/interactive.ts'
import { runScenes, scenes } from './demo/scenes.ts'
import { onStage } from './demo/stage.ts'
import { CliError, exitCodes, print } from './exit.ts'
import { PORT_MAX, wholeNumber, withExamples } from './verb.ts'

export function addDemoCommand(program: Command): void {
  const demo = program
    .command('demo')
    .description('Show reads, writes, replication and failures on a cluster that answers lines in JSON.')
    .addArgument(
      new Argument('[scene]', 'What to show.')
        .choices([...Object.keys(scenes), 'all', 'interactive'])
        .default('all'),
    )
    .option('--host <HOST>', 'A node of the cluster.', '127.0.0.1')
    .addOption(
      new Option('--port <PORT>', 'Its Redis port.').argParser(wholeNumber(1, PORT_MAX)).default(6379),
    )
    .action((scene: string, options: { host: string; port: number }) => runDemo(scene, options))
  withExamples(demo, [
    'kvorum demo                       everything, on a temporary cluster when none is running',
    'kvorum demo restrictions',
    'kvorum demo interactive',
  ])
}

async function runDemo(scene: string, { host, port }: { host: string; port: number }): Promise<void> {
  const stage = await onStage(host, port, (found) =>
    scene === 'interactive' ? runInteractive(found) : runScenes(found, scene),
  )
  if (stage.failures > 0)
    throw new CliError(exitCodes.failed, `${stage.failures} answers were not as expected`)
  if (scene !== 'interactive') print('\nDemo complete: every answer was as expected.')
}
