/**
 * `npm run test:docker [-- scenario …]`: builds the image, starts the cluster of deploy/docker/compose.yaml and runs
 * every container scenario for real. Says so and ends with status 2 where there is no Docker engine.
 */
import { compose } from './docker/compose.ts'
import { docker, whyNoDocker } from './docker/engine.ts'
import * as scenarios from './docker/scenarios.ts'
import * as scripts from './docker/scripts.ts'
import * as upkeep from './docker/upkeep.ts'

const ORDER: Readonly<Record<string, () => Promise<scenarios.Figures>>> = {
  locked: scenarios.locked,
  starts: scenarios.starts,
  'text-and-http': scripts.textAndHttp,
  'kv-cli': scripts.kvCli,
  'node-failure': scenarios.nodeFailure,
  partition: scenarios.partition,
  'leader-killed': scenarios.leaderKilled,
  'leader-paused': scenarios.leaderPaused,
  restart: upkeep.restart,
  upgrade: upkeep.upgrade,
  secrets: upkeep.secrets,
  documents: upkeep.documents,
  'cluster-script': scripts.clusterScript,
  volumes: scenarios.volumes,
}

process.exitCode = await main()

async function main(): Promise<number> {
  const missing = await whyNoDocker()
  if (missing !== null) {
    process.stderr.write(`The container tests cannot run here: ${missing}\n`)
    return 2
  }
  const wanted = process.argv.slice(2)
  const unknown = wanted.find((name) => !Object.hasOwn(ORDER, name))
  if (unknown !== undefined) {
    process.stderr.write(`There is no scenario '${unknown}': wanted ${Object.keys(ORDER).join(', ')}\n`)
    return 2
  }
  await docker('build', '-f', 'deploy/docker/Dockerfile', '-t', 'kvorum:latest', '.')
  process.stdout.write('built the image kvorum:latest\n')
  try {
    return await runAll(wanted.length > 0 ? wanted : Object.keys(ORDER))
  } finally {
    await compose('down', '-v')
  }
}

/** One after the other, since they share the published ports; the first failure ends the run. */
async function runAll(names: readonly string[]): Promise<number> {
  for (const name of names) {
    const start = performance.now()
    try {
      const figures = await ORDER[name]?.()
      process.stdout.write(
        `ok ${name} (${Math.round(performance.now() - start)} ms) ${JSON.stringify(figures)}\n`,
      )
    } catch (error) {
      process.stdout.write(`FAILED ${name}\n${error instanceof Error ? error.stack : String(error)}\n`)
      process.stdout.write(await compose('logs', '--no-color', '--tail', '60').catch(() => ''))
      return 1
    }
  }
  return 0
}
