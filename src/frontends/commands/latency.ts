/** LATENCY: what the monitor of slow events and the counters of every command have seen at this node. */
import {
  arrayReply,
  errorReply,
  integerReply,
  mapReply,
  textReply,
  verbatimReply,
} from '../../protocol/reply.ts'
import { localCommand } from '../client.ts'
import type { Door } from '../door.ts'
import type { CommandEntry } from '../registry/commands.ts'
import type { LATENCY_EVENTS, LatencyMonitor } from '../stats/latency.ts'
import { helpOf } from './help.ts'

const row = {
  group: 'server',
  since: '2.8.13',
  flags: ['admin', 'noscript', 'loading', 'stale'],
  categories: ['@admin', '@slow', '@dangerous'],
}
const BAR_WIDTH = 60

const latest = localCommand({
  ...row,
  name: 'latency|latest',
  arity: 2,
  summary: 'The last and the longest time of each slow event.',
  run: (_client, _args, door) => {
    const { latency } = door.slow
    return arrayReply(
      latency.events.map((event) => {
        const last = latency.history(event).at(-1)
        const times = [last?.atSeconds ?? 0, last?.ms ?? 0, latency.maxMs(event)]
        return arrayReply([textReply(event), ...times.map(integerReply)])
      }),
    )
  },
})

const history = localCommand({
  ...row,
  name: 'latency|history',
  arity: 3,
  summary: 'The longest time of each second in which the event was slow.',
  run: (_client, args, door) => {
    const samples = door.slow.latency.history((args[0] as Buffer).toString('latin1'))
    return arrayReply(samples.map(({ atSeconds, ms }) => arrayReply([atSeconds, ms].map(integerReply))))
  },
})

const reset = localCommand({
  ...row,
  name: 'latency|reset',
  arity: -2,
  summary: 'Forgets the samples of the events, or of all.',
  run: (_client, args, door) =>
    integerReply(door.slow.latency.reset(args.map((event) => event.toString('latin1')))),
})

const graph = localCommand({
  ...row,
  name: 'latency|graph',
  arity: 3,
  summary: 'Draws the history of an event.',
  run: (_client, args, door) => {
    const event = (args[0] as Buffer).toString('latin1')
    const samples = door.slow.latency.history(event)
    if (samples.length === 0) return errorReply(`ERR No samples available for event '${event}'`)
    const maxMs = door.slow.latency.maxMs(event)
    const lines = samples.map(({ atSeconds, ms }) => {
      const bar = '#'.repeat(Math.max(1, Math.round((ms / maxMs) * BAR_WIDTH)))
      return `${new Date(atSeconds * 1000).toISOString().slice(0, 19)} ${bar} ${ms} ms`
    })
    return verbatimReply('txt', `${event} - high ${maxMs} ms\n${lines.join('\n')}\n`)
  },
})

const doctor = localCommand({
  ...row,
  name: 'latency|doctor',
  arity: 2,
  summary: 'Says what the slow events mean.',
  run: (_client, _args, door) => verbatimReply('txt', diagnosis(door.slow.latency)),
})

const histogram = localCommand({
  ...row,
  name: 'latency|histogram',
  arity: -2,
  since: '7.0.0',
  summary: 'How long the calls of the commands, or of all, took: calls by power of two of microseconds.',
  run: (_client, args, door) => {
    const measured = chosen(args, door).filter(({ stats }) => stats.micros !== null)
    return mapReply(measured.flatMap(({ spec, stats }) => [textReply(spec.name), bucketsReply(stats.micros)]))
  },
})

export const latency = localCommand({
  ...row,
  name: 'latency',
  arity: -2,
  flags: [],
  categories: ['@slow'],
  summary: 'A container for latency commands.',
  subcommands: [latest, history, reset, graph, doctor, histogram, helpOf('latency', '2.8.13')],
})

/** The entries of the words, or all; a container stands for its subcommands. */
function chosen(args: readonly Buffer[], door: Door): CommandEntry[] {
  const { commands } = door
  const top =
    args.length === 0
      ? [...commands.byName.values()]
      : args.map((name) => commands.find(name.toString('latin1'))).filter((entry) => entry !== null)
  return top.flatMap((entry) => (entry.subcommands === null ? [entry] : [...entry.subcommands.values()]))
}

/** As Redis 7: calls and a histogram that adds up. */
function bucketsReply(micros: Float64Array | null): Buffer {
  let calls = 0
  const buckets = [...(micros ?? [])].flatMap((count, i) => {
    calls += count
    return count === 0 ? [] : [integerReply(2 ** i), integerReply(calls)]
  })
  return mapReply([textReply('calls'), integerReply(calls), textReply('histogram_usec'), mapReply(buckets)])
}

function diagnosis(monitor: LatencyMonitor): string {
  if (monitor.thresholdMs === 0) {
    return 'Latency monitoring is off. Turn it on with CONFIG SET latency-monitor-threshold <milliseconds>.\n'
  }
  const { events } = monitor
  if (events.length === 0) return `No event took ${monitor.thresholdMs} ms or more.\n`
  const lines = events.map((event) => {
    const samples = monitor.history(event)
    return `- ${event}: ${samples.length} slow seconds, longest ${monitor.maxMs(event)} ms. ${MEANING[event]}`
  })
  return `${lines.join('\n')}\n`
}

const MEANING: Readonly<Record<(typeof LATENCY_EVENTS)[number], string>> = {
  command:
    'Time from reading a command to knowing its reply; for writes it holds the log writes of a majority. ' +
    'See SLOWLOG GET for the commands, and the disk and network stages in /metrics.',
  'fast-command': 'The same for commands that need little work themselves: look at disks, network and load.',
  'event-loop':
    'The process was busy or not scheduled: look at its CPU, very large values, KEYS, long SCAN pages.',
}
