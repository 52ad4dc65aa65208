/** One script that the engine and redis-server must answer with the same bytes. */

/** It runs where `k` holds 'abc' and `n` holds 10. */
export interface ScriptCase {
  readonly script: string
  readonly keys?: readonly string[]
  readonly args?: readonly string[]
}

/** Scripts without keys and arguments. */
export function plain(...scripts: readonly string[]): ScriptCase[] {
  return scripts.map((script) => ({ script }))
}
