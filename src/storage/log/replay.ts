/**
 * From valid batches to the state of each group. Decides what every frame means at a start; it must agree
 * with what the live log does when it writes the frame. Damage cannot reach it (the batches are checksummed),
 * so whatever does not fit is reported as corruption of the batch it stands in.
 */
import { must } from '../../lib/assert.ts'
import { readU32, readU64 } from '../../lib/bytes.ts'
import { ENTRY_HEADER_SIZE, isEntryKind } from '../../protocol/entry.ts'
import { LogError } from './errors.ts'
import type { FrameView } from './format.ts'
import { FrameKind, INSTALL_VOIDS, readFrame } from './format.ts'
import { GroupState } from './group-state.ts'

export class Replay {
  readonly groups = new Map<number, GroupState>()
  engineLevel = 1
  #path = ''
  #segment = 0

  /** Frames that follow lie in this segment. */
  enter(path: string, segment: number, engineLevel: number): void {
    this.#path = path
    this.#segment = segment
    this.engineLevel = Math.max(this.engineLevel, engineLevel)
  }

  /** Applies the frames in [start, end) of a segment's bytes: a valid batch without its commit frame. */
  batch(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end; ) {
      const frame = readFrame(bytes, at)
      if (isEntryKind(frame.kind)) this.#entry(frame, at)
      else this.#record(frame, bytes, at)
      at += frame.size
    }
  }

  /** Checks what only the whole log shows. */
  finish(): void {
    for (const group of this.groups.values()) {
      const { entries, compactIndex, hardState } = group
      if (entries.first !== compactIndex + 1) {
        const missing = `entries ${compactIndex + 1} to ${entries.first - 1} of group ${group.id} are missing`
        throw this.#corrupt(0, missing)
      }
      if (hardState.commitIndex > entries.last) {
        const { commitIndex } = hardState
        throw this.#corrupt(0, `group ${group.id} ends at ${entries.last}, but ${commitIndex} was committed`)
      }
      // The commit index is written lazily; what was compacted had been committed.
      if (hardState.commitIndex < compactIndex) group.hardState = { ...hardState, commitIndex: compactIndex }
    }
  }

  #group(id: number): GroupState {
    if (!this.groups.has(id)) this.groups.set(id, new GroupState(id))
    return must(this.groups.get(id), 'group')
  }

  #entry(frame: FrameView, at: number): void {
    const group = this.#group(frame.group)
    const { entries } = group
    const isEmpty = entries.last < entries.first
    if (frame.index <= group.compactIndex) {
      throw this.#corrupt(at, `entry ${frame.index} of group ${frame.group} is compacted already`)
    }
    // Entries before the oldest segment's are covered by a later compaction record (finish() checks it), be
    // it that
    // the log begins behind them, or that they replaced what it begins with.
    if ((isEmpty && frame.index > entries.last + 1) || frame.index < entries.first) group.startAt(frame.index)
    if (frame.index > entries.last + 1) {
      throw this.#corrupt(at, `entry ${frame.index} of group ${frame.group} follows entry ${entries.last}`)
    }
    group.append(frame.term, frame.index, frame.size)
    entries.place(frame.index, this.#segment, at)
  }

  #record(frame: FrameView, bytes: Buffer, at: number): void {
    const payload = at + ENTRY_HEADER_SIZE
    const group = frame.kind === FrameKind.engineLevel ? null : this.#group(frame.group)
    switch (frame.kind) {
      case FrameKind.engineLevel:
        this.engineLevel = Math.max(this.engineLevel, frame.index)
        return
      case FrameKind.hardState: {
        const votedFor = readU64(bytes, payload)
        must(group, 'group').hardState = { term: frame.term, votedFor, commitIndex: frame.index }
        return
      }
      case FrameKind.compaction:
        must(group, 'group').compact(frame.index, frame.term)
        return
      case FrameKind.installed:
        must(group, 'group').endInstall(frame.index)
        return
      case FrameKind.install: {
        const manifest = Buffer.from(bytes.subarray(payload, payload + readU32(bytes, at)))
        const record = { index: frame.index, term: frame.term, manifest }
        must(group, 'group').startInstall(record, (frame.flags & INSTALL_VOIDS) !== 0)
        return
      }
      default:
        throw this.#corrupt(at, `frame kind ${frame.kind} is not known`)
    }
  }

  #corrupt(offset: number, what: string): LogError {
    return new LogError('CORRUPT', this.#path, offset, what)
  }
}
