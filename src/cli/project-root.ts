/** The checkout this program was built from: for documents and tests about the sources, not for a running node. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The nearest folder above the compiled code that holds package.json and src/; throws in an installed package. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json')) || !existsSync(join(folder, 'src'))) {
    const parent = dirname(folder)
    if (parent === folder) throw new Error('Cannot find the sources of kvorum above the compiled code')
    folder = parent
  }
  return folder
}
