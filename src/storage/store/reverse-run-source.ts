/** One sorted run of tables from its highest key down, for listings in reverse. */
import type { ByteString } from '../../lib/bytes.ts'
import type { Block } from './block.ts'
import type { BlockReader } from './state.ts'
import type { Run, TablePart } from './version.ts'

export class ReverseRunSource {
  readonly age: number
  key: ByteString = ''
  readonly #run: Run
  readonly #read: BlockReader
  #part = -1
  #blockIndex = 0
  #block: Block | null = null
  #position = 0

  constructor(age: number, run: Run, read: BlockReader) {
    this.age = age
    this.#run = run
    this.#read = read
  }

  /** Stands on the last visible key below `bound` (null = no bound); false when there is none. */
  seek(bound: ByteString | null): boolean {
    const { parts } = this.#run
    this.#part = parts.length - 1
    while (bound !== null && this.#part >= 0 && (parts[this.#part] as TablePart).start >= bound) this.#part--
    if (this.#part < 0) return false
    const { table } = parts[this.#part] as TablePart
    const isAbove = bound === null || bound > table.info.largest
    this.#blockIndex = isAbove ? table.blockCount - 1 : table.findBlock(bound)
    this.#block = this.#read(table, this.#blockIndex)
    this.#position = isAbove ? this.#block.count : this.#block.seek(bound)
    return this.next()
  }

  /** Moves down; false when nothing is left. */
  next(): boolean {
    for (;;) {
      const { table, lower } = this.#run.parts[this.#part] as TablePart
      if (--this.#position < 0 && --this.#blockIndex >= 0) {
        this.#block = this.#read(table, this.#blockIndex)
        this.#position = this.#block.count - 1
      }
      if (this.#position >= 0) {
        this.key = (this.#block as Block).key(this.#position)
        if (this.key >= lower) return true
      }
      if (!this.#enterLast(this.#part - 1)) return false
    }
  }

  version(): number {
    return (this.#block as Block).version(this.#position)
  }

  value(): Buffer | null {
    return (this.#block as Block).value(this.#position)
  }

  /** Behind the last record of a part. */
  #enterLast(part: number): boolean {
    this.#part = part
    if (part < 0) return false
    const { table } = this.#run.parts[part] as TablePart
    this.#blockIndex = table.blockCount - 1
    this.#block = this.#read(table, this.#blockIndex)
    this.#position = this.#block.count
    return true
  }
}
