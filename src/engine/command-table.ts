/**
 * The one table of commands that the replica executes. A new command is one row here and its function under
 * commands/. Codes are part of the log format: a code is never changed or given to another command. Ranges:
 *
 *      1-99   internal           400-499  hashes         800-899  streams
 *    100-199  keys               500-599  lists          900-949  geo
 *    200-299  strings            600-699  sets           950-999  databases
 *    300-349  bitmaps            700-799  sorted sets   1000-1099 scripts
 *    350-399  hyperloglog                               1100-     Kvorum's own (batches, SQL…)
 */
import { AssertionError, assert } from '../lib/assert.ts'
import type { CommandSpec } from '../protocol/commands.ts'
import { dbsize, flushall } from './commands/database.ts'
import { expire, pexpire } from './commands/expire.ts'
import { get } from './commands/get.ts'
import { expireDue, growth, noop } from './commands/housekeeping.ts'
import { decr, decrby, incr, incrby } from './commands/increment.ts'
import { del, exists, type } from './commands/keys.ts'
import { mget, mset } from './commands/multiple.ts'
import { set } from './commands/set.ts'
import { exec, watch } from './commands/transaction.ts'
import { persist, pttl, ttl } from './commands/ttl.ts'
import type { Execute } from './context.ts'

/** A specification and what executes it; local commands are none of these. */
export interface CommandRow extends CommandSpec {
  readonly kind: 'read' | 'write'
  readonly execute: Execute
}

/** Codes up to this are internal: no client's words lead to them. */
export const INTERNAL_CODE_MAX = 99

type Keys = CommandSpec['keys']

const NONE: Keys = [0, 0, 0]
const ONE: Keys = [1, 1, 1]
const ALL: Keys = [1, -1, 1]
const PAIRS: Keys = [1, -1, 2]

/** What the commands of a family have in common. */
type Family = Pick<CommandRow, 'kind' | 'group' | 'flags' | 'categories'>

const READ_KEYS: Family = {
  kind: 'read',
  group: 'generic',
  flags: ['readonly', 'fast'],
  categories: ['@keyspace', '@read', '@fast'],
}
const WRITE_KEY: Family = {
  kind: 'write',
  group: 'generic',
  flags: ['write', 'fast'],
  categories: ['@keyspace', '@write', '@fast'],
}
const DELETE_KEYS: Family = {
  kind: 'write',
  group: 'generic',
  flags: ['write'],
  categories: ['@keyspace', '@write', '@slow'],
}
const READ_STRING: Family = {
  kind: 'read',
  group: 'string',
  flags: ['readonly', 'fast'],
  categories: ['@read', '@string', '@fast'],
}
const WRITE_STRING: Family = {
  kind: 'write',
  group: 'string',
  flags: ['write', 'denyoom'],
  categories: ['@write', '@string', '@slow'],
}
const COUNT_STRING: Family = {
  kind: 'write',
  group: 'string',
  flags: ['write', 'denyoom', 'fast'],
  categories: ['@write', '@string', '@fast'],
}
const READ_DATABASE: Family = { ...READ_KEYS, group: 'server' }
const FLUSH: Family = {
  kind: 'write',
  group: 'server',
  flags: ['write'],
  categories: ['@keyspace', '@write', '@slow', '@dangerous'],
}
const INTERNAL_READ: Family = { kind: 'read', group: 'internal', flags: [], categories: [] }
const INTERNAL_WRITE: Family = { kind: 'write', group: 'internal', flags: [], categories: [] }

type Columns = readonly [
  code: number,
  name: string,
  arity: number,
  family: Family,
  keys: Keys,
  since: string,
  execute: Execute,
  summary: string,
]

