/**
 * The receiving side of a snapshot (R10 step 1). Files arrive in chunks under temporary names;
 * receiveComplete() checks each whole file against the manifest, syncs and renames it. Complete files survive
 * an interrupted transfer and are not sent again. What the snapshot shares with this store is held, so that
 * no compaction here removes it.
 */
import type { Clock, Timer } from '../../lib/clock.ts'
import type { Callback, Disk, DiskFile } from '../disk.ts'
import type { Jobs } from '../jobs.ts'
import { type Step, steps } from '../steps.ts'
import { CorruptError } from './errors.ts'
import { isTableName, PART_SUFFIX } from './file-names.ts'
import type { VerifyOutput, VerifySpec } from './jobs.ts'
import { decodeManifest, manifestTables } from './manifest.ts'
import type { Table } from './table.ts'
import type { TableInfo } from './table-format.ts'
import type { TableSet } from './table-set.ts'
import type { SnapshotFile } from './types.ts'

/** A transfer without progress for this long gives back what it holds. */
const IDLE_MS = 60_000

export interface TransferOptions {
  readonly folder: string
  readonly disk: Disk
  readonly jobs: Jobs
  readonly clock: Clock
  readonly tables: TableSet
}

/** A file on its way here. */
interface Part {
  file: DiskFile | null
  size: number
}

export class Transfer {
  readonly #options: TransferOptions
  readonly #parts = new Map<string, Part>()
  /** Checked and durable under their final names, not yet in a manifest. */
  readonly #staged = new Set<string>()
  #held: Table[] = []
  #idle: Timer | null = null

  constructor(options: TransferOptions) {
    this.#options = options
  }

  filesPresent(manifest: Buffer, done: Callback<readonly SnapshotFile[]>): void {
    const { tables, clock } = this.#options
    const infos = tablesOf(manifest)
    if (infos instanceof Error) return clock.defer(() => done(infos, []))
    const names = new Set(infos.map((info) => info.name))
    this.#discard((name) => !names.has(name))
    this.#hold(infos)
    this.#touch()
    const present = infos.filter(({ name, size }) => {
      return tables.byName.has(name) || this.#staged.has(name) || this.#parts.get(name)?.size === size
    })
    const clash = infos.find(({ name, crc }) => (tables.byName.get(name)?.info.crc ?? crc) !== crc)
    const error =
      clash === undefined ? null : new CorruptError(clash.name, 0, 'another file of that name is here')
    clock.defer(() => done(error, error === null ? present.map(({ name, size }) => ({ name, size })) : []))
  }

  receive(name: string, offset: number, bytes: Buffer, done: Callback): void {
    const { clock } = this.#options
    const part = this.#parts.get(name)
    const wanted = part?.size ?? 0
    if (!isTableName(name) || this.#options.tables.byName.has(name) || (offset !== 0 && offset !== wanted)) {
      const error = new Error(`Cannot receive '${name}': offset is ${offset}, expected ${wanted}`)
      return clock.defer(() => done(error))
    }
    this.#touch()
    const write = (target: Part): void => {
      const { file } = target
      if (file === null) return this.#begin(name, write, done)
      file.write(offset, [bytes], (error) => {
        if (error === null) target.size = offset + bytes.length
        done(error)
      })
    }
    if (part === undefined || offset === 0) this.#begin(name, write, done)
    else write(part)
  }

