/** Metrics of the front doors: connections, commands, errors, HTTP requests. */

import type { Door } from '../../door.ts'
import type { CommandEntry } from '../../registry/commands.ts'
import {
  counter,
  counters,
  type Family,
  gauge,
  gauges,
  histograms,
  type Sample,
  type Scrape,
} from './family.ts'

export const doorFamilies: readonly Family[] = [
  gauge(
    'kvorum_connections',
    'Open client connections on all ports, of every kind.',
    ({ door }) => door.sockets.size,
  ),
  gauge('kvorum_clients', 'Connected Redis clients.', ({ door }) => door.clients.resp.size),
  gauge(
    'kvorum_http_connections',
    'Open HTTP connections, on both ports.',
    ({ door }) => door.stats.httpConnections,
  ),
  gauge(
    'kvorum_text_connections',
    'Open connections that speak lines of text (--inline json or plain).',
    ({ door }) => door.stats.textConnections,
  ),
  counter(
    'kvorum_connections_received_total',
    'Connections accepted on the Redis and HTTP ports.',
    ({ door }) => door.stats.connectionsReceived,
  ),
  counter(
    'kvorum_connections_rejected_total',
    'Connections refused: too many, or strangers without a password set.',
    ({ door }) => door.stats.connectionsRejected,
  ),
  counter(
    'kvorum_received_bytes_total',
    'Bytes received from Redis and text clients.',
    ({ door }) => door.stats.bytesIn,
  ),
  counter(
    'kvorum_sent_bytes_total',
    'Bytes sent to Redis and text clients.',
    ({ door }) => door.stats.bytesOut,
  ),
  counters(
    'kvorum_commands_total',
    'Commands of clients of every door by outcome: ok, failed (error reply), rejected (not executed).',
    ['command', 'outcome'],
    commandOutcomes,
  ),
  histograms(
    'kvorum_command_duration_seconds',
    'Time from the turn of the event loop that read a command to the one that knew its reply, by kind.',
    ['kind'],
    ({ door }) => {
      const { read, write, local } = door.commands.durations
      return [[['read'], read] as const, [['write'], write] as const, [['local'], local] as const]
    },
  ),
  gauge(
    'kvorum_commands_in_flight',
    'Commands of clients in execution.',
    ({ door }) => door.inFlight.commands,
  ),
  counters('kvorum_error_replies_total', 'Error replies to Redis clients by code.', ['code'], ({ door }) =>
    [...door.stats.errors.counts].map(([code, count]) => [[code], count]),
  ),
  gauges('kvorum_subscriptions', 'Channels and patterns with subscribers.', ['kind'], ({ door }) => {
    const { channel, pattern } = door.pubsub.subscriptions
    return [[['channel'], channel.size] as const, [['pattern'], pattern.size] as const]
  }),
  gauge('kvorum_subscribers', 'Redis clients with subscriptions.', ({ door }) => subscribers(door)),
  gauge('kvorum_watchers', 'Open watches over HTTP.', ({ measured }) => measured.watches.open),
  gauge(
    'kvorum_watch_history_bytes',
    'Bytes of recent changes kept for watches.',
    ({ measured }) => measured.watches.historyBytes,
  ),
  gauge(
    'kvorum_watch_oldest_revision',
    'The revision from which on changes are kept: a watch that is behind it must begin anew.',
    ({ measured }) => measured.watches.oldestRevision,
  ),
  counters(
    'kvorum_http_requests_total',
    'HTTP requests answered, by method, route and status.',
    ['method', 'route', 'status'],
    ({ door }) => door.stats.http.counts(),
  ),
  histograms(
    'kvorum_http_request_duration_seconds',
    'Time from an HTTP request to the end of its response, by route.',
    ['route'],
    ({ door }) => door.stats.http.durations(),
  ),
]

/** Every command of the table, its subcommands one by one; those never called are left out. */
export function calledCommands({ door }: Scrape): CommandEntry[] {
  return [...door.commands.byName.values()]
    .flatMap((entry) => [entry, ...(entry.subcommands?.values() ?? [])])
    .filter(({ stats }) => stats.calls + stats.rejected > 0)
}

function subscribers({ pubsub }: Door): number {
  return pubsub.subscriptions.clients().size
}

function commandOutcomes(scrape: Scrape): Sample[] {
  return calledCommands(scrape).flatMap(({ spec, stats }) => {
    const { replies, failed, rejected } = stats
    return [
      [[spec.name, 'ok'], replies - failed],
      [[spec.name, 'failed'], failed],
      [[spec.name, 'rejected'], rejected],
    ] as Sample[]
  })
}
