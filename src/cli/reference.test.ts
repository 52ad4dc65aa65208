/** The documents say what the tables in the code say. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { limits } from '../protocol/limits.ts'
import { projectRoot } from './project-root.ts'
import { commentsByProperty, GENERATED_DOCUMENTS, regenerate } from './reference.ts'

for (const path of GENERATED_DOCUMENTS) {
  test(`${path} is up to date (npm run docs)`, () => {
    const text = readFileSync(join(projectRoot(), path), 'utf8')
    assert.match(text, /<!-- begin generated: /)
    assert.equal(text, regenerate(text))
  })
}

test('R20: every limit says what it limits', () => {
  const source = readFileSync(join(projectRoot(), 'src', 'protocol', 'limits.ts'), 'utf8')
  const meanings = commentsByProperty(source)
  for (const name of Object.keys(limits)) assert.ok((meanings.get(name) ?? '') !== '', name)
})
