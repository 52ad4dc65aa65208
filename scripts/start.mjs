/**
 * `npm start`: a three-node cluster on this machine, from a fresh checkout too. Stays in the foreground; Ctrl-C stops
 * the nodes and keeps their data. So does the end of npm: it passes a signal on to its shell, which passes it on to
 * nobody. Arguments after `--` go to `kvorum cluster start`.
 */
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ensureBuilt, ensureInstalled, ROOT } from './prepare.mjs'

const PARENT_MS = 500

ensureInstalled()
ensureBuilt()
stopWithParent(process.ppid)
process.argv = [process.argv[0], 'kvorum', 'cluster', 'start', '--foreground', ...process.argv.slice(2)]
await import(pathToFileURL(join(ROOT, 'bin', 'kvorum.js')).href)

function stopWithParent(parent) {
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    process.kill(process.pid, 'SIGTERM')
  }, PARENT_MS)
  timer.unref()
}
