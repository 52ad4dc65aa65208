/**
 * The names of a simulated disk: what they are now, what a power failure leaves, and the changes between the
 * two. A creation, rename or removal is durable once its folder was synced; a crash keeps a random choice of
 * the others, each whole (a rename never leaves neither name). Folders themselves are durable at once.
 */
import { codedError } from '../../lib/coded-error.ts'
import type { Random } from '../../lib/random.ts'
import { type Keep, SimFile } from './file.ts'

interface Change {
  readonly folders: readonly string[]
  readonly removed: string | null
  readonly added: string | null
  readonly file: SimFile
}

export class SimFolders {
  #names = new Map<string, SimFile>()
  #durableNames = new Map<string, SimFile>()
  #folders = new Set<string>(['', '/'])
  #changes: Change[] = []

  /** Null when there is no such file. */
  find(path: string): SimFile | null {
    return this.#names.get(normal(path)) ?? null
  }

  paths(): string[] {
    return [...this.#names.keys()]
  }

  files(): Set<SimFile> {
    return new Set(this.#names.values())
  }

  isFolder(path: string): boolean {
    return this.#folders.has(normal(path))
  }

  makeFolder(path: string): void {
    for (let at = normal(path); !this.#folders.has(at); at = folderOf(at)) {
      if (this.#names.has(at)) throw codedError('EEXIST', `file already exists, mkdir '${path}'`)
      this.#folders.add(at)
    }
  }

  create(path: string): SimFile {
    const name = normal(path)
    this.#needFolder(folderOf(name), `open '${path}'`)
    if (this.#folders.has(name))
      throw codedError('EISDIR', `illegal operation on a directory, open '${path}'`)
    const file = new SimFile()
    this.#change({ folders: [folderOf(name)], removed: null, added: name, file })
    return file
  }

  rename(fromPath: string, toPath: string): void {
    const from = normal(fromPath)
    const to = normal(toPath)
    const file = this.#need(from, `rename '${fromPath}'`)
    this.#needFolder(folderOf(to), `rename to '${toPath}'`)
    if (from === to) return
    this.#change({ folders: [folderOf(from), folderOf(to)], removed: from, added: to, file })
  }

  remove(path: string): void {
    const name = normal(path)
    const file = this.#need(name, `unlink '${path}'`)
    this.#change({ folders: [folderOf(name)], removed: name, added: null, file })
  }

  list(path: string): string[] {
    const folder = normal(path)
    this.#needFolder(folder, `scandir '${path}'`)
    const out: string[] = []
    for (const name of [...this.#names.keys(), ...this.#folders]) {
      if (name !== folder && name !== '' && folderOf(name) === folder) out.push(baseOf(name))
    }
    return out
  }

  /** Makes every change in `path` durable, with the earlier changes elsewhere that these depend on. */
  syncFolder(path: string): void {
    const folder = normal(path)
    this.#needFolder(folder, `fsync '${path}'`)
    const synced = new Set([folder])
    const touches = (change: Change): boolean => change.folders.some((name) => synced.has(name))
    for (const change of this.#changes.toReversed()) {
      if (touches(change)) for (const name of change.folders) synced.add(name)
    }
    for (const change of this.#changes) if (touches(change)) apply(this.#durableNames, change)
    this.#changes = this.#changes.filter((change) => !touches(change))
  }

  /** Power failure: unsynced changes survive as `keep` says. */
  crash(random: Random, keep: Keep): void {
    let prefix = keep === 'prefix' ? random.below(this.#changes.length + 1) : 0
    for (const change of this.#changes) {
      const kept = keep === 'all' || (keep === 'subset' ? random.below(2) === 0 : prefix-- > 0)
      if (kept) apply(this.#durableNames, change)
    }
    this.#changes = []
    this.#names = new Map(this.#durableNames)
  }

  /** A new, empty medium. */
  clear(): void {
    this.#names.clear()
    this.#durableNames.clear()
    this.#folders = new Set(['', '/'])
    this.#changes = []
  }

  #change(change: Change): void {
    apply(this.#names, change)
    this.#changes.push(change)
  }

  #need(name: string, what: string): SimFile {
    const file = this.#names.get(name)
    if (file !== undefined) return file
    if (this.#folders.has(name)) throw codedError('EISDIR', `illegal operation on a directory, ${what}`)
    throw codedError('ENOENT', `no such file or directory, ${what}`)
  }

  #needFolder(name: string, what: string): void {
    if (this.#folders.has(name)) return
    if (this.#names.has(name)) throw codedError('ENOTDIR', `not a directory, ${what}`)
    throw codedError('ENOENT', `no such file or directory, ${what}`)
  }
}

function apply(names: Map<string, SimFile>, change: Change): void {
  if (change.removed !== null && names.get(change.removed) === change.file) names.delete(change.removed)
  if (change.added !== null) names.set(change.added, change.file)
}

/** Without '.' parts, doubled or trailing slashes. */
function normal(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  return (path.startsWith('/') ? '/' : '') + parts.join('/')
}

function folderOf(name: string): string {
  const slash = name.lastIndexOf('/')
  if (slash < 0) return ''
  return slash === 0 ? '/' : name.slice(0, slash)
}

function baseOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}
