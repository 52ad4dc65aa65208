/**
 * Tables as a compaction reads them: opened when reached, read ahead in large pieces, every block checked.
 */
import { must } from '../../lib/assert.ts'
import type { ByteString } from '../../lib/bytes.ts'
import type { JobDisk, JobFile } from '../disk.ts'
import { Block, blockChecksum } from './block.ts'
import { CorruptError } from './errors.ts'
import type { RunPart } from './run-source.ts'
import { decodeFooter, decodeMeta, FOOTER_SIZE, type TableIndex } from './table-format.ts'

/** Bytes read at once. */
const READ_BYTES = 512 * 1024

/** A table, or what is still visible of it, as a job spec names it. */
export interface JobTable {
  readonly path: string
  readonly size: number
  readonly lower: ByteString
}

export class JobPart implements RunPart {
  readonly lower: ByteString
  readonly #disk: JobDisk
  readonly #table: JobTable
  #file: JobFile | null = null
  #index: TableIndex | null = null
  #ahead: Buffer = Buffer.alloc(0)
  #aheadOffset = 0
  /** Bytes of blocks handed out. */
  bytesRead = 0

  constructor(disk: JobDisk, table: JobTable) {
    this.#disk = disk
    this.#table = table
    this.lower = table.lower
  }

  get blockCount(): number {
    return this.#open().count
  }

  findBlock(key: ByteString): number {
    return this.#open().find(key)
  }

  block(index: number): Block {
    const { path } = this.#table
    const tableIndex = this.#open()
    const offset = tableIndex.offset(index)
    const bytes = this.#read(index, offset, tableIndex.blockSize(index))
    if (blockChecksum(bytes) !== tableIndex.crc(index)) throw new CorruptError(path, offset, 'block checksum')
    this.bytesRead += bytes.length
    return new Block(bytes)
  }

  close(): void {
    this.#file?.close()
    this.#file = null
    this.#ahead = Buffer.alloc(0)
  }

  #read(index: number, offset: number, size: number): Buffer {
    const start = offset - this.#aheadOffset
    if (start >= 0 && start + size <= this.#ahead.length) return this.#ahead.subarray(start, start + size)
    const tableIndex = this.#open()
    let last = index
    while (last + 1 < tableIndex.count && tableIndex.offset(last + 2) - offset <= READ_BYTES) last++
    this.#ahead = must(this.#file, 'open file').read(offset, tableIndex.offset(last + 1) - offset)
    this.#aheadOffset = offset
    return this.#ahead.subarray(0, size)
  }

  #open(): TableIndex {
    if (this.#index !== null) return this.#index
    const { path, size } = this.#table
    this.#file = this.#disk.open(path, 'read')
    const layout = decodeFooter(this.#file.read(size - FOOTER_SIZE, FOOTER_SIZE), path, size)
    const length = layout.footerOffset - layout.filterOffset
    this.#index = decodeMeta(this.#file.read(layout.filterOffset, length), layout, path).index
    return this.#index
  }
}
