/**
 * A random place in a range, from what is in memory: the keys of memtables and the indexes of tables. Rows count alike,
 * whichever memtable or table has them; deletions and overwritten versions count until they are merged away.
 */
import type { ByteString } from '../../lib/bytes.ts'
import { higherKey } from './manifest.ts'
import { lowerBound } from './ordered-keys.ts'
import type { State } from './state.ts'
import type { Place } from './types.ts'
import type { TablePart } from './version.ts'

/** Somewhere to be, and how many rows of the range it has. */
interface Source {
  readonly rows: number
  /** `fraction` of the source's own rows, in [0, 1). */
  readonly place: (fraction: number) => Place
}

/** Null when nothing in memory says that the range has rows. */
export function seekPlace(state: State, from: ByteString, to: ByteString, fraction: number): Place | null {
  const sources = [...memtableSources(state, from, to), ...tableSources(state, from, to)]
  let at = fraction * sources.reduce((sum, { rows }) => sum + rows, 0)
  for (const { rows, place } of sources) {
    if (at < rows) return place(at / rows)
    at -= rows
  }
  return null
}

function memtableSources(state: State, from: ByteString, to: ByteString): Source[] {
  const memtables = [state.active, ...state.sealed.map(({ memtable }) => memtable)]
  return memtables
    .flatMap((memtable) => memtable.orderedRuns())
    .map((keys) => {
      const first = lowerBound(keys, from)
      const rows = lowerBound(keys, to) - first
      const place = (fraction: number): Place => {
        return { from: keys[first + Math.floor(fraction * rows)] as ByteString, rows: 1 }
      }
      return { rows, place }
    })
}

function tableSources(state: State, from: ByteString, to: ByteString): Source[] {
  return state.version.runs
    .flatMap((run) => run.parts)
    .filter(({ table, start }) => start < to && table.info.largest >= from)
    .map((part) => partSource(part, higherKey(from, part.start), to))
}

/** Blocks are of about the same size: rows of a block are taken as the mean of its table. */
function partSource({ table }: TablePart, from: ByteString, to: ByteString): Source {
  const first = table.findBlock(from)
  const blocks = table.findBlock(to) - first + 1
  const perBlock = Math.max(1, table.info.entries / table.blockCount)
  const place = (fraction: number): Place => {
    const start = table.blockStart(first + Math.floor(fraction * blocks))
    return { from: higherKey(from, start), rows: Math.ceil(perBlock) }
  }
  return { rows: blocks * perBlock, place }
}
