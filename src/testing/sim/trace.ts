/**
 * What happened last in a simulated world (a bounded ring, for printing) and a rolling hash of all that
 * happened (for comparing two runs of one seed).
 */

const FNV_PRIME = 0x01000193

export class SimTrace {
  readonly #capacity: number
  readonly #times: Float64Array
  readonly #names: string[]
  readonly #labels: string[]
  #recorded = 0
  #low = 0x811c9dc5
  #high = 0x9e3779b9
  readonly #labelHashes = new Map<string, number>()
  readonly #float = new Float64Array(1)
  readonly #words = new Uint32Array(this.#float.buffer)

  /** `capacity` >= 1: events kept for printing. */
  constructor(capacity: number) {
    this.#capacity = capacity
    this.#times = new Float64Array(capacity)
    this.#names = new Array<string>(capacity).fill('')
    this.#labels = new Array<string>(capacity).fill('')
  }

  record(time: number, processId: number, name: string, label: string): void {
    const slot = this.#recorded++ % this.#capacity
    this.#times[slot] = time
    this.#names[slot] = name
    this.#labels[slot] = label
    this.#float[0] = time
    this.mix(this.#words[0] as number)
    this.mix(this.#words[1] as number)
    this.mix(this.#hashOf(label) + processId)
  }

  /** Folds 32 bits into the hash. */
  mix(value: number): void {
    this.#low = Math.imul(this.#low ^ value, FNV_PRIME)
    this.#high = (Math.imul(this.#high, 31) + (this.#low ^ (value >>> 7))) | 0
  }

  /** 16 hexadecimal digits. */
  hash(): string {
    return hex(this.#high) + hex(this.#low)
  }

  /** The newest `count` lines, oldest first. */
  lines(count: number): string[] {
    const kept = Math.min(count, this.#capacity, this.#recorded)
    const out: string[] = []
    for (let i = this.#recorded - kept; i < this.#recorded; i++) {
      const slot = i % this.#capacity
      const time = (this.#times[slot] as number).toFixed(3).padStart(12)
      out.push(`${time} ${(this.#names[slot] ?? '').padEnd(8)} ${this.#labels[slot]}`)
    }
    return out
  }

  /** Labels are few; a note's text is hashed each time and not kept. */
  #hashOf(label: string): number {
    let hash = this.#labelHashes.get(label)
    if (hash === undefined) {
      hash = hashText(label)
      if (this.#labelHashes.size < 10_000) this.#labelHashes.set(label, hash)
    }
    return hash
  }
}

/** FNV-1a of the text's code units. */
function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME)
  return hash >>> 0
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}
