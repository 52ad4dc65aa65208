/**
 * `npm run lock`: writes package-lock.json anew from package.json. npm leaves out optional packages that it could not
 * look up (builds for other platforms, where the registry at hand does not carry them), and `npm ci` then refuses the
 * file; they are added here by name and version, without a checksum.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, runOrExit } from './prepare.mjs'

const path = join(ROOT, 'package-lock.json')
rmSync(path, { force: true })
rmSync(join(ROOT, 'node_modules'), { recursive: true, force: true })
runOrExit('npm', ['install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund'])
const lock = JSON.parse(readFileSync(path, 'utf8'))
for (const entry of Object.values(lock.packages)) addOptional(entry)
lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`)

function addOptional(parent) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const platform = /-(android|darwin|linux|win32)-(arm64|x64)(?:-(musl))?$/.exec(name)
    const key = `node_modules/${name}`
    if (lock.packages[key] !== undefined || platform === null) continue
    const [, os, cpu, libc] = platform
    const conditions = { os: [os], cpu: [cpu], ...(libc && { libc: [libc] }) }
    lock.packages[key] = { version, ...conditions, dev: true, optional: true }
  }
}
