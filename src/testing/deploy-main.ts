/**
 * `npm run test:deploy [-- --rounds N] [-- --clients N]`: what deploy/ ships, run for real with Debian's Prometheus and
 * HAProxy: their own checkers, a scraped cluster, and failover seen through HAProxy, measured. Says so and ends with
 * status 2 where a program is missing. The short form runs with the other tests.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { failover } from './deploy/failover.ts'
import { quietWatches } from './deploy/watches.ts'
import { findProgram } from './processes/programs.ts'

const PROGRAMS = ['prometheus', 'promtool', 'haproxy']
const TESTS = ['prometheus-files', 'prometheus', 'haproxy', 'cluster-script']
/** HAProxy's patience with a silent connection, and a silence that is much longer. */
const QUIET = { timeoutSeconds: 20, seconds: 65 } as const

process.exitCode = await main()

async function main(): Promise<number> {
  const missing = PROGRAMS.filter((name) => findProgram(name) === null)
  if (missing.length > 0) {
    console.error(`Cannot run here: ${missing.join(', ')} missing; apt-get install prometheus haproxy`)
    return 2
  }
  const { values } = parseArgs({
    options: { rounds: { type: 'string', default: '10' }, clients: { type: 'string', default: '6' } },
  })
  const files = TESTS.map((name) => fileURLToPath(new URL(`./deploy/${name}.test.js`, import.meta.url)))
  const { status } = spawnSync(
    process.execPath,
    ['--test', '--test-concurrency=1', '--test-reporter=spec', ...files],
    {
      stdio: 'inherit',
    },
  )
  if (status !== 0 || !runsPage('docs/deploy.md')) return 1
  console.log(await quietWatches(QUIET.timeoutSeconds, QUIET.seconds))
  for (const via of ['redis', 'redisLeader'] as const) {
    for (const signal of ['SIGKILL', 'SIGSTOP'] as const) {
      console.log(
        await failover({ via, signal, rounds: Number(values.rounds), clients: Number(values.clients) }),
      )
    }
  }
  return 0
}

/** Whether every command of the page works, those included that the other tests leave out. */
function runsPage(page: string): boolean {
  const file = fileURLToPath(new URL('../cli/documents.test.js', import.meta.url))
  const args = ['--test', '--test-reporter=spec', `--test-name-pattern=${page}`, file]
  const env = { ...process.env, KVORUM_LONG_DOCUMENTS: 'true' }
  return spawnSync(process.execPath, args, { stdio: 'inherit', env }).status === 0
}
