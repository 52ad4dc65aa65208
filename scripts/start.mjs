/**
 * `npm start`: a three-node cluster on this machine, from a fresh checkout too. Stays in the foreground; Ctrl-C stops
 * the nodes and keeps their data. Arguments after `--` go to `kvorum cluster start`.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureBuilt, ensureInstalled, ROOT } from './prepare.mjs'

ensureInstalled()
ensureBuilt()
process.argv = [process.argv[0], 'kvorum', 'cluster', 'start', '--foreground', ...process.argv.slice(2)]
await import(pathToFileURL(join(ROOT, 'bin', 'kvorum.js')).href)
