/**
 * The parts of a table file beside its blocks. Little-endian; a file is written once and never changed.
 *
 *   blocks | filter | index | summary | footer (64 bytes, at the end)
 *
 * Index:    0  4          number of blocks, n >= 1
 *           4  4 * (n+1)  offset of each block, and of the end of the last
 *           -  4 * n      CRC-32 of each block
 *           -  4 * (n+1)  where each separator begins among the separators, and where the last ends
 *           -  -          separators: the i-th is above every key before block i and not above its first key
 * Summary:  entries, deletions, lowest and highest version (varints); smallest and largest key (length, bytes)
 * Footer:   0  8  magic 'KVORUMTB'        8  4  format version        12  4  0
 *          16  8  filter offset          24  8  index offset          32  8  summary offset
 *          40  8  footer offset          48  4  CRC-32 of filter      52  4  CRC-32 of index
 *          56  4  CRC-32 of summary      60  4  CRC-32 of the footer before this field
 */
import { assert } from '../../lib/assert.ts'
import type { ByteString } from '../../lib/bytes.ts'
import { readU32, readU64 } from '../../lib/bytes.ts'
import { crc32 } from '../../lib/crc32.ts'
import { compareBytes } from './block.ts'
import { CorruptError } from './errors.ts'
import { ByteReader, ByteWriter } from './varint.ts'

const TABLE_FORMAT_VERSION = 1
export const FOOTER_SIZE = 64
const MAGIC = Buffer.from('KVORUMTB', 'latin1')

/** What a table holds; repeated in the manifest. */
export interface TableSummary {
  readonly entries: number
  /** Entries that mark their key deleted. */
  readonly deletions: number
  readonly minVersion: number
  readonly maxVersion: number
  readonly smallest: ByteString
  readonly largest: ByteString
}

/** A table as a job made it and as the manifest lists it. */
export interface TableInfo extends TableSummary {
  /** File name without folder. */
  readonly name: string
  readonly size: number
  /** CRC-32 of the whole file: what a transfer is checked against. */
  readonly crc: number
  /** No record in it falls to a drop whose version is not above this one: its writer knew those drops. */
  readonly cleanVersion: number
}

/** Where the parts of a file lie, from its footer. */
export interface TableLayout {
  readonly filterOffset: number
  readonly indexOffset: number
  readonly summaryOffset: number
  readonly footerOffset: number
  readonly filterCrc: number
  readonly indexCrc: number
  readonly summaryCrc: number
}

export function encodeFooter(layout: TableLayout): Buffer {
  const writer = new ByteWriter(FOOTER_SIZE)
  writer.bytes(MAGIC)
  writer.u32(TABLE_FORMAT_VERSION)
  writer.u32(0)
  writer.u64(layout.filterOffset)
  writer.u64(layout.indexOffset)
  writer.u64(layout.summaryOffset)
  writer.u64(layout.footerOffset)
  writer.u32(layout.filterCrc)
  writer.u32(layout.indexCrc)
  writer.u32(layout.summaryCrc)
  writer.u32(crc32(writer.view()))
  assert(writer.size === FOOTER_SIZE, () => `Footer has ${writer.size} bytes`)
  return writer.view()
}

/** `bytes` are the last FOOTER_SIZE bytes of a file of `size` bytes. Throws CorruptError. */
export function decodeFooter(bytes: Buffer, file: string, size: number): TableLayout {
  const at = size - FOOTER_SIZE
  if (bytes.length !== FOOTER_SIZE) throw new CorruptError(file, at, `footer has ${bytes.length} bytes`)
  if (!bytes.subarray(0, 8).equals(MAGIC)) throw new CorruptError(file, at, 'not a table')
  if (crc32(bytes.subarray(0, 60)) !== readU32(bytes, 60)) throw new CorruptError(file, at, 'footer checksum')
  const version = readU32(bytes, 8)
  if (version !== TABLE_FORMAT_VERSION)
    throw new CorruptError(file, at, `format version ${version} is not known`)
  const layout = {
    filterOffset: readU64(bytes, 16),
    indexOffset: readU64(bytes, 24),
    summaryOffset: readU64(bytes, 32),
    footerOffset: readU64(bytes, 40),
    filterCrc: readU32(bytes, 48),
    indexCrc: readU32(bytes, 52),
    summaryCrc: readU32(bytes, 56),
  }
  const { filterOffset, indexOffset, summaryOffset, footerOffset } = layout
  const ordered = filterOffset <= indexOffset && indexOffset <= summaryOffset && summaryOffset <= footerOffset
  if (!ordered || footerOffset !== at) throw new CorruptError(file, at, 'footer contradicts itself')
  return layout
}

