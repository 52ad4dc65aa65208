/** Writes the log's own records into a buffer of frames: those of a batch and those that open a segment. */
import { align8 } from '../../lib/bytes.ts'
import { ENTRY_HEADER_SIZE } from '../../protocol/entry.ts'
import type { HardState, Index, Term } from '../../raft/types.ts'
import { FrameKind, HARD_STATE_SIZE, INSTALL_VOIDS, writeHardState, writeRecordHeader } from './format.ts'
import type { SlabPool } from './frame-buffer.ts'
import { FrameBuffer } from './frame-buffer.ts'
import type { Kept } from './group-state.ts'
import type { InstallRecord } from './types.ts'

const ZEROS = Buffer.alloc(8)

export class RecordWriter {
  readonly frames: FrameBuffer

  constructor(pool: SlabPool) {
    this.frames = new FrameBuffer(pool)
  }

  hardState(group: number, state: HardState): void {
    const at = this.frames.reserve(HARD_STATE_SIZE)
    writeHardState(this.frames.slab, at, group, state)
  }

  compaction(group: number, index: Index, term: Term): void {
    this.#header(FrameKind.compaction, 0, group, term, index, 0)
  }

  installed(group: number, index: Index): void {
    this.#header(FrameKind.installed, 0, group, 0, index, 0)
  }

  engineLevel(level: number): void {
    this.#header(FrameKind.engineLevel, 0, 0, 0, level, 0)
  }

  /** `voids`: at this point of the log the entries before are void, because it did not hold (index, term). */
  install(group: number, record: InstallRecord, voids: boolean): void {
    const size = record.manifest.length
    this.#header(FrameKind.install, voids ? INSTALL_VOIDS : 0, group, record.term, record.index, size)
    this.frames.add(record.manifest)
    const padding = align8(size) - size
    if (padding > 0) this.frames.add(ZEROS.subarray(0, padding))
  }

  /** What a new segment repeats about a group, so that nothing in older segments but entries is needed. */
  kept(group: number, kept: Kept): void {
    this.hardState(group, kept.hardState)
    this.compaction(group, kept.compactIndex, kept.compactTerm)
    if (kept.install !== null) this.install(group, kept.install, false)
  }

  #header(kind: number, flags: number, group: number, term: Term, index: Index, payloadBytes: number): void {
    const at = this.frames.reserve(ENTRY_HEADER_SIZE)
    writeRecordHeader(this.frames.slab, at, { kind, flags, group, term, index, payloadBytes })
  }
}
