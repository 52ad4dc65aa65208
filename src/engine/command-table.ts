/**
 * The one table of commands that the replica executes. A new command is one row here and its function under
 * commands/. Codes are part of the log format: a code is never changed or given to another command. Ranges:
 *
 *      1-99   internal           400-499  hashes         800-899  streams
 *    100-199  keys               500-599  lists          900-949  geo
 *    200-299  strings            600-699  sets           950-979  databases
 *    300-349  bitmaps            700-799  sorted sets    980-999  pub/sub
 *    350-399  hyperloglog                               1000-1099 scripts
 *                                                       1100-     Kvorum's own (batches, SQL…)
 */
import { AssertionError, assert } from '../lib/assert.ts'
import type { CommandSpec } from '../protocol/commands.ts'
import {
  BITMAP_FAMILIES as BITMAP,
  DATABASE_FAMILIES as DATABASE,
  type Family,
  INTERNAL_FAMILIES as INTERNAL,
  KEY_FAMILIES as KEY,
  PUBSUB_FAMILIES as PUBSUB,
  SCRIPT_FAMILIES as SCRIPT,
  STRING_FAMILIES as STRING,
} from './command-families.ts'
import { bitfield, bitfieldRo } from './commands/bitfield.ts'
import { bitop } from './commands/bitop.ts'
import { bitcount, bitpos, getbit, setbit } from './commands/bits.ts'
import { dbsize, flushall, flushdb, swapdb } from './commands/database.ts'
import { dump, restore } from './commands/dump.ts'
import {
  evalReadOnly,
  evalScript,
  evalsha,
  evalshaReadOnly,
  scriptDebug,
  scriptExists,
  scriptFlush,
  scriptHelp,
  scriptKill,
  scriptLoad,
} from './commands/eval.ts'
import { expire, expireat, pexpire, pexpireat } from './commands/expire.ts'
import { get } from './commands/get.ts'
import { getdel, getex } from './commands/get-forms.ts'
import { expireDue, growth, noop } from './commands/housekeeping.ts'
import { decr, decrby, incr, incrby } from './commands/increment.ts'
import { incrbyfloat } from './commands/increment-float.ts'
import { del, exists, type } from './commands/keys.ts'
import { kv } from './commands/kv.ts'
import { lcs } from './commands/lcs.ts'
import { memoryUsage } from './commands/memory.ts'
import { mget, mset, msetnx } from './commands/multiple.ts'
import { objectEncoding, objectFreq, objectHelp, objectIdletime, objectRefcount } from './commands/object.ts'
import { once } from './commands/once.ts'
import { publish, spublish } from './commands/publish.ts'
import { append, getrange, setrange, strlen } from './commands/ranges.ts'
import { copy, move, rename, renamenx } from './commands/rename.ts'
import { set } from './commands/set.ts'
import { getset, psetex, setex, setnx } from './commands/set-forms.ts'
import { setting } from './commands/setting.ts'
import { exec, watch } from './commands/transaction.ts'
import { expiretime, persist, pexpiretime, pttl, ttl } from './commands/ttl.ts'
import type { Execute } from './context.ts'
import { FIRST_LEVEL, SCRIPTS_LEVEL } from './level.ts'
import { tooNew } from './too-new.ts'

/** A specification and what executes it; local commands are none of these. */
export interface CommandRow extends CommandSpec {
  readonly kind: 'read' | 'write'
  readonly level: number
  readonly execute: Execute
}

/** Codes up to this are internal: no client's words lead to them. */
export const INTERNAL_CODE_MAX = 99

type Keys = CommandSpec['keys']

const NONE: Keys = [0, 0, 0]
const ONE: Keys = [1, 1, 1]
const ALL: Keys = [1, -1, 1]
const TWO: Keys = [1, 2, 1]
const PAIRS: Keys = [1, -1, 2]
/** Behind a subcommand, or behind BITOP's operation. */
const SECOND: Keys = [2, 2, 1]
const FROM_SECOND: Keys = [2, -1, 1]

type Columns = readonly [
  code: number,
  name: string,
  arity: number,
  family: Family,
  keys: Keys,
  since: string,
  execute: Execute,
  summary: string,
  /** The engine level that brought it (level.ts); the first when left out. */
  level?: number,
]