/** The parts between blocks and footer, checked. */
export interface TableMeta {
  readonly filter: Buffer
  readonly index: TableIndex
  readonly summary: TableSummary
}

/** `bytes` are the file's bytes from filterOffset to footerOffset. Throws CorruptError. */
export function decodeMeta(bytes: Buffer, layout: TableLayout, file: string): TableMeta {
  const part = (start: number, end: number, crc: number, what: string): Buffer => {
    const view = bytes.subarray(start - layout.filterOffset, end - layout.filterOffset)
    if (view.length !== end - start || crc32(view) !== crc)
      throw new CorruptError(file, start, `${what} checksum`)
    return view
  }
  const { filterOffset, indexOffset, summaryOffset, footerOffset } = layout
  return {
    filter: part(filterOffset, indexOffset, layout.filterCrc, 'filter'),
    index: new TableIndex(part(indexOffset, summaryOffset, layout.indexCrc, 'index')),
    summary: readSummary(new ByteReader(part(summaryOffset, footerOffset, layout.summaryCrc, 'summary'))),
  }
}

export function writeSummary(writer: ByteWriter, summary: TableSummary): void {
  writer.varint(summary.entries)
  writer.varint(summary.deletions)
  writer.varint(summary.minVersion)
  writer.varint(summary.maxVersion)
  writer.sizedText(summary.smallest)
  writer.sizedText(summary.largest)
}

export function readSummary(reader: ByteReader): TableSummary {
  return {
    entries: reader.varint(),
    deletions: reader.varint(),
    minVersion: reader.varint(),
    maxVersion: reader.varint(),
    smallest: reader.sizedText(),
    largest: reader.sizedText(),
  }
}

/** Where each block lies and which keys it may hold; kept in memory as the bytes of the file. */
export class TableIndex {
  readonly count: number
  readonly #bytes: Buffer
  readonly #crcs: number
  readonly #separators: number
  readonly #keys: number

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.count = readU32(bytes, 0)
    this.#crcs = 4 + 4 * (this.count + 1)
    this.#separators = this.#crcs + 4 * this.count
    this.#keys = this.#separators + 4 * (this.count + 1)
    assert(
      this.count > 0 && this.#keys <= bytes.length,
      () => `Index of ${bytes.length} bytes has ${this.count} blocks`,
    )
  }

  /** Memory held, in bytes. */
  get size(): number {
    return this.#bytes.length
  }

  /** The only block that may hold `key`. */
  find(key: ByteString): number {
    let low = 1
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compareSeparator(middle, key) <= 0) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  offset(block: number): number {
    return readU32(this.#bytes, 4 + 4 * block)
  }

  blockSize(block: number): number {
    return this.offset(block + 1) - this.offset(block)
  }

  crc(block: number): number {
    return readU32(this.#bytes, this.#crcs + 4 * block)
  }

  /** The block's separator (see the layout above). */
  separator(block: number): ByteString {
    return this.#bytes.toString('latin1', this.#separatorAt(block), this.#separatorAt(block + 1))
  }

  #separatorAt(block: number): number {
    return this.#keys + readU32(this.#bytes, this.#separators + 4 * block)
  }

  #compareSeparator(block: number, key: ByteString): number {
    return compareBytes(this.#bytes, this.#separatorAt(block), this.#separatorAt(block + 1), key)
  }
}

/** What a table's writer collects per block. */
export interface IndexColumns {
  /** n + 1 offsets. */
  readonly offsets: readonly number[]
  readonly crcs: readonly number[]
  readonly separators: readonly ByteString[]
}

export function encodeIndex(columns: IndexColumns): Buffer {
  const writer = new ByteWriter(64 * columns.crcs.length + 64)
  writer.u32(columns.crcs.length)
  for (const offset of columns.offsets) writer.u32(offset)
  for (const crc of columns.crcs) writer.u32(crc)
  let at = 0
  for (const separator of columns.separators) {
    writer.u32(at)
    at += separator.length
  }
  writer.u32(at)
  for (const separator of columns.separators) writer.text(separator)
  return writer.view()
}

/** The shortest string above `before` and not above `first` (before < first). */
export function separatorBetween(before: ByteString, first: ByteString): ByteString {
  let shared = 0
  while (shared < before.length && before.charCodeAt(shared) === first.charCodeAt(shared)) shared++
  return first.slice(0, shared + 1)
}
