/** Metrics of the Node.js process, by the names that Prometheus clients use for every process. */

import { openFilesLimit } from '../../stats/runtime-monitor.ts'
import { counter, type Family, gauge, gauges, histograms } from './family.ts'

const fileLimit = openFilesLimit()

export const runtimeFamilies: readonly Family[] = [
  gauges(
    'kvorum_build_info',
    'The versions of the program and of Node.js.',
    ['version', 'node_version'],
    ({ status }) => [[[status.version, process.version], 1]],
  ),
  gauges('kvorum_node_info', 'This node and its cluster.', ['node', 'cluster_id'], ({ status }) => [
    [[status.name, status.clusterId], 1],
  ]),
  gauge(
    'kvorum_tls_certificate_expiry_timestamp_seconds',
    'When the TLS certificate of this node ends, in seconds since 1970; absent without TLS.',
    ({ door }) => door.certificateEndsMs() / 1000,
  ),
  counter('process_cpu_seconds_total', 'CPU time, user and system.', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  }),
  counter('process_cpu_user_seconds_total', 'CPU time in the program.', () => process.cpuUsage().user / 1e6),
  counter(
    'process_cpu_system_seconds_total',
    'CPU time in the kernel.',
    () => process.cpuUsage().system / 1e6,
  ),
  gauge('process_resident_memory_bytes', 'Resident memory.', () => process.memoryUsage.rss()),
  gauge('process_start_time_seconds', 'When the process started, in seconds since 1970.', ({ door }) => {
    return Math.round(door.clock.wallMs() / 1000 - process.uptime())
  }),
  gauge(
    'process_open_fds',
    'Open file descriptors; absent where the system does not tell.',
    ({ openFiles }) => {
      return openFiles ?? Number.NaN
    },
  ),
  gauge(
    'process_max_fds',
    'The limit of open file descriptors; absent where the system does not tell.',
    () => fileLimit,
  ),
  gauge('nodejs_heap_size_used_bytes', 'Heap in use.', () => process.memoryUsage().heapUsed),
  gauge('nodejs_heap_size_total_bytes', 'Heap reserved.', () => process.memoryUsage().heapTotal),
  gauge('nodejs_external_memory_bytes', 'Buffers outside the heap.', () => process.memoryUsage().external),
  gauge(
    'nodejs_eventloop_lag_seconds',
    'By how much the newest timer of the event loop was late.',
    ({ door }) => {
      return door.runtime.lastDelaySeconds
    },
  ),
  histograms(
    'kvorum_event_loop_delay_seconds',
    'By how much timers of the event loop were late, one measured every 100 ms.',
    [],
    ({ door }) => [[[], door.runtime.loopDelay]],
  ),
  histograms(
    'nodejs_gc_duration_seconds',
    'How long garbage collections took, by kind.',
    ['kind'],
    ({ door }) => [...door.runtime.collections].map(([kind, histogram]) => [[kind], histogram] as const),
  ),
]
