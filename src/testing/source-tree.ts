/**
 * The sources as text, for the rules that no compiler checks: which file imports which, and what a file says with its
 * comments and strings blanked out. Reading, not parsing: the sources have one format, which the formatter enforces.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

export interface SourceImport {
  /** As written: './x.ts', 'node:fs', 'pino'. */
  readonly from: string
  /** Nothing of it is left at run time. */
  readonly typeOnly: boolean
}

export interface SourceFile {
  /** Relative to the project, with '/'. */
  readonly path: string
  readonly text: string
  readonly lines: readonly string[]
  readonly imports: readonly SourceImport[]
  readonly isTest: boolean
}

/** Every TypeScript file below src/, sorted by path. */
export function readSources(root: string): SourceFile[] {
  return filesBelow(root, 'src')
    .filter((path) => path.endsWith('.ts'))
    .map((path) => readSource(root, path))
}

/** Paths of all files below a folder, relative to the project, sorted. */
export function filesBelow(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(root.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort()
}

function readSource(root: string, path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8')
  return {
    path,
    text,
    lines: text.split('\n').slice(0, -1),
    imports: importsOf(text),
    isTest: path.endsWith('.test.ts'),
  }
}

const STATIC = /^(?:import|export)\s+(type\s+)?([^'"]*?)\s*from\s+'([^']+)'|^import\s+'([^']+)'/gm
const DYNAMIC = /\bimport\(\s*'([^']+)'\s*\)(\.\w+)?/g

function importsOf(text: string): SourceImport[] {
  const found: SourceImport[] = []
  for (const match of text.matchAll(STATIC)) {
    const names = match[2] ?? ''
    const typeOnly = match[1] !== undefined || isTypeList(names)
    found.push({ from: match[3] ?? match[4] ?? '', typeOnly })
  }
  // `import('./x.ts').Name` stands in a type; `await import('./x.ts')` loads.
  for (const match of text.matchAll(DYNAMIC)) {
    found.push({ from: match[1] ?? '', typeOnly: match[2] !== undefined })
  }
  return found
}

/** `{ type A, type B }`: every name is a type. */
function isTypeList(names: string): boolean {
  const list = /^\{([\s\S]*)\}$/.exec(names.trim())?.[1]
  if (list === undefined) return false
  const items = list
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
  return items.length > 0 && items.every((item) => item.startsWith('type '))
}

/** The file's relative imports as paths of the project. */
export function localImports(file: SourceFile): { readonly path: string; readonly typeOnly: boolean }[] {
  return file.imports
    .filter((entry) => entry.from.startsWith('.'))
    .map((entry) => ({ path: normalize(join(dirname(file.path), entry.from)), typeOnly: entry.typeOnly }))
}

/** Files that the file names in a string: workers and programs that are started by their URL. */
export function namedFiles(file: SourceFile): string[] {
  const found = [...file.text.matchAll(/'(\.{1,2}\/[^'\n]+)\.(?:ts|js)'|siblingModule\('([^'\n]+)'/g)]
  return found.map((match) => normalize(join(dirname(file.path), `${match[1] ?? match[2]}.ts`)))
}

const BLANKED =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\$]|\$(?!\{))*`/g

/** The text without comments and plain strings; line breaks stay, so that lines keep their numbers. */
export function codeOnly(text: string): string {
  return text.replace(BLANKED, (match) => match.replace(/[^\n]/g, ' '))
}

/** Cycles of value imports; each as the path from a file back to itself. */
export function importCycles(files: readonly SourceFile[]): string[][] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const state = new Map<string, 'open' | 'done'>()
  const cycles: string[][] = []
  const visit = (path: string, trail: readonly string[]): void => {
    const file = byPath.get(path)
    if (file === undefined || state.get(path) === 'done') return
    if (state.get(path) === 'open') {
      cycles.push([...trail.slice(trail.indexOf(path)), path])
      return
    }
    state.set(path, 'open')
    for (const entry of localImports(file)) if (!entry.typeOnly) visit(entry.path, [...trail, path])
    state.set(path, 'done')
  }
  for (const file of files) visit(file.path, [])
  return cycles
}
