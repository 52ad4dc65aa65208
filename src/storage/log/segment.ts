/** One open segment file of the log. */
import type { DiskFile } from '../disk.ts'
import { SEGMENT_HEADER_SIZE } from './format.ts'

export class Segment {
  readonly file: DiskFile
  readonly number: number
  readonly salt: number
  /** Bytes of the file when it was prepared; a batch that is larger than that makes it grow. */
  readonly size: number
  /** Where the next batch goes. */
  offset = SEGMENT_HEADER_SIZE
  /** Reads in flight; the file is kept until there are none. */
  readers = 0

  constructor(file: DiskFile, number: number, salt: number, size: number) {
    this.file = file
    this.number = number
    this.salt = salt
    this.size = size
  }

  /** True when a batch of `bytes`, commit frame included, fits. */
  hasRoom(bytes: number): boolean {
    return this.offset + bytes <= this.size
  }
}
