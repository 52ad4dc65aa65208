/** Metrics of the log, the store, the disk and what the keyspace holds. */
import { counted, counter, databases, type Family, flag, gauge, gauges, histograms } from './family.ts'

const SPACE_STATES = ['ok', 'low', 'full'] as const

const log: readonly Family[] = [
  gauge('kvorum_log_segments', 'Segment files of the log, prepared ones included.', counted('log_segments')),
  gauge('kvorum_log_bytes', 'Bytes of entries in the log.', counted('log_bytes')),
  counter('kvorum_log_written_bytes_total', 'Bytes written to the log.', counted('log_bytes_written')),
  counter(
    'kvorum_log_batches_total',
    'Batches written to the log: one write and one sync each.',
    counted('log_syncs'),
  ),
  histograms(
    'kvorum_log_sync_duration_seconds',
    'How long a write of a batch and its fdatasync took.',
    [],
    ({ measured }) => [[[], measured.logSync]],
  ),
  gauge(
    'kvorum_log_sync_age_seconds',
    'Age of the write that is under way now; 0 when there is none.',
    ({ status }) => (status.counters.log_sync_age_ms ?? 0) / 1000,
  ),
]

const store: readonly Family[] = [
  gauge('kvorum_store_memtable_bytes', 'Bytes in memtables.', counted('memtable_bytes')),
  gauge('kvorum_store_tables', 'Table files.', counted('tables')),
  gauge('kvorum_store_table_bytes', 'Bytes in table files.', counted('table_bytes')),
  gauge(
    'kvorum_store_table_entries',
    'Records in table files, outdated ones and deletions included.',
    counted('table_entries'),
  ),
  gauge('kvorum_store_cache_bytes', 'Bytes of blocks in the cache.', counted('cache_bytes')),
  counter('kvorum_store_cache_hits_total', 'Blocks found in the cache.', counted('cache_hits')),
  counter('kvorum_store_cache_misses_total', 'Blocks not found in the cache.', counted('cache_misses')),
  counter('kvorum_store_flushes_total', 'Memtables written to tables.', counted('flushes')),
  counter(
    'kvorum_store_flushed_bytes_total',
    'Bytes of tables written by flushes.',
    counted('bytes_flushed'),
  ),
  counter('kvorum_store_compactions_total', 'Compactions done.', counted('compactions')),
  counter(
    'kvorum_store_compacted_bytes_total',
    'Bytes of tables written by compactions.',
    counted('bytes_compacted'),
  ),
  counter(
    'kvorum_store_job_failures_total',
    'Flushes and compactions that failed and were tried again.',
    counted('job_failures'),
  ),
]

const keyspace: readonly Family[] = [
  gauge(
    'kvorum_revision',
    'The revision of the keyspace: one per write that changed something.',
    ({ status }) => status.revision,
  ),
  gauges('kvorum_keys', 'Keys by database.', ['db'], ({ status }) =>
    databases(status).map(({ database, keys }) => [[`db${database}`], keys]),
  ),
  gauges('kvorum_expiring_keys', 'Keys that have a time to live, by database.', ['db'], ({ status }) =>
    databases(status).map(({ database, expires }) => [[`db${database}`], expires]),
  ),
  counter(
    'kvorum_expired_keys_total',
    'Keys deleted here because their time had come.',
    counted('expired_keys'),
  ),
  gauge(
    'kvorum_sessions',
    'Open sessions of nodes in the replicated table of duplicates.',
    counted('sessions'),
  ),
]

export const storageFamilies: readonly Family[] = [
  ...log,
  ...store,
  ...keyspace,
  // Before the first look at the disk nothing is known.
  gauge(
    'kvorum_disk_free_bytes',
    'Free bytes where the data folder is; absent until known.',
    ({ status }) => {
      const free = status.counters.disk_free_bytes ?? Number.NaN
      return free === Number.MAX_SAFE_INTEGER ? Number.NaN : free
    },
  ),
  gauges(
    'kvorum_disk_space_state',
    'Room on the disk: 1 for the present state; low and full refuse writes that grow data.',
    ['state'],
    ({ status }) => SPACE_STATES.map((state) => [[state], flag(status.space === state)] as const),
  ),
]
