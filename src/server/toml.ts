/**
 * The configuration file as TOML. What is wrong in it is told by its place alone: the parser would show the lines
 * around it, which may hold secrets, and errors go to logs and to clients.
 */
import { parse, TomlError } from 'smol-toml'

/** The file's settings by key. Throws an Error of one line. */
export function parseToml(text: string): Record<string, unknown> {
  try {
    return parse(text)
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const what = error.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '')
    throw new Error(`line ${error.line}, column ${error.column}: ${what}`)
  }
}
