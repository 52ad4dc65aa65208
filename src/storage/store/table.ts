/**
 * A table as the loop sees it: filter and index in memory, blocks through the cache or by asynchronous reads.
 * Reference counted by the versions and snapshots that hold it; the file goes when nobody does.
 */
import { assert } from '../../lib/assert.ts'
import type { ByteString } from '../../lib/bytes.ts'
import { errorCode } from '../../lib/coded-error.ts'
import type { Callback, Disk, DiskFile } from '../disk.ts'
import { Block, blockChecksum } from './block.ts'
import type { BlockCache, CacheSlots } from './block-cache.ts'
import { mayContain } from './bloom.ts'
import { CorruptError } from './errors.ts'
import {
  decodeFooter,
  decodeMeta,
  FOOTER_SIZE,
  type TableIndex,
  type TableInfo,
  type TableMeta,
} from './table-format.ts'

export interface TableContext {
  readonly disk: Disk
  readonly folder: string
  readonly cache: BlockCache
  /** Nobody holds the table any more. */
  readonly onUnused: (table: Table) => void
}

/** Opens the file that `info` names and reads what stays in memory; CORRUPT when it is not that file. */
export function openTable(context: TableContext, info: TableInfo, done: Callback<Table>): void {
  const path = `${context.folder}/${info.name}`
  const none = null as unknown as Table
  context.disk.open(path, 'read', (error, file) => {
    if (error !== null) {
      done(missing(path, error), none)
      return
    }
    readMeta(file, info.size, (readError, meta) => {
      const failure = readError ?? mismatch(path, info, meta)
      if (failure === null) done(null, new Table(context, file, info, meta))
      else file.close(() => done(failure, none))
    })
  })
}

function missing(path: string, error: Error): Error {
  return errorCode(error) === 'ENOENT' ? new CorruptError(path, 0, 'file is missing') : error
}

function mismatch(path: string, info: TableInfo, { summary }: TableMeta): Error | null {
  const same =
    summary.entries === info.entries &&
    summary.maxVersion === info.maxVersion &&
    summary.smallest === info.smallest &&
    summary.largest === info.largest
  return same ? null : new CorruptError(path, 0, 'file is not the table that the manifest names')
}

function readMeta(file: DiskFile, size: number, done: Callback<TableMeta>): void {
  const none = null as unknown as TableMeta
  const guarded = <T>(decode: () => T): T | Error => {
    try {
      return decode()
    } catch (error) {
      if (error instanceof CorruptError) return error
      throw error
    }
  }
  file.read(Math.max(0, size - FOOTER_SIZE), FOOTER_SIZE, (error, footer) => {
    if (error !== null) return done(error, none)
    const layout = guarded(() => decodeFooter(footer, file.path, size))
    if (layout instanceof Error) return done(layout, none)
    file.read(layout.filterOffset, layout.footerOffset - layout.filterOffset, (readError, bytes) => {
      if (readError !== null) return done(readError, none)
      const meta = guarded(() => decodeMeta(bytes, layout, file.path))
      if (meta instanceof Error) done(meta, none)
      else done(null, meta)
    })
  })
}

export class Table {
  readonly info: TableInfo
  readonly #context: TableContext
  readonly #file: DiskFile
  readonly #index: TableIndex
  readonly #filter: Buffer
  readonly #slots: CacheSlots = []
  /** Reads in flight: who waits for each block. */
  readonly #loading = new Map<number, Callback<Block>[]>()
  #references = 0

  constructor(context: TableContext, file: DiskFile, info: TableInfo, meta: TableMeta) {
    this.#context = context
    this.#file = file
    this.info = info
    this.#index = meta.index
    this.#filter = meta.filter
  }

  /** Bytes of index and filter in memory. */
  get residentBytes(): number {
    return this.#index.size + this.#filter.length
  }

  get blockCount(): number {
    return this.#index.count
  }

  get path(): string {
    return this.#file.path
  }

  retain(): void {
    this.#references++
  }

  release(): void {
    assert(this.#references > 0, () => `Table ${this.info.name} is released too often`)
    this.#references--
    if (this.#references === 0) this.#context.onUnused(this)
  }

  /** False: the key with this hash is not in the table. */
  mayContain(hash: number): boolean {
    return mayContain(this.#filter, hash)
  }

  findBlock(key: ByteString): number {
    return this.#index.find(key)
  }

  /** A bound that is above every key before the block and not above its first one; '' for the first block. */
  blockStart(block: number): ByteString {
    return this.#index.separator(block)
  }

  /** Bytes of the blocks that may hold keys >= lower. */
  bytesFrom(lower: ByteString): number {
    const { count } = this.#index
    return this.#index.offset(count) - this.#index.offset(lower === '' ? 0 : this.findBlock(lower))
  }

  cachedBlock(block: number): Block | null {
    return this.#context.cache.get(this.#slots, block)
  }

  /** Reads, checks and caches a block; `done` gets CORRUPT when it is not what was written. */
  loadBlock(block: number, done: Callback<Block>): void {
    const waiting = this.#loading.get(block)
    if (waiting !== undefined) {
      waiting.push(done)
      return
    }
    this.#loading.set(block, [done])
    const offset = this.#index.offset(block)
    this.retain()
    this.#file.read(offset, this.#index.blockSize(block), (error, bytes) => {
      const failure = error ?? this.#check(block, bytes)
      const loaded = failure === null ? new Block(bytes) : null
      if (loaded !== null) this.#context.cache.add(this.#slots, block, loaded)
      const callbacks = this.#loading.get(block) ?? []
      this.#loading.delete(block)
      for (const callback of callbacks) callback(failure, loaded as Block)
      this.release()
    })
  }

  /** Bytes of the file, for a transfer. */
  read(offset: number, length: number, done: Callback<Buffer>): void {
    this.#file.read(offset, length, done)
  }

  /** Forgets cached blocks and closes the file. */
  close(done: () => void): void {
    this.#context.cache.drop(this.#slots)
    this.#file.close(() => done())
  }

  #check(block: number, bytes: Buffer): Error | null {
    if (blockChecksum(bytes) === this.#index.crc(block)) return null
    return new CorruptError(this.#file.path, this.#index.offset(block), 'block checksum')
  }
}
