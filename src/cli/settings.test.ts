/** The table of settings: no row is only read, checked and shown. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settings } from '../server/config-settings.ts'
import { readSources } from '../testing/source-tree.ts'
import { projectRoot } from './project-root.ts'

test('every setting reaches what it is a setting of', () => {
  const users = readSources(projectRoot()).filter(
    ({ path, isTest }) => !isTest && path.startsWith('src/server/') && !path.startsWith('src/server/config'),
  )
  const unused = Object.keys(settings).filter(
    (name) => !users.some(({ text }) => new RegExp(`\\b${name}\\b`).test(text)),
  )
  assert.deepEqual(unused, [])
})
