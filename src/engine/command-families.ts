/**
 * What rows of the command table have in common: flags and categories as Redis' COMMAND INFO shows them, by
 * family. A command that grows data carries 'denyoom' (R6).
 */
import type { CommandSpec } from '../protocol/commands.ts'

/** What the commands of a family have in common. */
export interface Family extends Pick<CommandSpec, 'group' | 'flags' | 'categories'> {
  readonly kind: 'read' | 'write'
}

const SLOW_READ = { kind: 'read', flags: ['readonly'] } as const
const FAST_READ = { kind: 'read', flags: ['readonly', 'fast'] } as const
const SLOW_WRITE = { kind: 'write', flags: ['write'] } as const
const FAST_WRITE = { kind: 'write', flags: ['write', 'fast'] } as const
const SLOW_GROWTH = { kind: 'write', flags: ['write', 'denyoom'] } as const
const FAST_GROWTH = { kind: 'write', flags: ['write', 'denyoom', 'fast'] } as const

const KEYSPACE_READ = ['@keyspace', '@read', '@fast']
const KEYSPACE_READ_SLOW = ['@keyspace', '@read', '@slow']
const KEYSPACE_WRITE = ['@keyspace', '@write', '@fast']
const KEYSPACE_WRITE_SLOW = ['@keyspace', '@write', '@slow']

const SCRIPTING = { group: 'scripting', categories: ['@slow', '@scripting'] } as const
const RUNS_SCRIPT = ['noscript', 'stale', 'skip_monitor', 'no_mandatory_keys', 'movablekeys']

/** Families of keys of any type. */
export const KEY_FAMILIES = {
  read: { ...FAST_READ, group: 'generic', categories: KEYSPACE_READ },
  inspect: { ...SLOW_READ, group: 'generic', categories: KEYSPACE_READ_SLOW },
  measure: { ...SLOW_READ, group: 'server', categories: ['@read', '@slow'] },
  write: { ...FAST_WRITE, group: 'generic', categories: KEYSPACE_WRITE },
  slowWrite: { ...SLOW_WRITE, group: 'generic', categories: KEYSPACE_WRITE_SLOW },
  growth: { ...SLOW_GROWTH, group: 'generic', categories: KEYSPACE_WRITE_SLOW },
  restore: { ...SLOW_GROWTH, group: 'generic', categories: [...KEYSPACE_WRITE_SLOW, '@dangerous'] },
  help: { kind: 'read', group: 'generic', flags: ['loading', 'stale'], categories: ['@keyspace', '@slow'] },
} satisfies Record<string, Family>

/** Families of strings. */
export const STRING_FAMILIES = {
  read: { ...FAST_READ, group: 'string', categories: ['@read', '@string', '@fast'] },
  slowRead: { ...SLOW_READ, group: 'string', categories: ['@read', '@string', '@slow'] },
  write: { ...FAST_WRITE, group: 'string', categories: ['@write', '@string', '@fast'] },
  growth: { ...FAST_GROWTH, group: 'string', categories: ['@write', '@string', '@fast'] },
  slowGrowth: { ...SLOW_GROWTH, group: 'string', categories: ['@write', '@string', '@slow'] },
} satisfies Record<string, Family>

/** Families of strings taken as bits. */
export const BITMAP_FAMILIES = {
  read: { ...FAST_READ, group: 'bitmap', categories: ['@read', '@bitmap', '@fast'] },
  slowRead: { ...SLOW_READ, group: 'bitmap', categories: ['@read', '@bitmap', '@slow'] },
  growth: { ...SLOW_GROWTH, group: 'bitmap', categories: ['@write', '@bitmap', '@slow'] },
} satisfies Record<string, Family>

/** Families of whole databases. */
export const DATABASE_FAMILIES = {
  read: { ...FAST_READ, group: 'server', categories: KEYSPACE_READ },
  flush: { ...SLOW_WRITE, group: 'server', categories: [...KEYSPACE_WRITE_SLOW, '@dangerous'] },
  swap: { ...FAST_WRITE, group: 'server', categories: [...KEYSPACE_WRITE, '@dangerous'] },
} satisfies Record<string, Family>

/** Messages: they go through the log as writes do, and change nothing. */
export const PUBSUB_FAMILIES = {
  write: {
    kind: 'write',
    group: 'pubsub',
    flags: ['pubsub', 'loading', 'stale', 'fast'],
    categories: ['@pubsub', '@fast'],
  },
} satisfies Record<string, Family>

/** Scripts: what they do is known when they run. */
export const SCRIPT_FAMILIES = {
  eval: { ...SCRIPTING, kind: 'write', flags: RUNS_SCRIPT },
  read: { ...SCRIPTING, kind: 'read', flags: ['readonly', ...RUNS_SCRIPT] },
  load: { ...SCRIPTING, kind: 'write', flags: ['noscript', 'stale'] },
  flush: { ...SCRIPTING, kind: 'write', flags: ['noscript'] },
  look: { ...SCRIPTING, kind: 'read', flags: ['noscript'] },
  kill: { ...SCRIPTING, kind: 'read', flags: ['noscript', 'allow_busy'] },
  help: { ...SCRIPTING, kind: 'read', flags: ['loading', 'stale'] },
} satisfies Record<string, Family>

/** Commands that no client can send. */
export const INTERNAL_FAMILIES = {
  read: { kind: 'read', group: 'internal', flags: [], categories: [] },
  write: { kind: 'write', group: 'internal', flags: [], categories: [] },
  growth: { kind: 'write', group: 'internal', flags: ['denyoom'], categories: [] },
} satisfies Record<string, Family>
