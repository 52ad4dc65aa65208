/**
 * Scripts ready to run: compiled once per process and kept within bounds. Nothing here is state: the same text gives
 * the same program on every node, whether it was kept or not.
 */
import { sha1Hex } from '../../lib/sha1.ts'
import { compileProgram } from '../lua/compile-statement.ts'
import { SyntaxFailure } from '../lua/lexer.ts'
import type { LuaFunction } from '../lua/values.ts'

/** What error texts call every script. */
export const CHUNK = 'user_script'
/** Programs kept, and the bytes of their texts. */
const KEPT = 1_000
const KEPT_BYTES = 16 * 1024 * 1024

export interface CompiledScript {
  readonly sha: string
  /** Null when it does not compile. */
  readonly program: LuaFunction | null
  /** Why it does not compile; '' when it does. */
  readonly failure: string
  /** It says of itself that it writes nothing (a first line with flags=no-writes). */
  readonly isReadOnly: boolean
}

const kept = new Map<string, CompiledScript>()
let keptBytes = 0

export function compiledScript(source: Buffer): CompiledScript {
  const text = source.toString('latin1')
  const known = kept.get(text)
  if (known !== undefined) return known
  const script = compile(source, text)
  kept.set(text, script)
  keptBytes += text.length
  for (const oldest of kept.keys()) {
    if (kept.size <= KEPT && keptBytes <= KEPT_BYTES) break
    kept.delete(oldest)
    keptBytes -= oldest.length
  }
  return script
}

/** Programs that this process keeps. */
export function keptScripts(): number {
  return kept.size
}

/** Drops them all: SCRIPT FLUSH, after which nobody can name them. */
export function dropKeptScripts(): void {
  kept.clear()
  keptBytes = 0
}

function compile(source: Buffer, text: string): CompiledScript {
  const sha = sha1Hex(source)
  const shebang = parseShebang(text)
  if (typeof shebang === 'string') return { sha, program: null, failure: shebang, isReadOnly: false }
  const { isReadOnly, body } = shebang
  try {
    return { sha, program: compileProgram(body, CHUNK), failure: '', isReadOnly }
  } catch (error) {
    if (!(error instanceof SyntaxFailure)) throw error
    const failure = `Error compiling script (new function): ${error.message}`
    return { sha, program: null, failure, isReadOnly }
  }
}

const FLAGS = ['no-writes', 'allow-oom', 'allow-stale', 'no-cluster', 'allow-cross-slot-keys']

/** The first line '#!lua flags=…': what it says and the text behind it, or what is wrong with it. */
function parseShebang(text: string): { isReadOnly: boolean; body: string } | string {
  if (!text.startsWith('#!')) return { isReadOnly: false, body: text }
  const end = text.indexOf('\n')
  if (end < 0) return 'Invalid script shebang'
  const [engine, ...options] = text
    .slice(0, end)
    .split(' ')
    .filter((word) => word !== '')
  if (engine !== '#!lua') return `Unexpected engine in script shebang: ${engine}`
  let isReadOnly = false
  for (const option of options) {
    if (!option.startsWith('flags=')) return `Unknown lua shebang option: ${option}`
    for (const flag of option.slice('flags='.length).split(',')) {
      if (flag !== '' && !FLAGS.includes(flag)) return `Unexpected flag in script shebang: ${flag}`
      if (flag === 'no-writes') isReadOnly = true
    }
  }
  return { isReadOnly, body: text.slice(end) }
}