/** What clients may send, by code. */
// biome-ignore format: one line per command
const PUBLIC: readonly Columns[] = [
  [100, 'del', -2, KEY.slowWrite, ALL, '1.0.0', del, 'Deletes keys.'],
  [101, 'delete', -2, KEY.slowWrite, ALL, '1.0.0', del, 'Deletes keys; another name of DEL.'],
  [102, 'exists', -2, KEY.read, ALL, '1.0.0', exists, 'Counts the given keys that exist.'],
  [103, 'expire', -3, KEY.write, ONE, '1.0.0', expire, 'Sets the seconds that a key has left.'],
  [104, 'pexpire', -3, KEY.write, ONE, '2.6.0', pexpire, 'Sets the milliseconds that a key has left.'],
  [105, 'ttl', 2, KEY.read, ONE, '1.0.0', ttl, 'Tells the seconds that a key has left.'],
  [106, 'pttl', 2, KEY.read, ONE, '2.6.0', pttl, 'Tells the milliseconds that a key has left.'],
  [107, 'persist', 2, KEY.write, ONE, '2.2.0', persist, 'Removes the expiry of a key.'],
  [108, 'type', 2, KEY.read, ONE, '1.0.0', type, 'Tells the type of a key.'],
  [109, 'unlink', -2, KEY.write, ALL, '4.0.0', del, 'Deletes keys; the space is freed later.'],
  [110, 'touch', -2, KEY.read, ALL, '3.2.1', exists, 'Counts the given keys that exist.'],
  [111, 'expireat', -3, KEY.write, ONE, '1.2.0', expireat, 'Sets the time in seconds at which a key goes.'],
  [112, 'pexpireat', -3, KEY.write, ONE, '2.6.0', pexpireat, 'Sets the time in ms at which a key goes.'],
  [113, 'expiretime', 2, KEY.read, ONE, '7.0.0', expiretime, 'Tells the time in seconds at which a key goes.'],
  [114, 'pexpiretime', 2, KEY.read, ONE, '7.0.0', pexpiretime, 'Tells the time in ms at which a key goes.'],
  [115, 'rename', 3, KEY.slowWrite, TWO, '1.0.0', rename, 'Gives a key another name.'],
  [116, 'renamenx', 3, KEY.write, TWO, '1.0.0', renamenx, 'Gives a key another name that is free.'],
  [117, 'copy', -3, KEY.growth, TWO, '6.2.0', copy, 'Copies a key, also to another database.'],
  [118, 'move', 3, KEY.write, ONE, '1.0.0', move, 'Moves a key to another database.'],
  [119, 'object|encoding', 3, KEY.inspect, SECOND, '2.2.3', objectEncoding, 'Tells the representation of a value.'],
  [120, 'object|refcount', 3, KEY.inspect, SECOND, '2.2.3', objectRefcount, 'Tells the references to a value.'],
  [121, 'object|idletime', 3, KEY.inspect, SECOND, '2.2.3', objectIdletime, 'Tells the seconds since a change.'],
  [122, 'object|freq', 3, KEY.inspect, SECOND, '4.0.0', objectFreq, 'Would tell how often a key is used.'],
  [123, 'object|help', 2, KEY.help, NONE, '6.2.0', objectHelp, 'Explains the subcommands of OBJECT.'],
  [125, 'memory|usage', -3, KEY.measure, SECOND, '4.0.0', memoryUsage, 'Tells the bytes that a key takes.'],
  [126, 'dump', 2, KEY.inspect, ONE, '2.6.0', dump, 'Gives the value of a key in the form of RESTORE.'],
  [127, 'restore', -4, KEY.restore, ONE, '2.6.0', restore, 'Makes a key from what DUMP gave.'],
  [200, 'get', 2, STRING.read, ONE, '1.0.0', get, 'Gives the string of a key.'],
  [201, 'set', -3, STRING.slowGrowth, ONE, '1.0.0', set, 'Sets the string of a key, whatever it held before.'],
  [202, 'incr', 2, STRING.growth, ONE, '1.0.0', incr, 'Adds one to the integer of a key.'],
  [203, 'incrby', 3, STRING.growth, ONE, '1.0.0', incrby, 'Adds an integer to the integer of a key.'],
  [204, 'decr', 2, STRING.growth, ONE, '1.0.0', decr, 'Subtracts one from the integer of a key.'],
  [205, 'decrby', 3, STRING.growth, ONE, '1.0.0', decrby, 'Subtracts an integer from the integer of a key.'],
  [206, 'mget', -2, STRING.read, ALL, '1.0.0', mget, 'Gives the strings of several keys.'],
  [207, 'mset', -3, STRING.slowGrowth, PAIRS, '1.0.1', mset, 'Sets the strings of several keys in one step.'],
  [208, 'setnx', 3, STRING.growth, ONE, '1.0.0', setnx, 'Sets the string of a key that is absent.'],
  [209, 'setex', 4, STRING.slowGrowth, ONE, '2.0.0', setex, 'Sets a string and the seconds it has left.'],
  [210, 'psetex', 4, STRING.slowGrowth, ONE, '2.6.0', psetex, 'Sets a string and the milliseconds it has left.'],
  [211, 'getset', 3, STRING.growth, ONE, '1.0.0', getset, 'Sets a string and gives the one before.'],
  [212, 'getdel', 2, STRING.write, ONE, '6.2.0', getdel, 'Gives the string of a key and deletes the key.'],
  [213, 'getex', -2, STRING.write, ONE, '6.2.0', getex, 'Gives a string and changes its expiry.'],
  [214, 'msetnx', -3, STRING.slowGrowth, PAIRS, '1.0.1', msetnx, 'Sets several strings when all keys are absent.'],
  [215, 'append', 3, STRING.growth, ONE, '2.0.0', append, 'Adds bytes to the end of a string.'],
  [216, 'strlen', 2, STRING.read, ONE, '2.2.0', strlen, 'Tells the length of a string.'],
  [217, 'getrange', 4, STRING.slowRead, ONE, '2.4.0', getrange, 'Gives a part of a string.'],
  [218, 'substr', 4, STRING.slowRead, ONE, '1.0.0', getrange, 'Gives a part of a string; old name of GETRANGE.'],
  [219, 'setrange', 4, STRING.slowGrowth, ONE, '2.2.0', setrange, 'Overwrites a part of a string.'],
  [220, 'incrbyfloat', 3, STRING.growth, ONE, '2.6.0', incrbyfloat, 'Adds a decimal number to that of a key.'],
  [221, 'lcs', -3, STRING.slowRead, TWO, '7.0.0', lcs, 'Finds the longest common subsequence of two strings.'],
  [300, 'setbit', 4, BITMAP.growth, ONE, '2.2.0', setbit, 'Sets or clears one bit of a string.'],
  [301, 'getbit', 3, BITMAP.read, ONE, '2.2.0', getbit, 'Gives one bit of a string.'],
  [302, 'bitcount', -2, BITMAP.slowRead, ONE, '2.6.0', bitcount, 'Counts the bits of a string that are 1.'],
  [303, 'bitpos', -3, BITMAP.slowRead, ONE, '2.8.7', bitpos, 'Finds the first bit that is 1, or 0.'],
  [304, 'bitop', -4, BITMAP.growth, FROM_SECOND, '2.6.0', bitop, 'Combines the bits of strings.'],
  [305, 'bitfield', -2, BITMAP.growth, ONE, '3.2.0', bitfield, 'Reads and writes integers of any width.'],
  [306, 'bitfield_ro', -2, BITMAP.read, ONE, '6.0.0', bitfieldRo, 'Reads integers of any width.'],
  [950, 'dbsize', 1, DATABASE.read, NONE, '1.0.0', dbsize, 'Counts the keys of the database.'],
  [951, 'flushall', -1, DATABASE.flush, NONE, '1.0.0', flushall, 'Deletes every key of every database.'],
  [952, 'flushdb', -1, DATABASE.flush, NONE, '1.0.0', flushdb, 'Deletes every key of the database.'],
  [953, 'swapdb', 3, DATABASE.swap, NONE, '4.0.0', swapdb, 'Exchanges two databases.'],
  [980, 'publish', 3, PUBSUB.write, NONE, '2.0.0', publish, 'Sends a message to the subscribers of all nodes.'],
  [981, 'spublish', 3, PUBSUB.write, ONE, '7.0.0', spublish, 'Sends a message to the subscribers of a shard channel.'],
  [1000, 'eval', -3, SCRIPT.eval, NONE, '2.6.0', evalScript, 'Runs a script.', SCRIPTS_LEVEL],
  [1001, 'evalsha', -3, SCRIPT.eval, NONE, '2.6.0', evalsha, 'Runs a known script.', SCRIPTS_LEVEL],
  [1002, 'eval_ro', -3, SCRIPT.read, NONE, '7.0.0', evalReadOnly, 'Runs a script that reads.', SCRIPTS_LEVEL],
  [1003, 'evalsha_ro', -3, SCRIPT.read, NONE, '7.0.0', evalshaReadOnly, 'Runs a known one that reads.', SCRIPTS_LEVEL],
  [1010, 'script|load', 3, SCRIPT.load, NONE, '2.6.0', scriptLoad, 'Makes a script known.', SCRIPTS_LEVEL],
  [1011, 'script|exists', -3, SCRIPT.look, NONE, '2.6.0', scriptExists, 'Tells which are known.', SCRIPTS_LEVEL],
  [1012, 'script|flush', -2, SCRIPT.flush, NONE, '2.6.0', scriptFlush, 'Forgets all scripts.', SCRIPTS_LEVEL],
  [1013, 'script|kill', 2, SCRIPT.kill, NONE, '2.6.0', scriptKill, 'Ends no script: none lasts.', SCRIPTS_LEVEL],
  [1014, 'script|debug', 3, SCRIPT.look, NONE, '3.2.0', scriptDebug, 'Turns debugging off.', SCRIPTS_LEVEL],
  [1015, 'script|help', 2, SCRIPT.help, NONE, '5.0.0', scriptHelp, 'Explains SCRIPT.', SCRIPTS_LEVEL],
]

