/**
 * An open file of a SimMount. Operations in flight together take effect in any order, writeSync calls in
 * theirs. close() waits for what is in flight; after it nothing can begin (EBADF).
 */
import { assert } from '../../lib/assert.ts'
import { codedError } from '../../lib/coded-error.ts'
import { crc32 } from '../../lib/crc32.ts'
import type { Callback, DiskFile, OpenMode } from '../../storage/disk.ts'
import type { OpenHandle, SimDisk } from './disk.ts'
import type { DiskOperation } from './disk-faults.ts'
import { failIf, readFrom, syncFile, writeFile } from './file-operations.ts'
import type { SimMount } from './mount.ts'

/** What a write does: in full at completion, or in part when its process is killed before. */
interface PreparedWrite {
  readonly size: number
  readonly perform: () => void
  readonly tear: () => void
}

export class SimDiskFile implements DiskFile {
  readonly path: string
  readonly #mount: SimMount
  readonly #disk: SimDisk
  readonly #handle: OpenHandle
  readonly #writable: boolean
  #closing = false
  #inFlight = 0
  #closeWhenIdle: (() => void) | null = null

  constructor(mount: SimMount, path: string, handle: OpenHandle, mode: OpenMode) {
    this.#mount = mount
    this.#disk = mount.disk
    this.path = path
    this.#handle = handle
    this.#writable = mode !== 'read'
  }

  read(offset: number, length: number, done: Callback<Buffer>): void {
    const perform = (): Buffer => readFrom(this.#disk, this.#handle.file, this.path, offset, length)
    this.#start('read', length, this.#guard(false, perform), done)
  }

  write(offset: number, chunks: readonly Buffer[], done: Callback): void {
    const { size, perform, tear } = this.#prepare(offset, chunks)
    const counted = this.#counted(done)
    this.#mount.start({ kind: 'write', path: this.path, bytes: size, perform, tear, done: counted })
  }

  sync(done: Callback): void {
    const perform = this.#guard(false, () => syncFile(this.#disk, this.#handle.file, this.path))
    const counted = this.#counted(done)
    this.#mount.start({ kind: 'sync', path: this.path, bytes: 0, perform, done: counted, stalls: true })
  }

  writeSync(offset: number, chunks: readonly Buffer[], done: Callback): void {
    const { size, perform, tear } = this.#prepare(offset, chunks)
    const writeAndSync = (): void => {
      perform()
      syncFile(this.#disk, this.#handle.file, this.path)
    }
    this.#mount.startLogWrite({
      kind: 'sync',
      path: this.path,
      bytes: size,
      perform: writeAndSync,
      tear,
      done: this.#counted(done),
      stalls: true,
    })
  }

  truncate(size: number, done: Callback): void {
    const truncate = (): void => {
      const { file } = this.#handle
      failIf(this.#disk, 'truncate', this.path)
      const growth = size - file.size
      if (this.#disk.room(growth) < growth)
        throw codedError('ENOSPC', `no space left on device, '${this.path}'`)
      file.truncate(size)
    }
    this.#start('truncate', 0, this.#guard(true, truncate), done)
  }

  size(done: Callback<number>): void {
    const perform = this.#guard(false, () => this.#handle.file.size)
    this.#start('size', 0, perform, done)
  }

  close(done: Callback): void {
    const perform = this.#guard(false, () => this.#disk.closed(this.#handle))
    this.#closing = true
    const close = (): void => this.#mount.start({ kind: 'close', path: this.path, bytes: 0, perform, done })
    if (this.#inFlight === 0) close()
    else this.#closeWhenIdle = close
  }

  #start<T>(kind: DiskOperation, bytes: number, perform: () => T, done: Callback<T>): void {
    this.#mount.start({ kind, path: this.path, bytes, perform, done: this.#counted(done) })
  }

  /** `perform`, or a failure when the handle does not allow it at the moment of the call. */
  #guard<T>(writes: boolean, perform: () => T): () => T {
    if (!this.#closing && (this.#writable || !writes)) return perform
    return () => {
      throw codedError('EBADF', `bad file descriptor, '${this.path}'`)
    }
  }

  #counted<T>(done: Callback<T>): Callback<T> {
    this.#inFlight++
    return (error, value) => {
      if (--this.#inFlight === 0) {
        this.#closeWhenIdle?.()
        this.#closeWhenIdle = null
      }
      done(error, value)
    }
  }

  /**
   * The bytes are read at completion, as by the real disk; a caller that changed them meanwhile has a bug.
   */
  #prepare(offset: number, chunks: readonly Buffer[]): PreparedWrite {
    const { file } = this.#handle
    const checksum = checksumOf(chunks)
    const joined = (): Buffer => {
      assert(
        checksumOf(chunks) === checksum,
        () => `Bytes being written to '${this.path}' were changed before the write was done`,
      )
      return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
    }
    const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    const tear = (): void => {
      const part = joined().subarray(0, this.#disk.random.below(size + 1))
      this.#disk.writeInto(file, offset, part, this.path)
    }
    return {
      size,
      perform: this.#guard(true, () => writeFile(this.#disk, file, this.path, offset, joined())),
      tear: this.#guard(true, tear),
    }
  }
}

function checksumOf(chunks: readonly Buffer[]): number {
  let checksum = 0
  for (const chunk of chunks) checksum = crc32(chunk, checksum)
  return checksum
}
