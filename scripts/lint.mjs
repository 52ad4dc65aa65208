/** `npm run lint` checks format and rules of all sources; `npm run format` (--write) repairs what can be repaired. */
import { join } from 'node:path'
import { ensureInstalled, ROOT, run } from './prepare.mjs'

ensureInstalled()
const biome = join(ROOT, 'node_modules', '@biomejs', 'biome', 'bin', 'biome')
const args = process.argv.includes('--write') ? ['check', '--write'] : ['check', '--error-on-warnings']
process.exit(run(process.execPath, [biome, ...args]))
