/**
 * The bytes of a batch while it is gathered: a list of chunks. Small frames are copied side by side into
 * slabs, so that the disk gets few chunks; large ones are passed as they are. Slabs are reused once the batch
 * is durable.
 */
import { assert, must } from '../../lib/assert.ts'

const SLAB_BYTES = 64 * 1024
/** Frames up to this size are copied: about what one more chunk costs in calls. */
const COPY_BYTES_MAX = 8 * 1024
const FREE_SLABS_MAX = 64

export class SlabPool {
  readonly #free: Buffer[] = []

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES)
  }

  give(slab: Buffer): void {
    if (this.#free.length < FREE_SLABS_MAX) this.#free.push(slab)
  }
}

export class FrameBuffer {
  readonly #pool: SlabPool
  readonly #chunks: Buffer[] = []
  readonly #slabs: Buffer[] = []
  /** The part [#start, #end) of the last slab is not yet a chunk. */
  #start = 0
  #end = 0
  #bytes = 0

  constructor(pool: SlabPool) {
    this.#pool = pool
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Adds bytes that must not change until release(). */
  add(bytes: Buffer): void {
    if (bytes.length > COPY_BYTES_MAX) {
      this.#closeRun()
      this.#chunks.push(bytes)
      this.#bytes += bytes.length
      return
    }
    const at = this.reserve(bytes.length)
    bytes.copy(this.slab, at)
  }

  /** Makes room for `size` bytes; the value is where they begin in `slab`, and the caller fills them all. */
  reserve(size: number): number {
    assert(size <= SLAB_BYTES, 'A reservation fits a slab')
    if (this.#slabs.length === 0 || this.#end + size > SLAB_BYTES) this.#openSlab()
    const at = this.#end
    this.#end += size
    this.#bytes += size
    return at
  }

  /** The slab that the last reserve() was made in. */
  get slab(): Buffer {
    return must(this.#slabs.at(-1), 'slab')
  }

  /** All bytes in order. */
  chunks(): readonly Buffer[] {
    this.#closeRun()
    return this.#chunks
  }

  /** The disk is done with the chunks. */
  release(): void {
    for (const slab of this.#slabs) this.#pool.give(slab)
    this.#slabs.length = 0
    this.#chunks.length = 0
    this.#start = 0
    this.#end = 0
    this.#bytes = 0
  }

  #openSlab(): void {
    this.#closeRun()
    this.#slabs.push(this.#pool.take())
    this.#start = 0
    this.#end = 0
  }

  #closeRun(): void {
    if (this.#end > this.#start) this.#chunks.push(this.slab.subarray(this.#start, this.#end))
    this.#start = this.#end
  }
}
