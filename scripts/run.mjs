/** Runs one module of dist/ with the remaining arguments, after installing and building what is missing. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ensureBuilt, ensureInstalled, ROOT, run, say } from './prepare.mjs'

const [module, ...args] = process.argv.slice(2)
ensureInstalled()
ensureBuilt()
const path = join(ROOT, 'dist', module)
if (!existsSync(path)) {
  say(`there is no ${path}`)
  process.exit(2)
}
process.exit(run(process.execPath, ['--enable-source-maps', path, ...args]))
