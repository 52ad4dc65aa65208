/**
 * Replacing a small file as a whole: written beside, synced, renamed, the folder synced. After a crash there
 * is the old content or the new one, never a mixture, and after `done` it is the new one.
 */
import type { Callback, Disk, DiskFile } from './disk.ts'
import { steps } from './steps.ts'

const SUFFIX = '.tmp'

/** The folder of `path`. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf('/')
  if (slash < 0) return '.'
  return slash === 0 ? '/' : path.slice(0, slash)
}

/**
 * Makes `path` hold exactly `bytes`, durably. One writer per path at a time. On an error the old content
 * stands.
 */
export function writeFileAtomically(disk: Disk, path: string, bytes: Buffer, done: Callback): void {
  const unfinished = `${path}${SUFFIX}`
  steps(
    [
      (next) => writeWhole(disk, unfinished, bytes, next),
      (next) => disk.rename(unfinished, path, next),
      (next) => disk.syncFolder(folderOf(path), next),
    ],
    done,
  )
}

/** The whole content of a file, or null when it does not exist. */
export function readFileIfPresent(disk: Disk, path: string, done: Callback<Buffer | null>): void {
  disk.open(path, 'read', (error, file) => {
    if (error === null) readWhole(file, done)
    else if ('code' in error && error.code === 'ENOENT') done(null, null)
    else done(error, null)
  })
}

function writeWhole(disk: Disk, path: string, bytes: Buffer, done: Callback): void {
  disk.open(path, 'create', (error, file) => {
    if (error !== null) {
      done(error)
      return
    }
    steps(
      [(next) => file.truncate(0, next), (next) => file.write(0, [bytes], next), (next) => file.sync(next)],
      (failure) => file.close((closing) => done(failure ?? closing)),
    )
  })
}

function readWhole(file: DiskFile, done: Callback<Buffer | null>): void {
  const finish = (error: Error | null, bytes: Buffer | null): void => file.close(() => done(error, bytes))
  file.size((error, size) => {
    if (error !== null) finish(error, null)
    else file.read(0, size, finish)
  })
}
