/**
 * What both faces of a SimDisk (asynchronous for the loop, synchronous for jobs) do to it, with the faults
 * that the disk was told to have. Everything here takes effect at once and throws system errors.
 */
import { codedError } from '../../lib/coded-error.ts'
import type { OpenMode } from '../../storage/disk.ts'
import type { OpenHandle, SimDisk } from './disk.ts'
import type { DiskOperation } from './disk-faults.ts'
import type { SimFile } from './file.ts'
import type { SimProcess } from './process.ts'

/** Opens for either face; throws system errors. */
export function openFile(
  disk: SimDisk,
  path: string,
  mode: OpenMode,
  process: SimProcess | null,
): OpenHandle {
  failIf(disk, 'open', path)
  let file = disk.folders.find(path)
  if (file === null) {
    if (disk.folders.isFolder(path) || mode !== 'create') {
      const code = disk.folders.isFolder(path) ? 'EISDIR' : 'ENOENT'
      throw codedError(code, `cannot open '${path}'`)
    }
    file = disk.folders.create(path)
  }
  return disk.opened(file, process)
}

export function readFrom(disk: SimDisk, file: SimFile, path: string, offset: number, length: number): Buffer {
  failIf(disk, 'read', path)
  const bytes = file.read(offset, length)
  disk.counts.reads++
  disk.counts.bytesRead += bytes.length
  return bytes
}

/** A failing write has written a random part. */
export function writeFile(disk: SimDisk, file: SimFile, path: string, offset: number, bytes: Buffer): void {
  const fault = disk.faults.next('write', path)
  if (fault === null) {
    disk.writeInto(file, offset, bytes, path)
    return
  }
  if (fault.code === 'EIO')
    disk.writeInto(file, offset, bytes.subarray(0, disk.random.below(bytes.length + 1)), path)
  throw fault
}

export function syncFile(disk: SimDisk, file: SimFile, path: string): void {
  const fault = disk.faults.next('sync', path)
  disk.counts.syncs++
  if (fault === null) {
    file.sync()
    return
  }
  file.failSync(disk.random)
  throw fault
}

export function failIf(disk: SimDisk, operation: DiskOperation, path: string): void {
  const fault = disk.faults.next(operation, path)
  if (fault !== null) throw fault
}
