/** The last resort works at once, whatever the threads do (R4). */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { siblingModule } from './sibling-module.ts'

test('R4: killSelf() ends the process at once, without running exit handlers', () => {
  const url = siblingModule('kill-self', import.meta.url).href
  const program = `
    const { killSelf } = await import(${JSON.stringify(url)})
    process.on('exit', () => console.log('exit handler'))
    setImmediate(() => console.log('later turn'))
    killSelf()`
  const { signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', program])
  assert.deepEqual([signal, String(stdout)], ['SIGKILL', ''])
})
