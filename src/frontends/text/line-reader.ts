/**
 * Cuts lines out of received bytes, however they are cut into packets. Keeps one unfinished line in a buffer that
 * doubles, so that a sender of single bytes costs no more than a sender of large ones.
 */
const LF = 0x0a
const FIRST_BYTES = 256
/** Lines up to this size are copied: a held command must not keep the whole packet it came in. */
const COPY_BYTES = 4 * 1024

export class LineReader {
  readonly #chunks: Buffer[] = []
  /** Where the unread bytes of the first chunk begin. */
  #at = 0
  #line: Buffer = Buffer.alloc(0)
  #length = 0

  /** Bytes of the unfinished line that next() has looked at. */
  get pendingBytes(): number {
    return this.#length
  }

  push(chunk: Buffer): void {
    if (chunk.length > 0) this.#chunks.push(chunk)
  }

  /** The next line without its LF, or null when none is complete. */
  next(): Buffer | null {
    for (let chunk = this.#chunks[0]; chunk !== undefined; chunk = this.#chunks[0]) {
      const end = chunk.indexOf(LF, this.#at)
      const part = chunk.subarray(this.#at, end < 0 ? chunk.length : end)
      this.#at = end < 0 ? chunk.length : end + 1
      if (this.#at === chunk.length) {
        this.#chunks.shift()
        this.#at = 0
      }
      if (end >= 0) return this.#finish(part)
      this.#append(part)
    }
    return null
  }

  /** Takes the unfinished line: what stood behind the last LF when the sender ended. */
  takeRest(): Buffer {
    return this.#finish(Buffer.alloc(0))
  }

  #finish(part: Buffer): Buffer {
    if (this.#length === 0) return part.length <= COPY_BYTES ? Buffer.from(part) : part
    this.#append(part)
    const line = this.#line.subarray(0, this.#length)
    this.#line = Buffer.alloc(0)
    this.#length = 0
    return line
  }

  #append(part: Buffer): void {
    const wanted = this.#length + part.length
    if (wanted > this.#line.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(wanted, 2 * this.#line.length, FIRST_BYTES))
      this.#line.copy(larger, 0, 0, this.#length)
      this.#line = larger
    }
    part.copy(this.#line, this.#length)
    this.#length = wanted
  }
}
