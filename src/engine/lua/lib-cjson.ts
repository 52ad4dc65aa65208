/** The library cjson, with settings that last for one run: runs must not depend on what ran before them on a node. */
import { type Arguments, type LibraryFunction, library } from './arguments.ts'
import { JsonDecoder } from './json-decode.ts'
import { defaultJsonSettings, JsonEncoder, type JsonSettings } from './json-encode.ts'
import type { LuaTable } from './table.ts'
import { LightUserdata, type LuaValue, type LuaValues } from './values.ts'

const NULL = new LightUserdata('null')
const INT_MAX = 2 ** 31 - 1
/** The default of nesting is the most, too: the JavaScript stack must hold it on every node. */
const DEPTH_MAX = 1_000

function only(args: Arguments): void {
  if (args.count !== 1) args.bad(1, 'expected 1 argument')
}

/** A number between bounds, when one is given. */
function bounded(args: Arguments, position: number, least: number, most: number): number | null {
  if (args.at(position) === undefined) return null
  const value = args.integer(position)
  if (value < least || value > most) args.bad(position, `expected integer between ${least} and ${most}`)
  return value
}

function flag(args: Arguments, position: number): boolean | null {
  const value = args.at(position)
  if (value === undefined) return null
  return typeof value === 'boolean' ? value : args.wrongType(position, 'boolean')
}

function functionsOf(settings: JsonSettings): Readonly<Record<string, LibraryFunction>> {
  return {
    encode: (args, machine) => {
      only(args)
      return new JsonEncoder(machine, settings).encode(args.at(1))
    },
    decode: (args, machine) => {
      only(args)
      return new JsonDecoder(machine, settings, args.string(1), NULL).decode()
    },
    encode_max_depth: (args) =>
      (settings.encodeDepth = bounded(args, 1, 1, DEPTH_MAX) ?? settings.encodeDepth),
    decode_max_depth: (args) =>
      (settings.decodeDepth = bounded(args, 1, 1, DEPTH_MAX) ?? settings.decodeDepth),
    encode_number_precision: (args) => (settings.precision = bounded(args, 1, 1, 14) ?? settings.precision),
    encode_keep_buffer: (args) => flag(args, 1) ?? true,
    encode_invalid_numbers: (args) => {
      if (args.at(1) === 'null') settings.encodeInvalid = 'null'
      else settings.encodeInvalid = flag(args, 1) ?? settings.encodeInvalid
      return settings.encodeInvalid
    },
    decode_invalid_numbers: (args) => (settings.decodeInvalid = flag(args, 1) ?? settings.decodeInvalid),
    encode_sparse_array: (args): LuaValues => {
      settings.sparseConvert = flag(args, 1) ?? settings.sparseConvert
      settings.sparseRatio = bounded(args, 2, 0, INT_MAX) ?? settings.sparseRatio
      settings.sparseSafe = bounded(args, 3, 0, INT_MAX) ?? settings.sparseSafe
      return [settings.sparseConvert, settings.sparseRatio, settings.sparseSafe]
    },
    new: (): LuaValue => cjsonLibrary(),
  }
}

/** Made anew for each run. */
export function cjsonLibrary(): LuaTable {
  return library(functionsOf(defaultJsonSettings()), { null: NULL, _NAME: 'cjson', _VERSION: '2.1.0' })
}
