/**
 * Writes table files inside a job. Records come in key order; a table is ended at `tableBytes` and the next
 * one gets the next file number. Every finished file is synced; the caller syncs the folder.
 */
import { assert, must } from '../../lib/assert.ts'
import type { ByteString } from '../../lib/bytes.ts'
import { crc32 } from '../../lib/crc32.ts'
import type { JobDisk, JobFile } from '../disk.ts'
import { BLOCK_BYTES, BlockBuilder } from './block.ts'
import { buildFilter } from './bloom.ts'
import { tableName } from './file-names.ts'
import { hashKey } from './hash.ts'
import { encodeFooter, encodeIndex, separatorBetween, type TableInfo, writeSummary } from './table-format.ts'
import { ByteWriter } from './varint.ts'

/** Bytes gathered before they are written. */
const WRITE_BYTES = 1024 * 1024
/** Offsets in the index are 32-bit. */
const FILE_BYTES_MAX = 2 ** 32 - 1

/** Where outputs go and how large they get. */
export interface OutputPlan {
  readonly folder: string
  readonly prefix: string
  /** Number of the first file; the caller reserved `numbers` of them. */
  readonly firstNumber: number
  readonly numbers: number
  readonly tableBytes: number
  /** Every drop up to this version is applied by the job: recorded with each table. */
  readonly cleanVersion: number
}

export class TableOutputs {
  readonly tables: TableInfo[] = []
  readonly #disk: JobDisk
  readonly #plan: OutputPlan
  #writer: TableWriter | null = null
  #finishedBytes = 0

  constructor(disk: JobDisk, plan: OutputPlan) {
    this.#disk = disk
    this.#plan = plan
  }

  /** Bytes of all outputs so far. */
  get bytes(): number {
    return this.#finishedBytes + (this.#writer?.size ?? 0)
  }

  add(key: ByteString, version: number, value: Buffer | null): void {
    const writer = this.#writer ?? this.#open()
    writer.add(key, version, value)
    if (writer.size >= this.#plan.tableBytes) this.#finishTable()
  }

  /** Ends the last table and makes all names durable. */
  finish(): TableInfo[] {
    this.#finishTable()
    if (this.tables.length > 0) this.#disk.syncFolder(this.#plan.folder)
    return this.tables
  }

  /** Closes what is open after an error; the caller of the job removes the files. */
  abandon(): void {
    this.#writer?.close()
    this.#writer = null
  }

  #open(): TableWriter {
    const { folder, prefix, firstNumber, numbers } = this.#plan
    assert(this.tables.length < numbers, () => `Job wants more than the ${numbers} files reserved for it`)
    const name = tableName(prefix, firstNumber + this.tables.length)
    this.#writer = new TableWriter(
      this.#disk.open(`${folder}/${name}`, 'create'),
      name,
      this.#plan.cleanVersion,
    )
    return this.#writer
  }

  #finishTable(): void {
    if (this.#writer === null) return
    const info = this.#writer.finish()
    this.#writer = null
    this.#finishedBytes += info.size
    this.tables.push(info)
  }
}

class TableWriter {
  readonly #file: JobFile
  readonly #name: string
  readonly #cleanVersion: number
  readonly #block = new BlockBuilder()
  readonly #gathered = new ByteWriter(WRITE_BYTES + 4 * BLOCK_BYTES)
  readonly #hashes = new HashList()
  readonly #offsets: number[] = [0]
  readonly #crcs: number[] = []
  readonly #separators: ByteString[] = []
  /** Bytes handed to the file, and their checksum. */
  #written = 0
  #fileCrc = 0
  #deletions = 0
  #minVersion = Number.MAX_SAFE_INTEGER
  #maxVersion = 0
  #smallest: ByteString | null = null
  #largest: ByteString = ''

  constructor(file: JobFile, name: string, cleanVersion: number) {
    this.#file = file
    this.#name = name
    this.#cleanVersion = cleanVersion
  }

  get size(): number {
    return this.#written + this.#gathered.size + this.#block.size
  }

  add(key: ByteString, version: number, value: Buffer | null): void {
    assert(this.#smallest === null || key > this.#largest, 'Keys of a table must ascend')
    if (this.#block.count === 0) {
      this.#separators.push(this.#smallest === null ? '' : separatorBetween(this.#largest, key))
    }
    this.#block.add(key, version, value)
    this.#hashes.push(hashKey(key))
    this.#smallest ??= key
    this.#largest = key
    if (value === null) this.#deletions++
    if (version < this.#minVersion) this.#minVersion = version
    if (version > this.#maxVersion) this.#maxVersion = version
    if (this.#block.size >= BLOCK_BYTES) this.#endBlock()
  }

  finish(): TableInfo {
    this.#endBlock()
    const filter = buildFilter(this.#hashes.view())
    const index = encodeIndex({ offsets: this.#offsets, crcs: this.#crcs, separators: this.#separators })
    const summary = {
      entries: this.#hashes.length,
      deletions: this.#deletions,
      minVersion: this.#minVersion,
      maxVersion: this.#maxVersion,
      smallest: must(this.#smallest, 'record in table'),
      largest: this.#largest,
    }
    this.#writeMeta(filter, index, summary)
    this.#flush()
    this.#file.sync()
    this.close()
    const file = { name: this.#name, size: this.#written, crc: this.#fileCrc }
    return { ...summary, ...file, cleanVersion: this.#cleanVersion }
  }

  close(): void {
    this.#file.close()
  }

  #writeMeta(filter: Buffer, index: Buffer, summary: Parameters<typeof writeSummary>[1]): void {
    const summaryWriter = new ByteWriter()
    writeSummary(summaryWriter, summary)
    const summaryBytes = summaryWriter.view()
    const filterOffset = must(this.#offsets.at(-1), 'end of blocks')
    const indexOffset = filterOffset + filter.length
    const summaryOffset = indexOffset + index.length
    const footer = encodeFooter({
      filterOffset,
      indexOffset,
      summaryOffset,
      footerOffset: summaryOffset + summaryBytes.length,
      filterCrc: crc32(filter),
      indexCrc: crc32(index),
      summaryCrc: crc32(summaryBytes),
    })
    for (const part of [filter, index, summaryBytes, footer]) this.#gather(part)
  }

  #endBlock(): void {
    if (this.#block.count === 0) return
    const { bytes, crc } = this.#block.finish()
    this.#gather(bytes)
    const end = this.#written + this.#gathered.size
    assert(end <= FILE_BYTES_MAX, () => `Table ${this.#name} is too large: ${end} bytes`)
    this.#offsets.push(end)
    this.#crcs.push(crc)
  }

  #gather(bytes: Buffer): void {
    this.#gathered.bytes(bytes)
    if (this.#gathered.size >= WRITE_BYTES) this.#flush()
  }

  #flush(): void {
    const bytes = this.#gathered.view()
    if (bytes.length === 0) return
    this.#file.write(this.#written, bytes)
    this.#fileCrc = crc32(bytes, this.#fileCrc)
    this.#written += bytes.length
    this.#gathered.clear()
  }
}

/** A list of 32-bit integers that grows. */
class HashList {
  #values = new Int32Array(1024)
  length = 0

  push(value: number): void {
    if (this.length === this.#values.length) {
      const grown = new Int32Array(2 * this.length)
      grown.set(this.#values)
      this.#values = grown
    }
    this.#values[this.length++] = value
  }

  view(): Int32Array {
    return this.#values.subarray(0, this.length)
  }
}
