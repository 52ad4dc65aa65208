/**
 * What commands do with their keys, as COMMAND INFO and COMMAND GETKEYSANDFLAGS tell it: Redis' own words, by command.
 * A command with two uses does the first with its first key and the second with the others.
 */
import { commandKeys } from '../../engine/command-keys.ts'
import type { CommandSpec } from '../../protocol/commands.ts'

/** Commands that look at a key but not at its value. */
const LOOK = new Set([
  'exists',
  'touch',
  'type',
  'strlen',
  'watch',
  'memory|usage',
  'object|encoding',
  'object|freq',
  'object|idletime',
  'object|refcount',
])

const WRITES: Readonly<Record<string, string>> = {
  append: 'RW insert',
  bitfield: 'RW access update variable_flags',
  bitop: 'OW update, RO access',
  copy: 'RO access, OW update',
  del: 'RM delete',
  delete: 'RM delete',
  expire: 'RW update',
  expireat: 'RW update',
  getdel: 'RW access delete',
  mset: 'OW update',
  msetnx: 'OW insert',
  persist: 'RW update',
  pexpire: 'RW update',
  pexpireat: 'RW update',
  psetex: 'OW update',
  rename: 'RW access delete, OW update',
  renamenx: 'RW access delete, OW insert',
  restore: 'OW update',
  set: 'RW access update variable_flags',
  setex: 'OW update',
  setnx: 'OW insert',
  setrange: 'RW update',
  spublish: 'not_key',
  ssubscribe: 'not_key',
  sunsubscribe: 'not_key',
  unlink: 'RM delete',
}

/** Where the use depends on the other arguments: what it is with these. */
const VARIABLE: Readonly<Record<string, (words: ReadonlySet<string>) => string>> = {
  set: (words) => (words.has('GET') ? 'RW access update' : 'OW update'),
  bitfield: (words) => (words.has('SET') || words.has('INCRBY') ? 'RW access update' : 'RO access'),
}

/** A run of keys that are used alike. */
export interface KeySpec {
  readonly flags: readonly string[]
  /** Position of the first of them, with the command's name as 0. */
  readonly begin: number
  /** How far the last one is from there; negative: from the end. */
  readonly last: number
  readonly step: number
}

/** Empty for a command without keys. */
export function keySpecs({ name, kind, keys: [first, last, step] }: CommandSpec): KeySpec[] {
  if (first === 0) return []
  const uses = (WRITES[name] ?? defaultUse(name, kind)).split(', ').map((use) => use.split(' '))
  const [use = [], rest] = uses
  if (rest === undefined) {
    return [{ flags: use, begin: first, last: last < 0 ? last : last - first, step }]
  }
  return [
    { flags: use, begin: first, last: 0, step },
    { flags: rest, begin: first + 1, last: last < 0 ? last : last - first - 1, step },
  ]
}

/** Every key among `args` (without the command's name) with the words for its use. */
export function keysWithFlags(
  spec: CommandSpec,
  args: readonly Buffer[],
): { key: Buffer; flags: readonly string[] }[] {
  const [first, rest] = keySpecs(spec)
  // A shard channel has a place as a key has, but is none.
  if (first?.flags.includes('not_key')) return []
  const words = new Set(args.slice(1).map((arg) => arg.toString('latin1').toUpperCase()))
  const variable = VARIABLE[spec.name]?.(words).split(' ')
  return commandKeys(spec, args).map((key, i) => {
    const run = i === 0 ? first : (rest ?? first)
    return { key, flags: variable ?? run?.flags ?? usesOfScripts(spec) }
  })
}

/** Scripts: how many keys there are is an argument. */
export function hasCountedKeys({ flags }: CommandSpec): boolean {
  return flags.includes('movablekeys')
}

/** What a script may do with its keys. */
export function usesOfScripts({ name, kind }: CommandSpec): readonly string[] {
  return defaultUse(name, kind).split(' ')
}

function defaultUse(name: string, kind: CommandSpec['kind']): string {
  if (LOOK.has(name)) return 'RO'
  return kind === 'write' ? 'RW access update' : 'RO access'
}
