/**
 * CONFIG REWRITE: puts values into the TOML file that the node was started with. Every other byte of the file stays,
 * comments too; the new file replaces the old one in one step, so that a crash leaves one of the two.
 */
import type { Stats } from 'node:fs'
import { open, realpath, rename, stat, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { parseToml } from './toml.ts'

/** By key of the file, e.g. max_clients. */
export type FileValues = ReadonlyMap<string, string | number>

export class ConfigFile {
  readonly #path: string
  /** Rewrites come one after the other. */
  #last: Promise<void> = Promise.resolve()

  constructor(path: string) {
    this.#path = path
  }

  /** Rejects with what is wrong; the file is as it was then. */
  readonly rewrite = (values: FileValues): Promise<void> => {
    const done = this.#last.then(() => rewriteFile(this.#path, values))
    this.#last = done.catch(() => {})
    return done
  }
}

async function rewriteFile(path: string, values: FileValues): Promise<void> {
  // A symbolic link stays one: what it names is replaced.
  const real = await realpath(path)
  const file = await open(real)
  const text = await file.readFile('utf8').finally(() => file.close())
  const next = withValues(text, values)
  if (next === text) return
  const temporary = `${real}.${process.pid}.new`
  try {
    await writeDurably(temporary, next, await stat(real))
    await rename(temporary, real)
  } catch (error) {
    await unlink(temporary).catch(() => {})
    throw error
  }
  const folder = await open(dirname(real))
  await folder.sync().finally(() => folder.close())
}

/** As a file of the same owner, if that is allowed, and the same mode: it may hold secrets. */
async function writeDurably(path: string, text: string, { mode, uid, gid }: Stats): Promise<void> {
  const file = await open(path, 'w', mode)
  try {
    await file.chown(uid, gid).catch(() => {})
    // The mode of open() is cut by the umask.
    await file.chmod(mode)
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

/**
 * `text` with the values: in the lines that have these keys, else in new lines before the first table. Throws when the
 * result would not mean just that.
 */
export function withValues(text: string, values: FileValues): string {
  const before = parseToml(text)
  const lines = text.split('\n')
  for (const [key, value] of values) {
    if (before[key] !== value) putValue(lines, key, value)
  }
  const next = lines.join('\n')
  if (!saysJust(next, { ...before, ...Object.fromEntries(values) })) {
    throw new Error('the file is written in a way that cannot be changed without changing more')
  }
  return next
}

function saysJust(text: string, wanted: Record<string, unknown>): boolean {
  try {
    return isDeepStrictEqual({ ...parseToml(text) }, wanted)
  } catch {
    return false
  }
}

function putValue(lines: string[], key: string, value: string | number): void {
  const literal = typeof value === 'number' ? String(value) : JSON.stringify(value)
  const table = lines.findIndex((line) => /^\s*\[/.test(line))
  const top = table < 0 ? lines : lines.slice(0, table)
  const at = top.findIndex((line) => line.split('=')[0]?.trim() === key)
  if (at >= 0) {
    const [, head = '', end = ''] =
      /^([^=]*=\s*)(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^#]*?)(\s*(?:#.*)?\r?)$/.exec(lines[at] ?? '') ?? []
    lines[at] = `${head}${literal}${end}`
    return
  }
  // Behind the last line that says something, so that the comment above a table stays with it.
  let end = top.length
  while (end > 0 && /^\s*(#.*)?$/.test(top[end - 1] ?? '')) end--
  const lineEnd = lines[0]?.endsWith('\r') ? '\r' : ''
  lines.splice(end, 0, `${key} = ${literal}${lineEnd}`)
}
