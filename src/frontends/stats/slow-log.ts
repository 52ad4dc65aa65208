/**
 * SLOWLOG: the newest commands whose execution took longer than a threshold. Bounded in entries, words and bytes,
 * as Redis' own; secrets are not kept.
 */
import { showableWords } from '../security/secrets.ts'

/** Words of a command and bytes of a word that are kept, as Redis. */
const WORDS = 32
const WORD_BYTES = 128

export interface SlowEntry {
  readonly id: number
  /** Wall clock seconds when it was answered. */
  readonly atSeconds: number
  /** How long the engine worked on it. */
  readonly micros: number
  readonly words: readonly Buffer[]
  readonly peer: string
  readonly clientName: string
}

export class SlowLog {
  /** Newest first. */
  readonly #entries: SlowEntry[] = []
  #nextId = 0
  /** Entries kept; slowlog-max-len. */
  #lengthMax = 128

  get entries(): readonly SlowEntry[] {
    return this.#entries
  }

  get lengthMax(): number {
    return this.#lengthMax
  }

  set lengthMax(value: number) {
    this.#lengthMax = value
    if (this.#entries.length > value) this.#entries.length = value
  }

  /** `name` is that of the command's row, 'container|sub' for a subcommand; `args` are without it. */
  add(name: string, args: readonly Buffer[], facts: Omit<SlowEntry, 'id' | 'words'>): void {
    if (this.#lengthMax === 0) return
    this.#entries.unshift({ ...facts, id: this.#nextId++, words: trimmed(showableWords(name, args)) })
    if (this.#entries.length > this.#lengthMax) this.#entries.length = this.#lengthMax
  }

  clear(): void {
    this.#entries.length = 0
  }
}

/** Copies: views would keep whole requests in memory. */
function trimmed(words: readonly Buffer[]): Buffer[] {
  const kept = words.slice(0, words.length > WORDS ? WORDS - 1 : WORDS).map(trimmedWord)
  if (words.length > WORDS) kept.push(Buffer.from(`... (${words.length - WORDS + 1} more arguments)`))
  return kept
}

function trimmedWord(word: Buffer): Buffer {
  if (word.length <= WORD_BYTES) return Buffer.from(word)
  const more = Buffer.from(`... (${word.length - WORD_BYTES} more bytes)`)
  return Buffer.concat([word.subarray(0, WORD_BYTES), more])
}