  receiveComplete(manifest: Buffer, done: Callback): void {
    const infos = tablesOf(manifest)
    if (infos instanceof Error) return this.#options.clock.defer(() => done(infos))
    this.#idle?.cancel()
    const finish: Callback = (error) => {
      if (error !== null) this.#touch()
      done(error)
    }
    const wanted = infos.filter(
      ({ name }) => !this.#options.tables.byName.has(name) && !this.#staged.has(name),
    )
    const short = wanted.find(({ name, size }) => this.#parts.get(name)?.size !== size)
    if (short !== undefined) {
      const error = new Error(`Cannot complete the transfer: ${short.name} is not complete`)
      return this.#options.clock.defer(() => finish(error))
    }
    this.#closeParts(wanted, () => this.#verify(wanted, finish))
  }

  /** The manifest of this transfer is durable: its files belong to the store. */
  installed(): void {
    this.#staged.clear()
    this.#release()
  }

  /** Files here that belong to no manifest of this store. */
  get count(): number {
    return this.#parts.size + this.#staged.size
  }

  /** Nothing that was received will be installed. */
  discard(): void {
    this.#idle?.cancel()
    this.#release()
    this.#discard(() => true)
  }

  /** Closes files in transfer; the next start removes them. */
  close(done: () => void): void {
    this.#idle?.cancel()
    const list = [...this.#parts.keys()].map((name) => ({ name }))
    this.#closeParts(list, done)
  }

  #begin(name: string, then: (part: Part) => void, done: Callback): void {
    const { tables } = this.#options
    const old = this.#parts.get(name)
    const part: Part = { file: null, size: 0 }
    this.#parts.set(name, part)
    old?.file?.close(() => {})
    // A removal under way would take the new file for the old one of its name.
    tables.whenRemoved(() => this.#open(name, part, then, done))
  }

  #open(name: string, part: Part, then: (part: Part) => void, done: Callback): void {
    const { disk, folder } = this.#options
    disk.open(`${folder}/${name}${PART_SUFFIX}`, 'create', (error, file) => {
      if (error !== null) {
        if (this.#parts.get(name) === part) this.#parts.delete(name)
        return done(error)
      }
      if (this.#parts.get(name) !== part) return this.#dropUnwanted(name, file, done)
      part.file = file
      file.truncate(0, (truncateError) => {
        if (truncateError === null) then(part)
        else done(truncateError)
      })
    })
  }

  /** A file that was given up while it was opened. */
  #dropUnwanted(name: string, file: DiskFile, done: Callback): void {
    file.close(() => {
      if (!this.#parts.has(name)) this.#options.tables.removeFiles([name + PART_SUFFIX])
      done(new Error(`${name} is not wanted any more`))
    })
  }

  #closeParts(list: readonly { name: string }[], done: () => void): void {
    const close = list.map(
      ({ name }): Step =>
        (next) => {
          const part = this.#parts.get(name)
          const file = part?.file ?? null
          if (part !== undefined) part.file = null
          if (file === null) next(null)
          else file.close(() => next(null))
        },
    )
    steps(close, () => done())
  }

  #verify(wanted: readonly TableInfo[], done: Callback): void {
    const { folder, jobs } = this.#options
    const partPath = (name: string): string => `${folder}/${name}${PART_SUFFIX}`
    const files = wanted.map(({ name, size, crc }) => ({ path: partPath(name), size, crc }))
    const spec: VerifySpec = { kind: 'store.verify', files }
    jobs.run(spec, (error, output) => {
      if (error !== null) {
        // After a failed sync the system may show bytes that it will never write, and a later sync
        // succeeds all the same.
        this.#discard((name) => wanted.some((file) => file.name === name))
        return done(error)
      }
      const { damaged } = output as VerifyOutput
      const [first] = damaged
      if (first === undefined) return this.#stage(wanted, done)
      this.#discard((name) => damaged.includes(partPath(name)))
      done(new CorruptError(first, 0, 'received file does not match its checksum'))
    })
  }

  #stage(wanted: readonly TableInfo[], done: Callback): void {
    const { disk, folder, tables } = this.#options
    const renames = wanted.map(
      ({ name }): Step =>
        (next) => {
          disk.rename(`${folder}/${name}${PART_SUFFIX}`, `${folder}/${name}`, (error) => {
            if (error === null) {
              this.#parts.delete(name)
              this.#staged.add(name)
            }
            next(error)
          })
        },
    )
    const settle: Step = (next) => tables.whenRemoved(() => next(null))
    steps([settle, ...renames, (next) => disk.syncFolder(folder, next)], done)
  }

  /** Takes hold of tables that are here already, and lets go of what was held before. */
  #hold(infos: readonly TableInfo[]): void {
    const held: Table[] = []
    for (const { name } of infos) {
      const table = this.#options.tables.byName.get(name)
      if (table === undefined) continue
      table.retain()
      held.push(table)
    }
    this.#release()
    this.#held = held
  }

  #release(): void {
    const held = this.#held
    this.#held = []
    for (const table of held) table.release()
  }

  /** Forgets received files by name and removes them. */
  #discard(unwanted: (name: string) => boolean): void {
    const { tables } = this.#options
    for (const [name, part] of [...this.#parts]) {
      if (!unwanted(name)) continue
      this.#parts.delete(name)
      part.file?.close(() => {})
      tables.removeFiles([name + PART_SUFFIX])
    }
    for (const name of [...this.#staged]) {
      if (!unwanted(name)) continue
      this.#staged.delete(name)
      tables.removeFiles([name])
    }
  }

  #touch(): void {
    this.#idle?.cancel()
    this.#idle = this.#options.clock.setTimer(IDLE_MS, () => this.discard())
  }
}

function tablesOf(manifest: Buffer): TableInfo[] | Error {
  try {
    return manifestTables(decodeManifest(manifest, 'received manifest'))
  } catch (error) {
    if (error instanceof CorruptError) return error
    throw error
  }
}