/** What doors and the cluster make themselves; arity and key positions count both words of the name. */
// biome-ignore format: one line per command
export const internalCommands = {
  noop: row([1, 'internal|noop', 2, INTERNAL.write, NONE, '1.0.0', noop, 'Changes nothing.']),
  expire: row([2, 'internal|expire', -2, INTERNAL.write, NONE, '1.0.0', expireDue, 'Deletes due keys.']),
  exec: row([3, 'internal|exec', -3, INTERNAL.write, NONE, '1.0.0', exec, 'Runs a transaction.']),
  execRead: row([4, 'internal|execread', -3, INTERNAL.read, NONE, '1.0.0', exec, 'Runs a read transaction.']),
  watch: row([5, 'internal|watch', -3, INTERNAL.read, FROM_SECOND, '1.0.0', watch, 'Tells modRevisions of keys.']),
  growth: row([6, 'internal|growth', 3, INTERNAL.write, NONE, '1.0.0', growth, 'Refuses or permits growth.']),
  setting: row([20, 'internal|setting', 4, INTERNAL.write, NONE, '1.0.0', setting, 'Sets a setting of all nodes.']),
  scan: row([7, 'internal|scan', -3, INTERNAL.read, NONE, '1.0.0', neverAlone, 'Gives a page of keys.']),
  randomKey: row([8, 'internal|randomkey', 3, INTERNAL.read, NONE, '1.0.0', neverAlone, 'Gives some key.']),
  kv: row([10, 'internal|kv', -3, INTERNAL.write, NONE, '1.0.0', kv, 'Compares, then changes keys.']),
  kvPut: row([11, 'internal|kvput', -3, INTERNAL.growth, NONE, '1.0.0', kv, 'Compares, then changes and puts keys.']),
  once: row([13, 'internal|once', 4, INTERNAL.write, NONE, '1.0.0', once, 'Runs a command that takes effect once.']),
  kvRead: row([12, 'internal|kvread', -3, INTERNAL.read, NONE, '1.0.0', kv, 'Compares, then reads keys.']),
} as const

/** These need a range, not records: scan.ts and random-key.ts answer them, and nothing brings them to the engine. */
function neverAlone(): never {
  throw new AssertionError('Cannot execute a read of a range as a command')
}

/** Every read and write command that clients may send, by lower-case name. */
export const commandTable: ReadonlyMap<string, CommandRow> = new Map(
  PUBLIC.map((columns) => [columns[1], row(columns)]),
)

const rowsByCode = indexByCode([...commandTable.values(), ...Object.values(internalCommands)])

/** The row of a code; throws tooNew() when there is none: a later version of this program wrote the log. */
export function commandRow(code: number): CommandRow {
  const row = rowsByCode[code]
  if (row === undefined) throw tooNew(`command ${code}`)
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

function row(columns: Columns): CommandRow {
  const [code, name, arity, family, keys, since, execute, summary, level = FIRST_LEVEL] = columns
  return { code, name, arity, ...family, keys, since, summary, level, execute }
}
