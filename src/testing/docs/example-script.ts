/** Programs in documents: checked by the compiler against the package's own types, run, and their comments compared. */

const SETTINGS = '--module nodenext --target es2023 --strict --skipLibCheck --types node --noEmitOnError'

/**
 * A script that checks and runs the program in a checkout, where it finds the package by its name. Of a statement with
 * a value in a comment behind it, `await get('a') // { ok: true }`, the value must be what the statement gives.
 */
export function exampleScript(text: string): string {
  const checked = text.replace(
    /^((?:await )?[\w.]+\(.*\)) +\/\/ (\{.*\}|'.*'|\d+)$/gm,
    'deepEqual($1 as object, $2)',
  )
  const program = `import { deepEqual } from 'node:assert/strict'\n${checked}`
  return `cat > example.mts <<'END-OF-FILE'
${program}END-OF-FILE
node node_modules/typescript/bin/tsc ${SETTINGS} example.mts
timeout 60 node example.mjs`
}