/** What clients may send, by code. */
// biome-ignore format: one line per command
const PUBLIC: readonly Columns[] = [
  [100, 'del', -2, DELETE_KEYS, ALL, '1.0.0', del, 'Deletes keys.'],
  [101, 'delete', -2, DELETE_KEYS, ALL, '1.0.0', del, 'Deletes keys; another name of DEL.'],
  [102, 'exists', -2, READ_KEYS, ALL, '1.0.0', exists, 'Counts the given keys that exist.'],
  [103, 'expire', -3, WRITE_KEY, ONE, '1.0.0', expire, 'Sets the seconds that a key has left.'],
  [104, 'pexpire', -3, WRITE_KEY, ONE, '2.6.0', pexpire, 'Sets the milliseconds that a key has left.'],
  [105, 'ttl', 2, READ_KEYS, ONE, '1.0.0', ttl, 'Tells the seconds that a key has left.'],
  [106, 'pttl', 2, READ_KEYS, ONE, '2.6.0', pttl, 'Tells the milliseconds that a key has left.'],
  [107, 'persist', 2, WRITE_KEY, ONE, '2.2.0', persist, 'Removes the expiry of a key.'],
  [108, 'type', 2, READ_KEYS, ONE, '1.0.0', type, 'Tells the type of a key.'],
  [200, 'get', 2, READ_STRING, ONE, '1.0.0', get, 'Gives the string of a key.'],
  [201, 'set', -3, WRITE_STRING, ONE, '1.0.0', set, 'Sets the string of a key, whatever it held before.'],
  [202, 'incr', 2, COUNT_STRING, ONE, '1.0.0', incr, 'Adds one to the integer of a key.'],
  [203, 'incrby', 3, COUNT_STRING, ONE, '1.0.0', incrby, 'Adds an integer to the integer of a key.'],
  [204, 'decr', 2, COUNT_STRING, ONE, '1.0.0', decr, 'Subtracts one from the integer of a key.'],
  [205, 'decrby', 3, COUNT_STRING, ONE, '1.0.0', decrby, 'Subtracts an integer from the integer of a key.'],
  [206, 'mget', -2, READ_STRING, ALL, '1.0.0', mget, 'Gives the strings of several keys.'],
  [207, 'mset', -3, WRITE_STRING, PAIRS, '1.0.1', mset, 'Sets the strings of several keys in one step.'],
  [950, 'dbsize', 1, READ_DATABASE, NONE, '1.0.0', dbsize, 'Counts the keys of the database.'],
  [951, 'flushall', -1, FLUSH, NONE, '1.0.0', flushall, 'Deletes every key of every database.'],
]

/** What doors and the cluster make themselves; arity counts both words of the name. */
// biome-ignore format: one line per command
export const internalCommands = {
  noop: row([1, 'internal|noop', 2, INTERNAL_WRITE, NONE, '1.0.0', noop, 'Changes nothing.']),
  expire: row([2, 'internal|expire', -2, INTERNAL_WRITE, NONE, '1.0.0', expireDue, 'Deletes due keys.']),
  exec: row([3, 'internal|exec', -3, INTERNAL_WRITE, NONE, '1.0.0', exec, 'Runs a transaction.']),
  execRead: row([4, 'internal|execread', -3, INTERNAL_READ, NONE, '1.0.0', exec, 'Runs a read transaction.']),
  watch: row([5, 'internal|watch', -3, INTERNAL_READ, ALL, '1.0.0', watch, 'Tells modRevisions of keys.']),
  growth: row([6, 'internal|growth', 3, INTERNAL_WRITE, NONE, '1.0.0', growth, 'Refuses or permits growth.']),
  scan: row([7, 'internal|scan', -3, INTERNAL_READ, NONE, '1.0.0', neverAlone, 'Gives a page of keys.']),
} as const

/** A page of keys needs a range, not records: scan.ts answers it, and nothing brings it to the engine. */
function neverAlone(): never {
  throw new AssertionError('Cannot execute a page of SCAN: it is read as a range')
}

/** Every read and write command that clients may send, by lower-case name. */
export const commandTable: ReadonlyMap<string, CommandRow> = new Map(
  PUBLIC.map((columns) => [columns[1], row(columns)]),
)

const rowsByCode = indexByCode([...commandTable.values(), ...Object.values(internalCommands)])

/**
 * The row of a code; asserts that there is one: engineLevel keeps codes this program does not know out of the
 * log.
 */
export function commandRow(code: number): CommandRow {
  const row = rowsByCode[code]
  assert(row !== undefined, () => `Command code ${code} is not known`)
  return row
}

/** The row of a code, or null. */
export function findCommandRow(code: number): CommandRow | null {
  return rowsByCode[code] ?? null
}

function indexByCode(rows: readonly CommandRow[]): (CommandRow | undefined)[] {
  const index: (CommandRow | undefined)[] = new Array(Math.max(...rows.map((row) => row.code)) + 1).fill(
    undefined,
  )
  for (const row of rows) {
    assert(index[row.code] === undefined, () => `Command code ${row.code} is given twice`)
    index[row.code] = row
  }
  return index
}

function row([code, name, arity, family, keys, since, execute, summary]: Columns): CommandRow {
  return { code, name, arity, ...family, keys, since, summary, execute }
}
