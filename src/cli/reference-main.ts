/** `npm run docs`: writes the generated parts of the documents. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { print } from './exit.ts'
import { projectRoot } from './project-root.ts'
import { GENERATED_DOCUMENTS, regenerate } from './reference.ts'

for (const path of GENERATED_DOCUMENTS) {
  const file = join(projectRoot(), path)
  const before = readFileSync(file, 'utf8')
  const after = regenerate(before)
  if (after === before) continue
  writeFileSync(file, after)
  print(`wrote ${path}`)
}
