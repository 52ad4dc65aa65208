/** The real JobDisk: blocking file operations, for the jobs thread only. */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { codedError } from '../../lib/coded-error.ts'
import type { JobDisk, JobFile, OpenMode } from '../../storage/disk.ts'

const FLAGS: Readonly<Record<OpenMode, number>> = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT,
}

/** Counts what it opened, so that a job that failed leaves no file open. */
export class RealJobDisk implements JobDisk {
  readonly #open = new Set<RealJobFile>()

  open(path: string, mode: OpenMode): JobFile {
    const file = new RealJobFile(path, openSync(path, FLAGS[mode], 0o600), (closed) =>
      this.#open.delete(closed),
    )
    this.#open.add(file)
    return file
  }

  rename(from: string, to: string): void {
    renameSync(from, to)
  }

  remove(path: string): void {
    unlinkSync(path)
  }

  syncFolder(folder: string): void {
    const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY)
    try {
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
  }

  /** Closes what a job left open. */
  closeAll(): void {
    for (const file of this.#open) file.close()
  }
}

class RealJobFile implements JobFile {
  readonly path: string
  readonly #onClose: (file: RealJobFile) => void
  #fd: number | null

  constructor(path: string, fd: number, onClose: (file: RealJobFile) => void) {
    this.path = path
    this.#fd = fd
    this.#onClose = onClose
  }

  read(offset: number, length: number): Buffer {
    const fd = this.#need()
    const bytes = Buffer.allocUnsafe(length)
    let at = 0
    while (at < length) {
      const count = readSync(fd, bytes, at, length - at, offset + at)
      if (count === 0) break
      at += count
    }
    return bytes.subarray(0, at)
  }

  write(offset: number, bytes: Buffer): void {
    const fd = this.#need()
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, offset + at)
  }

  sync(): void {
    fdatasyncSync(this.#need())
  }

  size(): number {
    return fstatSync(this.#need()).size
  }

  close(): void {
    const fd = this.#need()
    this.#fd = null
    this.#onClose(this)
    closeSync(fd)
  }

  #need(): number {
    if (this.#fd === null) throw codedError('EBADF', `bad file descriptor, '${this.path}'`)
    return this.#fd
  }
}
