#!/usr/bin/env node
/** The `kvorum` command: checks that it can run at all, then hands over to dist/cli/main.js. */
import { existsSync } from 'node:fs'

const main = new URL('../dist/cli/main.js', import.meta.url)
const [major, minor] = process.versions.node.split('.').map(Number)

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`kvorum needs Node.js 20.19 or newer; this is ${process.versions.node}`)
  process.exitCode = 1
} else if (!existsSync(main)) {
  console.error('kvorum is not built yet. Build it once: npm run build (npm start builds, too)')
  process.exitCode = 1
} else {
  const { runCli } = await import(main.href)
  await runCli(process.argv)
}
