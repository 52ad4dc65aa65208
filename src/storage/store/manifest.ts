/**
 * The manifest: the one file that says what the store holds. Replaced atomically; the newest durable one is
 * the store's state after a crash, and the same bytes start a snapshot on another node. Little-endian.
 *
 *    0  8  magic 'KVORUMMF'
 *    8  4  format version
 *   12  8  applied index, 8 term, 8 next file number (of the node that wrote it), 8 next run id
 *   44  -  runs, newest first: count, then id, id of the run it is being merged into (0: none), tables:
 *          count, then name, lower bound of what is visible, size, CRC, clean version, summary
 *          (table-format.ts)
 *    -  -  drops in order of version: count, then from, to, version
 *    -  -  the replica's meta: length, bytes
 *    -  4  CRC-32 of all before
 *
 * Counts, ids and lengths after the head are varints; the CRC of a table takes 4 bytes.
 */
import { assert } from '../../lib/assert.ts'
import type { ByteString } from '../../lib/bytes.ts'
import { readU32 } from '../../lib/bytes.ts'
import { crc32 } from '../../lib/crc32.ts'
import type { Drop } from './drops.ts'
import { CorruptError } from './errors.ts'
import { isTableName, MANIFEST_NAME } from './file-names.ts'
import { readSummary, type TableInfo, writeSummary } from './table-format.ts'
import { ByteReader, ByteWriter } from './varint.ts'

const MANIFEST_FORMAT_VERSION = 1
const MAGIC = Buffer.from('KVORUMMF', 'latin1')

/** A table of a run, or the upper part of it that is still visible: keys >= lower. */
export interface ManifestTable {
  readonly info: TableInfo
  /** '' = all of it. */
  readonly lower: ByteString
}

export interface ManifestRun {
  readonly id: number
  /** The run it is being merged into, stretch by stretch; 0: none. */
  readonly mergeInto: number
  /** Disjoint, ascending. */
  readonly tables: readonly ManifestTable[]
}

export interface Manifest {
  readonly index: number
  readonly term: number
  readonly nextFile: number
  readonly nextRun: number
  /** Newest first. */
  readonly runs: readonly ManifestRun[]
  readonly drops: readonly Drop[]
  readonly meta: Buffer
}

export const EMPTY_MANIFEST: Manifest = {
  index: 0,
  term: 0,
  nextFile: 1,
  nextRun: 1,
  runs: [],
  drops: [],
  meta: Buffer.alloc(0),
}

export function encodeManifest(manifest: Manifest): Buffer {
  const writer = new ByteWriter(manifest.meta.length + 4096)
  writer.bytes(MAGIC)
  writer.u32(MANIFEST_FORMAT_VERSION)
  writer.u64(manifest.index)
  writer.u64(manifest.term)
  writer.u64(manifest.nextFile)
  writer.u64(manifest.nextRun)
  writer.varint(manifest.runs.length)
  for (const run of manifest.runs) writeRun(writer, run)
  writer.varint(manifest.drops.length)
  for (const drop of manifest.drops) {
    writer.sizedText(drop.from)
    writer.sizedText(drop.to)
    writer.varint(drop.version)
  }
  writer.varint(manifest.meta.length)
  writer.bytes(manifest.meta)
  writer.u32(crc32(writer.view()))
  return writer.view()
}

/** Throws CorruptError; `file` names the source in it. */
export function decodeManifest(bytes: Buffer, file = MANIFEST_NAME): Manifest {
  if (bytes.length < 48 || !bytes.subarray(0, 8).equals(MAGIC))
    throw new CorruptError(file, 0, 'not a manifest')
  const end = bytes.length - 4
  if (crc32(bytes.subarray(0, end)) !== readU32(bytes, end))
    throw new CorruptError(file, end, 'manifest checksum')
  const reader = new ByteReader(bytes, 8, end)
  const version = reader.u32()
  if (version !== MANIFEST_FORMAT_VERSION)
    throw new CorruptError(file, 8, `format version ${version} is not known`)
  const manifest = {
    index: reader.u64(),
    term: reader.u64(),
    nextFile: reader.u64(),
    nextRun: reader.u64(),
    runs: times(reader.varint(), () => readRun(reader, file)),
    drops: times(reader.varint(), () => readDrop(reader)),
    meta: Buffer.from(reader.bytes(reader.varint())),
  }
  assert(reader.left === 0, () => `Manifest has ${reader.left} bytes too many`)
  return manifest
}

/** Every table of a manifest. */
export function manifestTables(manifest: Manifest): TableInfo[] {
  return manifest.runs.flatMap((run) => run.tables.map((table) => table.info))
}

/** The higher of two keys: where visibility begins. */
export function higherKey(a: ByteString, b: ByteString): ByteString {
  if (a > b) return a
  return b
}

function writeRun(writer: ByteWriter, run: ManifestRun): void {
  writer.varint(run.id)
  writer.varint(run.mergeInto)
  writer.varint(run.tables.length)
  for (const { info, lower } of run.tables) {
    writer.sizedText(info.name)
    writer.sizedText(lower)
    writer.varint(info.size)
    writer.u32(info.crc)
    writer.varint(info.cleanVersion)
    writeSummary(writer, info)
  }
}

function readRun(reader: ByteReader, file: string): ManifestRun {
  return {
    id: reader.varint(),
    mergeInto: reader.varint(),
    tables: times(reader.varint(), () => readTable(reader, file)),
  }
}

function readTable(reader: ByteReader, file: string): ManifestTable {
  const name = reader.sizedText()
  if (!isTableName(name)) throw new CorruptError(file, reader.at, `'${name}' is no table name`)
  const lower = reader.sizedText()
  const size = reader.varint()
  const crc = reader.u32()
  const cleanVersion = reader.varint()
  return { lower, info: { name, size, crc, cleanVersion, ...readSummary(reader) } }
}

function readDrop(reader: ByteReader): Drop {
  return { from: reader.sizedText(), to: reader.sizedText(), version: reader.varint() }
}

function times<T>(count: number, read: () => T): T[] {
  const list: T[] = []
  for (let i = 0; i < count; i++) list.push(read())
  return list
}
