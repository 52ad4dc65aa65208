/**
 * Where every retained entry of one group lies: index -> size, offset, segment. Eight bytes per entry in
 * typed arrays, because a log of small entries has millions of them. Invariant: holds exactly [first, last],
 * no gaps.
 */
import { assert, must } from '../../lib/assert.ts'
import { Runs } from './runs.ts'

const CHUNK_ENTRIES = 512

interface Chunk {
  readonly sizes: Uint32Array
  readonly offsets: Uint32Array
  /** Bytes of all entries before slot 0, since the index began: differences of positions are sizes. */
  readonly position: number
}

export class EntryIndex {
  /** The first retained index; last + 1 when nothing is retained. */
  #first = 1
  #last = 0
  /** The index of slot 0 of the first chunk. */
  #origin = 1
  #chunks: Chunk[] = []
  /** Positions of the first retained entry and of the end. */
  #start = 0
  #end = 0
  readonly #segments = new Runs()

  get first(): number {
    return this.#first
  }

  get last(): number {
    return this.#last
  }

  /** Bytes of all retained entries. */
  get bytes(): number {
    return this.#end - this.#start
  }

  /** Forgets everything; the next entry has index `next`. */
  reset(next: number): void {
    this.#chunks = []
    this.#segments.clear()
    this.#first = next
    this.#last = next - 1
    this.#origin = next
    this.#start = 0
    this.#end = 0
  }

  /** Adds entry last + 1, not yet placed. */
  push(size: number): void {
    const slot = this.#last + 1 - this.#origin
    if (slot === this.#chunks.length * CHUNK_ENTRIES) {
      const sizes = new Uint32Array(CHUNK_ENTRIES)
      this.#chunks.push({ sizes, offsets: new Uint32Array(CHUNK_ENTRIES), position: this.#end })
    }
    const chunk = this.#chunk(this.#last + 1)
    chunk.sizes[slot % CHUNK_ENTRIES] = size
    chunk.offsets[slot % CHUNK_ENTRIES] = 0
    this.#end += size
    this.#last++
  }

  /**
   * Says where `index` lies. Called in log order: a later call for the same index replaces the earlier one.
   */
  place(index: number, segment: number, offset: number): void {
    assert(index >= this.#first && index <= this.#last, 'A placed entry is retained')
    this.#chunk(index).offsets[(index - this.#origin) % CHUNK_ENTRIES] = offset
    this.#segments.set(index, segment)
  }

  size(index: number): number {
    return this.#chunk(index).sizes[(index - this.#origin) % CHUNK_ENTRIES] as number
  }

  /** Offset of an entry in its segment; 0 until it is placed. */
  offset(index: number): number {
    return this.#chunk(index).offsets[(index - this.#origin) % CHUNK_ENTRIES] as number
  }

  /** The segment of a placed entry; for one not yet placed a lower bound; -1 when nothing was placed. */
  segment(index: number): number {
    return this.#segments.at(index)
  }

  /** The first index after `index` that lies in another segment. */
  endOfSegment(index: number): number {
    return this.#segments.endOfRun(index)
  }

  /** Forgets `from` and everything after it. */
  truncate(from: number): void {
    assert(from >= this.#first, 'A truncation keeps what is compacted')
    while (this.#last >= from) {
      this.#end -= this.size(this.#last)
      this.#last--
    }
    this.#segments.truncate(from)
    const chunks = Math.ceil((this.#last + 1 - this.#origin) / CHUNK_ENTRIES)
    this.#chunks.length = Math.min(this.#chunks.length, chunks)
  }

  /** Forgets everything before `index` (at most last + 1). */
  dropBefore(index: number): void {
    assert(index <= this.#last + 1, 'A compaction ends within the log')
    while (this.#first < index) {
      this.#start += this.size(this.#first)
      this.#first++
    }
    const chunks = Math.floor((this.#first - this.#origin) / CHUNK_ENTRIES)
    this.#chunks.splice(0, chunks)
    this.#origin += chunks * CHUNK_ENTRIES
    this.#segments.dropBefore(index)
  }

  /** Bytes of the retained entries from `index` on. */
  bytesSince(index: number): number {
    if (index <= this.#first) return this.bytes
    if (index > this.#last) return 0
    const chunk = this.#chunk(index)
    let position = chunk.position
    const slots = (index - this.#origin) % CHUNK_ENTRIES
    for (let slot = 0; slot < slots; slot++) position += chunk.sizes[slot] as number
    return this.#end - position
  }

  #chunk(index: number): Chunk {
    return must(this.#chunks[Math.floor((index - this.#origin) / CHUNK_ENTRIES)], 'index chunk')
  }
}
