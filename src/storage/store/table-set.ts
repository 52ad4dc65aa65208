/**
 * Every table that is open, by name: opens what a manifest names, removes files that nobody holds any more.
 */
import { errorCode } from '../../lib/coded-error.ts'
import type { Callback, Disk } from '../disk.ts'
import type { BlockCache } from './block-cache.ts'
import { openTable, type Table } from './table.ts'
import type { TableInfo } from './table-format.ts'

/** Tables opened at the same time. */
const OPENS_AT_ONCE = 8

export interface TableSetOptions {
  readonly disk: Disk
  readonly folder: string
  readonly cache: BlockCache
  readonly warn: (message: string, fields: Record<string, unknown>) => void
}

export class TableSet {
  readonly #options: TableSetOptions
  readonly #tables = new Map<string, Table>()
  #closing = false
  /** Files on their way out. */
  #removing = 0
  #waiting: (() => void)[] = []

  constructor(options: TableSetOptions) {
    this.#options = options
  }

  get byName(): ReadonlyMap<string, Table> {
    return this.#tables
  }

  /**
   * Opens those of `infos` that are not open; on an error those that it opened are closed again, their files
   * stay.
   */
  open(infos: readonly TableInfo[], done: Callback<readonly Table[]>): void {
    const wanted = infos.filter((info) => !this.#tables.has(info.name))
    const opened: Table[] = []
    let failure: Error | null = null
    let next = 0
    let opening = 0
    const context = { ...this.#options, onUnused: this.#onUnused }
    const finish = (): void => {
      if (failure !== null) return this.#closeAll(opened, () => done(failure, []))
      for (const table of opened) this.#tables.set(table.info.name, table)
      done(null, opened)
    }
    const advance = (): void => {
      while (next < wanted.length && opening < OPENS_AT_ONCE && failure === null) {
        opening++
        openTable(context, wanted[next++] as TableInfo, (error, table) => {
          opening--
          if (error === null) opened.push(table)
          else failure ??= error
          advance()
        })
      }
      if (opening === 0 && (next === wanted.length || failure !== null)) finish()
    }
    advance()
  }

  /** Closes tables whose manifest did not become durable; their files stay. */
  forget(tables: readonly Table[]): void {
    for (const table of tables) this.#tables.delete(table.info.name)
    this.#closeAll(tables, () => {})
  }

  /** Removes files by name; errors are reported and left to the next start. */
  removeFiles(names: readonly string[]): void {
    for (const name of names) this.#removeFile(name)
  }

  /** Calls `done` when no removal is in flight: only then may a name be used again. */
  whenRemoved(done: () => void): void {
    if (this.#removing === 0) done()
    else this.#waiting.push(done)
  }

  /** Closes every table; files stay. */
  close(done: () => void): void {
    this.#closing = true
    const tables = [...this.#tables.values()]
    this.#tables.clear()
    this.#closeAll(tables, done)
  }

  #closeAll(tables: readonly Table[], done: () => void): void {
    let left = tables.length
    if (left === 0) return done()
    for (const table of tables) {
      table.close(() => {
        if (--left === 0) done()
      })
    }
  }

  readonly #onUnused = (table: Table): void => {
    if (this.#closing) return
    const { name } = table.info
    this.#tables.delete(name)
    this.#removing++
    table.close(() => {
      this.#removing--
      this.#removeFile(name)
    })
  }

  #removeFile(name: string): void {
    const { disk, folder, warn } = this.#options
    this.#removing++
    disk.remove(`${folder}/${name}`, (error) => {
      this.#removing--
      if (error !== null && errorCode(error) !== 'ENOENT') {
        warn('Cannot remove a file that is not needed', { file: name, error: error.message })
      }
      if (this.#removing > 0) return
      const waiting = this.#waiting
      this.#waiting = []
      for (const done of waiting) done()
    })
  }
}
