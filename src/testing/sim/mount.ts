/**
 * The Disk that one process has on a SimDisk. Every operation is an event of the hardware: it takes effect
 * when it completes, even while its process is paused; the process is told in a turn of its own. When the
 * process is killed, each operation in flight has happened, has not, or has half happened.
 */
import type { Callback, Disk, DiskFile, OpenMode, SpaceReport } from '../../storage/disk.ts'
import type { SimDisk } from './disk.ts'
import type { DiskOperation } from './disk-faults.ts'
import { SimDiskFile } from './disk-file.ts'
import { failIf, openFile } from './file-operations.ts'
import type { SimProcess } from './process.ts'

/** One thing in flight. */
export interface MountOperation<T> {
  readonly kind: DiskOperation
  readonly path: string
  readonly bytes: number
  /** Takes effect; throws system errors. */
  readonly perform: () => T
  /** Killed half-way; default: performed or not. */
  readonly tear?: () => void
  readonly done: Callback<T>
  /** Waits while syncs are stalled. */
  readonly stalls?: boolean
}

export class SimMount implements Disk {
  readonly disk: SimDisk
  readonly #process: SimProcess
  readonly #label: string
  readonly #inFlight = new Set<MountOperation<unknown>>()
  readonly #logWrites: MountOperation<void>[] = []

  constructor(disk: SimDisk, process: SimProcess) {
    this.disk = disk
    this.#process = process
    this.#label = `disk ${disk.name}: `
    process.onExit(() => this.#abandon())
  }

  open(path: string, mode: OpenMode, done: Callback<DiskFile>): void {
    const open = (): DiskFile => {
      const handle = openFile(this.disk, path, mode, this.#process)
      return new SimDiskFile(this, path, handle, mode)
    }
    this.#submit('open', path, open, done)
  }

  list(folder: string, done: Callback<string[]>): void {
    this.#submit(
      'list',
      folder,
      () => {
        failIf(this.disk, 'list', folder)
        return this.disk.folders.list(folder)
      },
      done,
    )
  }

  makeFolder(folder: string, done: Callback): void {
    this.#submit(
      'makeFolder',
      folder,
      () => {
        failIf(this.disk, 'makeFolder', folder)
        this.disk.folders.makeFolder(folder)
      },
      done,
    )
  }

  rename(from: string, to: string, done: Callback): void {
    this.#submit(
      'rename',
      from,
      () => {
        failIf(this.disk, 'rename', from)
        this.disk.folders.rename(from, to)
      },
      done,
    )
  }

  remove(path: string, done: Callback): void {
    this.#submit(
      'remove',
      path,
      () => {
        failIf(this.disk, 'remove', path)
        this.disk.folders.remove(path)
      },
      done,
    )
  }

  syncFolder(folder: string, done: Callback): void {
    this.start({
      kind: 'syncFolder',
      path: folder,
      bytes: 0,
      perform: () => {
        failIf(this.disk, 'syncFolder', folder)
        this.disk.folders.syncFolder(folder)
      },
      done,
      stalls: true,
    })
  }

  space(folder: string, done: Callback<SpaceReport>): void {
    this.#submit('space', folder, () => this.disk.space(), done)
  }

  /** For SimDiskFile: begins an operation. */
  start<T>(operation: MountOperation<T>): void {
    if (!this.#process.alive) return
    this.#inFlight.add(operation as MountOperation<unknown>)
    const delayMs = this.disk.faults.latencyMs(operation.kind, operation.bytes)
    this.disk.world.schedule(delayMs, this.#label + operation.kind, () => this.#complete(operation))
  }

  /** For SimDiskFile: the same for writeSync, one after the other. */
  startLogWrite(operation: MountOperation<void>): void {
    if (!this.#process.alive) return
    this.#logWrites.push(operation)
    if (this.#logWrites.length === 1) this.start(operation)
  }

  #submit<T>(kind: DiskOperation, path: string, perform: () => T, done: Callback<T>): void {
    this.start({ kind, path, bytes: 0, perform, done })
  }

  #complete<T>(operation: MountOperation<T>): void {
    if (!this.#inFlight.has(operation as MountOperation<unknown>)) return
    if (operation.stalls && this.disk.stall(() => this.#complete(operation))) return
    this.#inFlight.delete(operation as MountOperation<unknown>)
    let error: Error | null = null
    let value = undefined as T
    try {
      value = operation.perform()
    } catch (thrown) {
      // A system error goes to the caller; a failed assertion is a bug and ends the run.
      if (!(thrown instanceof Error) || !('code' in thrown)) throw thrown
      error = thrown
    }
    if ((operation as unknown) === this.#logWrites[0]) this.#nextLogWrite()
    if (this.#process.paused)
      this.#process.schedule(0, `${this.#label}done`, () => operation.done(error, value))
    else operation.done(error, value)
  }

  #nextLogWrite(): void {
    this.#logWrites.shift()
    const next = this.#logWrites[0]
    if (next !== undefined) this.start(next)
  }

  #abandon(): void {
    for (const operation of this.#inFlight) {
      try {
        if (operation.tear !== undefined) operation.tear()
        else if (this.disk.random.below(2) === 0) operation.perform()
      } catch {
        // Nobody is left to hear of the error.
      }
    }
    this.#inFlight.clear()
    this.#logWrites.length = 0
  }
}
