/** docs/http.md leaves nothing out. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { routes } from '../frontends/http/v1/routes.ts'
import { projectRoot } from './project-root.ts'

test('docs/http.md names every route', () => {
  const text = readFileSync(join(projectRoot(), 'docs/http.md'), 'utf8')
  for (const { path } of routes) {
    const stem = path.replace(/\{key\}$/, '')
    assert.ok(text.includes(stem), path)
  }
})
