/**
 * The real Disk: the operating system's files through the thread pool, and the log's writes through a thread
 * of their own (log-writer.ts).
 */
import {
  close,
  constants,
  fdatasync,
  fstat,
  fsync,
  ftruncate,
  mkdir,
  open,
  read,
  readdir,
  rename,
  stat,
  statfs,
  unlink,
  writev,
} from 'node:fs'
import { dirname } from 'node:path'
import { codedError, errorCode } from '../../lib/coded-error.ts'
import type { Callback, Disk, DiskFile, OpenMode, SpaceReport } from '../../storage/disk.ts'
import { LogWriter } from './log-writer.ts'

const FLAGS: Readonly<Record<OpenMode, number>> = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT,
}
/** Chunks of one writev: the smallest limit of the systems we run on. */
const CHUNKS_MAX = 1_024

export class RealDisk implements Disk {
  readonly #logWriter = new LogWriter()

  open(path: string, mode: OpenMode, done: Callback<DiskFile>): void {
    open(path, FLAGS[mode], 0o600, (error, fd) => {
      if (error) done(error, undefined as never)
      else done(null, new RealFile(path, fd, this.#logWriter))
    })
  }

  list(folder: string, done: Callback<string[]>): void {
    readdir(folder, done)
  }

  /**
   * Durable on return, with every parent it made. Not by mkdir's own `recursive`: it never ends below a folder that
   * exists but takes no folders (/proc).
   */
  makeFolder(folder: string, done: Callback): void {
    makeOne(folder, (error) => {
      const parent = dirname(folder)
      if (errorCode(error) !== 'ENOENT' || parent === folder) return done(error)
      this.makeFolder(parent, (failure) => (failure ? done(failure) : makeOne(folder, done)))
    })
  }

  rename(from: string, to: string, done: Callback): void {
    rename(from, to, done)
  }

  remove(path: string, done: Callback): void {
    unlink(path, done)
  }

  syncFolder(folder: string, done: Callback): void {
    syncFolder(folder, done)
  }

  space(folder: string, done: Callback<SpaceReport>): void {
    statfs(folder, (error, stats) => {
      if (error) done(error, undefined as never)
      else done(null, { freeBytes: stats.bavail * stats.bsize, totalBytes: stats.blocks * stats.bsize })
    })
  }

  /** Stops the log-writer thread; its writes must be done. */
  close(): void {
    this.#logWriter.close()
  }
}

/**
 * An open file. close() waits for what is in flight: the system may give the number to another file at once.
 */
class RealFile implements DiskFile {
  readonly path: string
  readonly #fd: number
  readonly #logWriter: LogWriter
  #inFlight = 0
  #closing = false
  #closed: Callback | null = null

  constructor(path: string, fd: number, logWriter: LogWriter) {
    this.path = path
    this.#fd = fd
    this.#logWriter = logWriter
  }

  read(offset: number, length: number, done: Callback<Buffer>): void {
    if (!this.#begin(done)) return
    const bytes = Buffer.allocUnsafe(length)
    this.#readInto(bytes, 0, offset, done)
  }

  write(offset: number, chunks: readonly Buffer[], done: Callback): void {
    if (this.#begin(done)) this.#writeFrom(chunks.filter(hasBytes), offset, done)
  }

  sync(done: Callback): void {
    if (this.#begin(done)) fdatasync(this.#fd, (error) => this.#end(error, undefined, done))
  }

  writeSync(offset: number, chunks: readonly Buffer[], done: Callback): void {
    if (!this.#begin(done)) return
    this.#logWriter.write(this.#fd, offset, chunks, (error) => this.#end(error, undefined, done))
  }

  truncate(size: number, done: Callback): void {
    if (this.#begin(done)) ftruncate(this.#fd, size, (error) => this.#end(error, undefined, done))
  }

  size(done: Callback<number>): void {
    if (this.#begin(done)) fstat(this.#fd, (error, stats) => this.#end(error, error ? 0 : stats.size, done))
  }

  close(done: Callback): void {
    if (!this.#begin(done)) return
    this.#closing = true
    this.#closed = done
    this.#inFlight--
    this.#closeWhenIdle()
  }

  #readInto(bytes: Buffer, at: number, offset: number, done: Callback<Buffer>): void {
    read(this.#fd, bytes, at, bytes.length - at, offset + at, (error, count) => {
      if (error) this.#end(error, undefined as never, done)
      else if (count === 0 || at + count === bytes.length)
        this.#end(null, bytes.subarray(0, at + count), done)
      else this.#readInto(bytes, at + count, offset, done)
    })
  }

  /** `chunks` has no empty ones: the system may write any part of what it is given. */
  #writeFrom(chunks: Buffer[], offset: number, done: Callback): void {
    writev(this.#fd, chunks.slice(0, CHUNKS_MAX), offset, (error, count) => {
      const rest = error ? [] : without(chunks, count)
      if (rest.length === 0) this.#end(error, undefined, done)
      else this.#writeFrom(rest, offset + count, done)
    })
  }

  #begin<T>(done: Callback<T>): boolean {
    if (this.#closing) {
      const error = codedError('EBADF', `bad file descriptor, '${this.path}'`)
      setImmediate(() => done(error, undefined as never))
      return false
    }
    this.#inFlight++
    return true
  }

  #end<T>(error: Error | null, value: T, done: Callback<T>): void {
    this.#inFlight--
    done(error, value)
    this.#closeWhenIdle()
  }

  #closeWhenIdle(): void {
    const closed = this.#closed
    if (closed === null || this.#inFlight > 0) return
    this.#closed = null
    close(this.#fd, closed)
  }
}

function hasBytes(chunk: Buffer): boolean {
  return chunk.length > 0
}

/** `chunks` without their first `count` bytes. */
function without(chunks: Buffer[], count: number): Buffer[] {
  let at = 0
  let left = count
  for (let chunk = chunks[at]; chunk !== undefined && left >= chunk.length; chunk = chunks[at]) {
    left -= chunk.length
    at++
  }
  const rest = chunks.slice(at)
  if (left > 0 && rest[0] !== undefined) rest[0] = rest[0].subarray(left)
  return rest
}

/** Makes one folder, unless there is one, and syncs its parent. */
function makeOne(folder: string, done: Callback): void {
  mkdir(folder, { mode: 0o700 }, (error) => {
    if (error === null) return syncFolder(dirname(folder), done)
    if (error.code !== 'EEXIST') return done(error)
    stat(folder, (failure, stats) => done(failure ?? (stats.isDirectory() ? null : error)))
  })
}

function syncFolder(folder: string, done: Callback): void {
  open(folder, constants.O_RDONLY | constants.O_DIRECTORY, (error, fd) => {
    if (error) return done(error)
    fsync(fd, (syncError) => close(fd, (closeError) => done(syncError ?? closeError)))
  })
}
