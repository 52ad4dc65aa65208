/**
 * The synchronous face of a SimDisk, for jobs: the same files, faults and crash rules as the asynchronous
 * one.
 */
import { codedError } from '../../lib/coded-error.ts'
import type { JobDisk, JobFile, OpenMode } from '../../storage/disk.ts'
import type { OpenHandle, SimDisk } from './disk.ts'
import { failIf, openFile, readFrom, syncFile, writeFile } from './file-operations.ts'
import type { SimProcess } from './process.ts'

export class SimJobDisk implements JobDisk {
  readonly #disk: SimDisk
  readonly #process: SimProcess | null

  constructor(disk: SimDisk, process: SimProcess | null) {
    this.#disk = disk
    this.#process = process
  }

  open(path: string, mode: OpenMode): JobFile {
    return new SimJobFile(this.#disk, path, openFile(this.#disk, path, mode, this.#process), mode !== 'read')
  }

  rename(from: string, to: string): void {
    failIf(this.#disk, 'rename', from)
    this.#disk.folders.rename(from, to)
  }

  remove(path: string): void {
    failIf(this.#disk, 'remove', path)
    this.#disk.folders.remove(path)
  }

  syncFolder(folder: string): void {
    failIf(this.#disk, 'syncFolder', folder)
    this.#disk.folders.syncFolder(folder)
  }
}

class SimJobFile implements JobFile {
  readonly path: string
  readonly #disk: SimDisk
  readonly #handle: OpenHandle
  readonly #writable: boolean
  #closed = false

  constructor(disk: SimDisk, path: string, handle: OpenHandle, writable: boolean) {
    this.#disk = disk
    this.path = path
    this.#handle = handle
    this.#writable = writable
  }

  read(offset: number, length: number): Buffer {
    this.#check(false)
    return readFrom(this.#disk, this.#handle.file, this.path, offset, length)
  }

  write(offset: number, bytes: Buffer): void {
    this.#check(true)
    writeFile(this.#disk, this.#handle.file, this.path, offset, bytes)
  }

  sync(): void {
    this.#check(false)
    syncFile(this.#disk, this.#handle.file, this.path)
  }

  size(): number {
    this.#check(false)
    return this.#handle.file.size
  }

  close(): void {
    this.#check(false)
    this.#closed = true
    this.#disk.closed(this.#handle)
  }

  #check(writes: boolean): void {
    if (this.#closed || (writes && !this.#writable))
      throw codedError('EBADF', `bad file descriptor '${this.path}'`)
  }
}
