/**
 * Where a worker thread's file is: beside its host, with the host's own extension (.ts in source, .js when
 * built).
 */

/** `name` without extension; `from` is the caller's import.meta.url. */
export function siblingModule(name: string, from: string): URL {
  return new URL(`./${name}${from.endsWith('.ts') ? '.ts' : '.js'}`, from)
}
