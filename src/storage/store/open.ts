/**
 * Opening a store: the manifest, or the pending one of an unfinished install (R10), its tables, and nothing
 * else. Files that neither manifest names are leftovers of jobs and transfers and are removed; nothing is
 * removed before both are read.
 */
import type { Callback, Disk } from '../disk.ts'
import { type Step, steps } from '../steps.ts'
import { BlockCache } from './block-cache.ts'
import { CorruptError } from './errors.ts'
import { isStoreFile, MANIFEST_NAME, numberOf } from './file-names.ts'
import { decodeManifest, EMPTY_MANIFEST, encodeManifest, type Manifest, manifestTables } from './manifest.ts'
import { readManifestFile, replaceManifestFile } from './manifest-file.ts'
import { TableSet } from './table-set.ts'
import type { StoreOptions } from './types.ts'
import { Version } from './version.ts'

export interface OpenedFiles {
  readonly version: Version
  readonly tables: TableSet
  readonly cache: BlockCache
}

export interface OpenFilesOptions extends StoreOptions {
  readonly blockCacheBytes: number
  readonly warn: (message: string, fields: Record<string, unknown>) => void
}

/** Errors: CORRUPT with file and offset when what is stored is not what was written; system errors. */
export function openFiles(options: OpenFilesOptions, done: Callback<OpenedFiles>): void {
  const opening = new Opening(options)
  steps(opening.steps(), (error) => {
    if (error === null) done(null, opening.result())
    else opening.tables.close(() => done(error, null as unknown as OpenedFiles))
  })
}

class Opening {
  readonly tables: TableSet
  readonly #options: OpenFilesOptions
  readonly #cache: BlockCache
  #names: readonly string[] = []
  #stored: Manifest = EMPTY_MANIFEST
  /** What the store will hold: the stored manifest or the pending one. */
  #manifest: Manifest = EMPTY_MANIFEST

  constructor(options: OpenFilesOptions) {
    this.#options = options
    this.#cache = new BlockCache(options.blockCacheBytes)
    this.tables = new TableSet({ ...options, cache: this.#cache })
  }

  steps(): Step[] {
    const { disk, folder } = this.#options
    return [
      (next) => disk.makeFolder(folder, next),
      (next) => disk.syncFolder(parentOf(folder), next),
      // A killed process may have left a manifest whose name is not durable: what the old one names must not go yet.
      (next) => disk.syncFolder(folder, next),
      (next) => this.#list(disk, folder, next),
      (next) => this.#read(disk, folder, next),
      (next) => this.#choose(next),
      (next) => this.#removeLeftovers(next),
      (next) => this.tables.open(manifestTables(this.#manifest), (error) => next(error)),
      (next) => this.#redoInstall(disk, folder, next),
    ]
  }

  result(): OpenedFiles {
    const version = new Version(this.#manifest, this.tables.byName)
    return { version, tables: this.tables, cache: this.#cache }
  }

  #list(disk: Disk, folder: string, next: Callback): void {
    disk.list(folder, (error, names) => {
      if (error === null) this.#names = names
      next(error)
    })
  }

  #read(disk: Disk, folder: string, next: Callback): void {
    readManifestFile(disk, folder, (error, bytes) => {
      if (error !== null || bytes === null) return next(error)
      next(guarded(() => (this.#stored = decodeManifest(bytes, `${folder}/${MANIFEST_NAME}`))))
    })
  }

  #choose(next: Callback): void {
    const { pendingInstall, filePrefix } = this.#options
    this.#manifest = this.#stored
    const failure = guarded(() => {
      const pending = pendingInstall === null ? null : decodeManifest(pendingInstall, 'install record')
      if (pending !== null && pending.index > this.#stored.index) this.#manifest = pending
    })
    const used = this.#names.map((name) => numberOf(name, filePrefix))
    const nextFile = Math.max(
      this.#stored.nextFile,
      this.#manifest.nextFile,
      ...used.map((number) => number + 1),
    )
    this.#manifest = { ...this.#manifest, nextFile }
    next(failure)
  }

  #removeLeftovers(next: Callback): void {
    const named = new Set([this.#stored, this.#manifest].flatMap(manifestTables).map((info) => info.name))
    this.tables.removeFiles(this.#names.filter((name) => isStoreFile(name) && !named.has(name)))
    this.tables.whenRemoved(() => next(null))
  }

  /** R10 step 3 again: the pending manifest replaces the stored one. Old files go once it is durable. */
  #redoInstall(disk: Disk, folder: string, next: Callback): void {
    if (this.#manifest.index === this.#stored.index) return next(null)
    replaceManifestFile(disk, folder, encodeManifest(this.#manifest), (result) => {
      if (result.kind !== 'durable') return next(result.error)
      const named = new Set(manifestTables(this.#manifest).map((info) => info.name))
      const old = manifestTables(this.#stored).map((info) => info.name)
      this.tables.removeFiles(old.filter((name) => !named.has(name)))
      this.tables.whenRemoved(() => next(null))
    })
  }
}

/** The CorruptError that `work` throws, or null. */
function guarded(work: () => void): Error | null {
  try {
    work()
    return null
  } catch (error) {
    if (error instanceof CorruptError) return error
    throw error
  }
}

function parentOf(path: string): string {
  const cut = path.lastIndexOf('/')
  return cut < 0 ? '.' : cut === 0 ? '/' : path.slice(0, cut)
}
