/**
 * `npm run faults -- [scenario …] [--rounds N] [--clients N] [--json]`: the scenarios with real processes and
 * real clients in their long form. Prints what was measured; ends with status 1 when a scenario fails.
 */
import { parseArgs } from 'node:util'
import { withCluster } from './processes/cluster.ts'
import { hasNamespaces } from './processes/namespaces.ts'
import { findRedisServer } from './redis-server.ts'
import { basics, hasRedisTools } from './scenarios/basics.ts'
import { catchUp } from './scenarios/catch-up.ts'
import { connections } from './scenarios/connections.ts'
import { differential } from './scenarios/differential.ts'
import { fullDisk } from './scenarios/full-disk.ts'
import { hangingDisk } from './scenarios/hanging-disk.ts'
import { histories } from './scenarios/histories.ts'
import { leaderLoss } from './scenarios/leader-loss.ts'
import { leaving } from './scenarios/leaving.ts'
import { majority } from './scenarios/majority.ts'
import { members } from './scenarios/members.ts'
import { BOTH_WAYS, ONE_WAY, partition } from './scenarios/partition.ts'
import { powerLoss } from './scenarios/power-loss.ts'
import { pubSubThroughKills } from './scenarios/pubsub.ts'
import { standstill } from './scenarios/standstill.ts'
import { watches } from './scenarios/watches.ts'

interface Size {
  readonly rounds: number
  readonly clients: number
}

/** What a run gives: figures, or why it cannot run here. */
type Outcome = object | string

const WRITES_MISSED = 200_000

const scenarios: Readonly<Record<string, (size: Size) => Promise<Outcome>>> = {
  basics: async () => (hasRedisTools() ? basics(50_000) : 'redis-tools is not installed'),
  'leader-killed': (size) => leaderLoss({ signal: 'SIGKILL', ...size }),
  'leader-frozen': (size) => leaderLoss({ signal: 'SIGSTOP', ...size }),
  'leader-leaves': (size) => leaderLoss({ signal: 'SIGTERM', ...size }),
  standstill: (size) => standstill(size),
  histories: (size) => histories({ ...size, seed: Date.now() % 1e6 }),
  'power-loss': (size) => powerLoss(size),
  'catch-up-log': ({ clients }) => catchUp({ by: 'log', writes: WRITES_MISSED, clients }),
  'catch-up-snapshot': ({ clients }) => catchUp({ by: 'snapshot', writes: WRITES_MISSED, clients }),
  majority: ({ rounds }) => majority({ rounds: Math.ceil(rounds / 4), writes: 1_000 }),
  partition: async (size) =>
    (await hasNamespaces()) ? partition({ cuts: BOTH_WAYS, ...size }) : 'network namespaces need root',
  'partition-one-way': async (size) =>
    (await hasNamespaces()) ? partition({ cuts: ONE_WAY, ...size }) : 'network namespaces need root',
  'full-disk': async () => (await fullDisk()) ?? 'mounting a filesystem needs root',
  'hanging-disk': async (size) => (await hangingDisk(size)) ?? 'making and freezing a filesystem needs root',
  members: ({ clients }) => members({ writes: 100_000, clients }),
  pubsub: ({ rounds }) => pubSubThroughKills({ rounds, messages: 50 }),
  leaving: ({ rounds }) => leaving({ rounds, pipeline: 1_000, connections: 16 }),
  watches: ({ rounds }) => withCluster({}, (cluster) => watches(cluster, { rounds, writesPerRound: 1_000 })),
  connections: () => connections({ idle: 10_000, deaf: 10, slow: 10 }),
  differential: async ({ rounds }) => {
    const redis = findRedisServer()
    if (redis === null) return 'redis-server is not installed'
    return differential({
      commands: 1_000 * rounds,
      transactions: 50 * rounds,
      seed: Date.now() % 1e6,
      redis,
    })
  },
}

process.exitCode = await main()

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '20' },
      clients: { type: 'string', default: '32' },
      json: { type: 'boolean', default: false },
    },
  })
  const size = { rounds: Number(values.rounds), clients: Number(values.clients) }
  const names = positionals.length > 0 ? positionals : Object.keys(scenarios)
  let failures = 0
  for (const name of names) if (!(await runOne(name, size, values.json))) failures++
  return failures > 0 ? 1 : 0
}

async function runOne(name: string, size: Size, json: boolean): Promise<boolean> {
  const scenario = scenarios[name]
  if (scenario === undefined) {
    console.error(`There is no scenario ${name}: ${Object.keys(scenarios).join(', ')}`)
    return false
  }
  const start = performance.now()
  try {
    const outcome = await scenario(size)
    const seconds = Math.round((performance.now() - start) / 100) / 10
    if (json) console.log(JSON.stringify({ scenario: name, seconds, outcome }))
    else console.log(`✓ ${name} (${seconds} s)`, outcome)
    return true
  } catch (error) {
    console.error(`✗ ${name}`, error)
    return false
  }
}
