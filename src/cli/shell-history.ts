/** The shell's history: newest first, in a file that only its owner can read, without lines that carry passwords. */
import { readFileSync, writeFileSync } from 'node:fs'

const SECRET_LINE = /^\s*(auth|hello|config\s+set|migrate|acl)\b/i

export function loadHistory(path: string): string[] {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
  } catch {
    return []
  }
}

/** Best effort: a home that cannot be written must not disturb the session. */
export function saveHistory(path: string, history: readonly string[]): void {
  try {
    writeFileSync(path, `${history.filter((line) => !SECRET_LINE.test(line)).join('\n')}\n`, { mode: 0o600 })
  } catch {
    return
  }
}
