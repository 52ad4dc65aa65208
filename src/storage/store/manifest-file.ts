/** Reading and atomically replacing the manifest file: write, sync, rename, sync the folder. */
import { errorCode } from '../../lib/coded-error.ts'
import type { Callback, Disk, DiskFile } from '../disk.ts'
import { steps } from '../steps.ts'
import { MANIFEST_NAME, MANIFEST_NEW_NAME } from './file-names.ts'

/**
 * How a replacement went. `lost`: nothing changed, it may be tried again. `unknown`: after a crash either
 * manifest may be found, so files of both must stay and this process must not go on.
 */
export type Replacement =
  | { readonly kind: 'durable' }
  | { readonly kind: 'lost'; readonly error: Error }
  | { readonly kind: 'unknown'; readonly error: Error }

/** The bytes of the manifest, or null when there is none. */
export function readManifestFile(disk: Disk, folder: string, done: Callback<Buffer | null>): void {
  disk.open(`${folder}/${MANIFEST_NAME}`, 'read', (error, file) => {
    if (error !== null) {
      if (errorCode(error) === 'ENOENT') done(null, null)
      else done(error, null)
      return
    }
    const finish = (failure: Error | null, bytes: Buffer | null): void =>
      file.close(() => done(failure, bytes))
    file.size((sizeError, size) => {
      if (sizeError !== null) finish(sizeError, null)
      else file.read(0, size, (readError, bytes) => finish(readError, bytes))
    })
  })
}

export function replaceManifestFile(
  disk: Disk,
  folder: string,
  bytes: Buffer,
  done: (result: Replacement) => void,
): void {
  const path = `${folder}/${MANIFEST_NEW_NAME}`
  writeNewFile(disk, path, bytes, (error) => {
    if (error !== null) return done({ kind: 'lost', error })
    disk.rename(path, `${folder}/${MANIFEST_NAME}`, (renameError) => {
      if (renameError !== null) {
        const kind = errorCode(renameError) === 'ENOSPC' ? 'lost' : 'unknown'
        return done({ kind, error: renameError })
      }
      disk.syncFolder(folder, (syncError) => {
        done(syncError === null ? { kind: 'durable' } : { kind: 'unknown', error: syncError })
      })
    })
  })
}

function writeNewFile(disk: Disk, path: string, bytes: Buffer, done: (error: Error | null) => void): void {
  disk.open(path, 'create', (error, file) => {
    if (error !== null) return done(error)
    fill(file, bytes, (failure) => file.close((closeError) => done(failure ?? closeError)))
  })
}

function fill(file: DiskFile, bytes: Buffer, done: (error: Error | null) => void): void {
  steps(
    [(next) => file.truncate(0, next), (next) => file.write(0, [bytes], next), (next) => file.sync(next)],
    done,
  )
}
