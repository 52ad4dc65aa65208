/**
 * Brings a checkout to the state where something can be run: packages as package-lock.json says, dist/ as src/ says.
 * No dependencies: this runs before anything is installed. Everything it does is said on stdout first.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const DIST = join(ROOT, 'dist')
const STAMP = join(DIST, '.built')
const NODE_WANTED = [20, 19]

/** Prints a step as it begins, so that a slow one is seen to be under way. */
export function say(text) {
  process.stdout.write(`kvorum: ${text}\n`)
}

/** Runs a program to its end with our stdio; returns its exit status (128 + signal number is not told apart from 1). */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, { cwd: ROOT, stdio: 'inherit', ...options })
  if (result.error) say(`cannot run ${program}: ${result.error.message}`)
  return result.status ?? 1
}

export function runOrExit(program, args, options) {
  const status = run(program, args, options)
  if (status !== 0) process.exit(status)
}

export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > NODE_WANTED[0] || (major === NODE_WANTED[0] && minor >= NODE_WANTED[1])) return
  say(`needs Node.js ${NODE_WANTED.join('.')} or newer; this is ${process.versions.node}`)
  process.exit(1)
}

/** Installs the locked packages when node_modules is missing or differs from package-lock.json. */
export function ensureInstalled() {
  requireNode()
  const reason = whyInstall()
  if (reason === null) return
  say(`installing packages (${reason})...`)
  const started = Date.now()
  const npm = process.env.npm_execpath
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund']
  if (npm?.endsWith('.js')) runOrExit(process.execPath, [npm, ...args])
  else runOrExit('npm', args, { shell: process.platform === 'win32' })
  say(`packages installed in ${seconds(started)}`)
}

function whyInstall() {
  const installedFile = join(ROOT, 'node_modules', '.package-lock.json')
  if (!existsSync(installedFile)) return 'none are installed yet'
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages
  const installed = JSON.parse(readFileSync(installedFile, 'utf8')).packages
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue
    const found = installed[path]
    if (found === undefined && entry.optional) continue
    if (found?.version !== entry.version || found?.integrity !== entry.integrity) return `${path} has changed`
  }
  return null
}

/** Compiles src/ to dist/ when its content differs from what dist/ was made of. `force` compiles always. */
export function ensureBuilt(force = false) {
  const wanted = sourceHash()
  if (!force && existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted) return
  say('building...')
  const started = Date.now()
  rmSync(STAMP, { force: true })
  runOrExit(process.execPath, [join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'), '--pretty', 'false'])
  removeOrphans()
  mkdirSync(DIST, { recursive: true })
  writeFileSync(STAMP, wanted)
  say(`built in ${seconds(started)}`)
}

/** Everything the compiler's output depends on. */
function sourceHash() {
  const hash = createHash('sha256')
  const inputs = [
    'tsconfig.json',
    'package-lock.json',
    ...filesUnder('src').filter((file) => file.endsWith('.ts')),
  ]
  for (const file of inputs)
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(ROOT, file)))
      .update('\0')
  return hash.digest('hex')
}

/** Removes what dist/ holds of sources that are gone: a test deleted from src/ must not run any more. */
function removeOrphans() {
  for (const file of filesUnder('dist')) {
    const source = file.replace(/^dist/, 'src').replace(/(\.d\.ts|\.js|\.js\.map)$/, '.ts')
    if (source.endsWith('.ts') && !existsSync(join(ROOT, source))) rmSync(join(ROOT, file))
  }
}

/** Paths of all files under a folder of the project, relative to the project, sorted. */
export function filesUnder(folder) {
  const top = join(ROOT, folder)
  if (!existsSync(top)) return []
  return readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath ?? entry.path, entry.name)).replaceAll('\\', '/'))
    .sort()
}

export function seconds(startedMs) {
  return `${((Date.now() - startedMs) / 1000).toFixed(1)} s`
}
