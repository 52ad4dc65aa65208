/**
 * The operations that a search has put in order so far, as a bitset with a short exact name: operations are
 * numbered by invocation, so nearly all below some number are in and all above another are out, and only the
 * words between need naming.
 */

export class LinearizedSet {
  readonly #words: Uint32Array
  /** Every word below is full. */
  #firstOpen = 0

  constructor(size: number) {
    this.#words = new Uint32Array(Math.ceil(size / 32))
  }

  add(index: number): void {
    const word = index >>> 5
    this.#words[word] = (this.#words[word] as number) | (1 << (index & 31))
    while (this.#words[this.#firstOpen] === 0xffffffff) this.#firstOpen++
  }

  remove(index: number): void {
    const word = index >>> 5
    this.#words[word] = (this.#words[word] as number) & ~(1 << (index & 31))
    this.#firstOpen = Math.min(this.#firstOpen, word)
  }

  /** Equal exactly for equal sets. */
  name(): string {
    let end = this.#words.length
    while (end > this.#firstOpen && this.#words[end - 1] === 0) end--
    let name = String(this.#firstOpen)
    for (let i = this.#firstOpen; i < end; i++) name += `.${(this.#words[i] as number).toString(36)}`
    return name
  }
}
