/**
 * The Disk seam: everything the program does to files. Real in server/, simulated in testing/; both pass one
 * conformance suite. Paths are absolute or relative to the node's data folder as the caller composed them; '/'
 * separates. Callbacks run in a later turn, never inside the call. Errors are Error objects with the system's
 * `code` (ENOENT, EIO, ENOSPC…).
 */

export type Callback<T = void> = (error: Error | null, value: T) => void

export interface DiskFile {
  readonly path: string
  /** Reads up to `length` bytes at `offset` into a new buffer; shorter only at the end of the file. */
  read(offset: number, length: number, done: Callback<Buffer>): void
  write(offset: number, chunks: readonly Buffer[], done: Callback): void
  /** fdatasync. */
  sync(done: Callback): void
  /**
   * The log's path: write all chunks at `offset`, then fdatasync. Calls on one Disk complete in the order they
   * were made, one in flight below the seam. The chunks belong to the Disk until `done`.
   */
  writeSync(offset: number, chunks: readonly Buffer[], done: Callback): void
  truncate(size: number, done: Callback): void
  size(done: Callback<number>): void
  close(done: Callback): void
}

/**
 * `read`: must exist. `write`: must exist, read and write. `create`: made when missing, not truncated, read and
 * write.
 */
export type OpenMode = 'read' | 'write' | 'create'

export interface SpaceReport {
  freeBytes: number
  totalBytes: number
}

export interface Disk {
  open(path: string, mode: OpenMode, done: Callback<DiskFile>): void
  /** Names of the entries, unsorted. */
  list(folder: string, done: Callback<string[]>): void
  /** Makes the folder and its parents; fine when it exists. */
  makeFolder(folder: string, done: Callback): void
  /** Replaces `to` when it exists. Durable only after syncFolder of the parent. */
  rename(from: string, to: string, done: Callback): void
  remove(path: string, done: Callback): void
  /** fsync of a directory: makes creations, renames and removals in it durable. */
  syncFolder(folder: string, done: Callback): void
  space(folder: string, done: Callback<SpaceReport>): void
}

/**
 * The synchronous face of the same disk, for jobs only: a job runs where blocking is allowed (a worker thread,
 * or one step of the simulator's scheduler). Methods throw system errors.
 */
export interface JobFile {
  readonly path: string
  read(offset: number, length: number): Buffer
  write(offset: number, bytes: Buffer): void
  sync(): void
  size(): number
  close(): void
}

export interface JobDisk {
  open(path: string, mode: OpenMode): JobFile
  rename(from: string, to: string): void
  remove(path: string): void
  syncFolder(folder: string): void
}
