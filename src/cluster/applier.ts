/**
 * The applier: runs committed, locally durable entries through the engine in log order, in slices that leave the loop
 * to others. A command that misses is fetched for and run again, and nothing behind it starts (R2). Right before a
 * write of this node's own clients it serves the reads that were ahead of it (R3); right behind it the reply is given.
 *
 * Invariants: `index` is the last fully applied entry; the store is sealed at entry boundaries only (R1).
 */

import { findCommandRow, internalCommands } from '../engine/command-table.ts'
import { isTooNew } from '../engine/too-new.ts'
import type { Engine } from '../engine/types.ts'
import { assert } from '../lib/assert.ts'
import type { ByteString } from '../lib/bytes.ts'
import type { Clock } from '../lib/clock.ts'
import { errorCode } from '../lib/coded-error.ts'
import { decodeCommand, skipCommand } from '../protocol/commands.ts'
import { type Entry, EntryKind, entryPayload } from '../protocol/entry.ts'
import { decodeRunHeader, decodeStamp, type RunHeader, STAMP_SIZE } from '../protocol/runs.ts'
import type { LogGroup } from '../storage/log/types.ts'
import { MISS, type Pin, type Store } from '../storage/store/types.ts'
import type { PendingRead } from './clients/pending.ts'
import type { EffectsHub } from './effects-hub.ts'
import type { Session } from './execute.ts'
import { decodeLevel } from './leader/engine-levels.ts'

/** A turn's share of applying, in milliseconds, and how many commands pass between looks at the clock. */
const SLICE_MS = 4
const COMMANDS_PER_LOOK = 64
/** Keys fetched ahead when a command of an entry misses. */
const PREFETCH_KEYS = 1_024
const READ_BYTES = 4 * 1024 * 1024

export interface ApplierOptions {
  readonly clock: Clock
  readonly engine: Engine
  readonly store: Store
  readonly log: LogGroup
  /** The replicated session of this process, 0 when none. */
  readonly ownSession: () => number
  readonly effects: EffectsHub
  /** The client session that gave this process's write with `sequence`; null when it is gone. */
  readonly authorOf: (sequence: number) => Session | null
  readonly readsBefore: (sequence: number) => readonly PendingRead[] | null
  /** Serves a read on the present state; false when `resume` will be called once it is answered. */
  readonly serveRead: (read: PendingRead, resume: () => void) => boolean
  readonly resolve: (sequence: number, reply: Buffer, index: number) => void
  /** Session, config and level entries; runs before the entry counts as applied. */
  readonly applyOther: (entry: Entry) => void
  /** `index` is applied: tell the core, serve reads, seal when due. Runs after each entry. */
  readonly onApplied: (index: number, term: number) => void
  /** True when the memtable must be sealed and cannot be: applying waits for resume(). */
  readonly mustWait: () => boolean
  readonly onFatal: (error: Error) => void
}

/** Where the applier stands inside a `commands` entry. */
interface Cursor {
  readonly entry: Entry
  readonly payload: Buffer
  run: RunHeader | null
  at: number
  sequence: number
  left: number
  /** The last command may have taken a while: it was a script, or may have had some inside. */
  wasLong: boolean
}

/** Commands that may run a script: the clock is looked at after each of them. */
function mayTakeLong(code: number): boolean {
  const { exec, once } = internalCommands
  return code === exec.code || code === once.code || findCommandRow(code)?.group === 'scripting'
}

export class Applier {
  readonly #options: ApplierOptions
  #index = 0
  #target = 0
  #entries: readonly Entry[] = []
  #next = 0
  #cursor: Cursor | null = null
  #pin: Pin | null = null
  /** True while something outside will call back: a fetch, a log read, a deferred slice. */
  #blocked = false
  #running = false
  #stopped = false
  #generation = 0
  /** Counters for status and tests. */
  commandsApplied = 0
  misses = 0
  /** Times that applying had to wait for the store (its memtables) or an install. */
  stalls = 0
  #isStalled = false

  constructor(options: ApplierOptions) {
    this.#options = options
  }

  get index(): number {
    return this.#index
  }

  /** True between entries. */
  get atBoundary(): boolean {
    return this.#cursor === null
  }

  /** Starts over at `index` (start of the process, or an installed snapshot): what was under way is dropped. */
  reset(index: number): void {
    this.#generation++
    this.#index = index
    this.#target = index
    this.#entries = []
    this.#next = 0
    this.#cursor = null
    this.#releasePin()
    this.#blocked = false
  }

  /** Nothing is applied any more; what is under way is dropped. */
  stop(): void {
    this.reset(this.#index)
    this.#stopped = true
    this.#blocked = true
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** Entries up to `index` may be applied. */
  advance(index: number): void {
    if (index <= this.#target) return
    this.#target = index
    this.resume()
  }

  /** Goes on after mustWait() turned false, or after anything else that may have changed. */
  resume(): void {
    if (this.#running || this.#blocked) return
    this.#running = true
    try {
      this.#run()
    } finally {
      this.#running = false
    }
  }

  #run(): void {
    const deadlineMs = this.#options.clock.monotonicMs() + SLICE_MS
    while (this.#index < this.#target && !this.#blocked) {
      if (this.#cursor === null && this.#mustWait()) return
      const entry = this.#current()
      if (entry === null) return
      if (!this.#apply(entry, deadlineMs)) return
      this.#finishEntry(entry)
      if (this.#index < this.#target && this.#options.clock.monotonicMs() >= deadlineMs) return this.#yield()
    }
  }

  #mustWait(): boolean {
    const mustWait = this.#options.mustWait()
    if (mustWait && !this.#isStalled) this.stalls++
    this.#isStalled = mustWait
    return mustWait
  }

  #finishEntry(entry: Entry): void {
    this.#cursor = null
    this.#releasePin()
    this.#next++
    this.#index = entry.index
    this.#options.store.endEntry(entry.index, entry.term)
    this.#options.onApplied(entry.index, entry.term)
  }

  /** The entry to apply next, or null when it is being read. */
  #current(): Entry | null {
    const entry = this.#entries[this.#next]
    if (entry !== undefined) return entry
    const low = this.#index + 1
    const found = this.#options.log.entries(low, this.#target + 1, READ_BYTES)
    assert(found !== 'compacted', () => `Entry ${low} was compacted before it was applied`)
    if (found !== 'pending') {
      this.#entries = found
      this.#next = 0
      return found[0] ?? null
    }
    const resume = this.#block()
    const generation = this.#generation
    this.#options.log.read(low, this.#target + 1, READ_BYTES, (error, entries) => {
      // A snapshot that is being installed has replaced the log: mustWait() holds until the reset.
      if (errorCode(error) === 'COMPACTED') return resume(() => {})
      if (error !== null) return this.#failed(error, generation)
      resume(() => {
        this.#entries = entries
        this.#next = 0
      })
    })
    return null
  }

  /** False when it has to go on later. */
  #apply(entry: Entry, deadlineMs: number): boolean {
    switch (entry.kind) {
      case EntryKind.commands:
        return this.#applyCommands(entry, deadlineMs)
      case EntryKind.tick:
        this.#options.engine.beginEntry(decodeStamp(entryPayload(entry)))
        return true
      case EntryKind.session:
      case EntryKind.config:
        this.#options.applyOther(entry)
        return true
      case EntryKind.level:
        return this.#applyLevel(entry)
      case EntryKind.empty:
        return true
    }
  }

  /** False when this program does not know the level: it was started as an older one meanwhile. */
  #applyLevel(entry: Entry): boolean {
    try {
      this.#options.engine.raiseLevel(decodeLevel(entryPayload(entry)))
    } catch (error) {
      return this.#refused(error)
    }
    this.#options.applyOther(entry)
    return true
  }

  #applyCommands(entry: Entry, deadlineMs: number): boolean {
    if (this.#cursor === null) {
      const payload = entryPayload(entry)
      this.#options.engine.beginEntry(decodeStamp(payload))
      this.#cursor = { entry, payload, run: null, at: STAMP_SIZE, sequence: 0, left: 0, wasLong: false }
    }
    const cursor = this.#cursor
    let looked = 0
    while (this.#openRun(cursor)) {
      if (!this.#applyOne(cursor)) return false
      looked += cursor.wasLong ? COMMANDS_PER_LOOK : 1
      if (looked < COMMANDS_PER_LOOK) continue
      looked = 0
      if (this.#options.clock.monotonicMs() >= deadlineMs) {
        this.#yield()
        return false
      }
    }
    return true
  }

  /** Moves to the next command; false behind the last one. */
  #openRun(cursor: Cursor): boolean {
    while (cursor.left === 0) {
      if (cursor.at >= cursor.payload.length) return false
      const run = decodeRunHeader(cursor.payload, cursor.at)
      this.#options.engine.advanceFloor(run.session, run.floor)
      cursor.run = run
      cursor.at = run.start
      cursor.sequence = run.firstSequence
      cursor.left = run.count
    }
    return true
  }

  /** One command; false when it waits for a fetch or a read ahead of it. */
  #applyOne(cursor: Cursor): boolean {
    const { engine, effects } = this.#options
    const run = cursor.run as RunHeader
    const own = run.session === this.#options.ownSession()
    if (own && !this.#serveReadsBefore(cursor.sequence)) return false
    if (effects.isOn) effects.setAuthor(own ? this.#options.authorOf(cursor.sequence) : null)
    const command = decodeCommand(cursor.payload, cursor.at)
    let reply: Buffer
    try {
      reply = engine.executeWrite(command, run.session, cursor.sequence, own)
    } catch (error) {
      if (error !== MISS) return this.#refused(error)
      this.#fetchMissed()
      return false
    }
    this.commandsApplied++
    cursor.wasLong = mayTakeLong(command.code)
    const sequence = cursor.sequence
    cursor.at = skipCommand(cursor.payload, cursor.at)
    cursor.sequence++
    cursor.left--
    if (own) this.#options.resolve(sequence, reply, cursor.entry.index)
    return true
  }

  #serveReadsBefore(sequence: number): boolean {
    const reads = this.#options.readsBefore(sequence)
    if (reads === null) return true
    for (const read of reads) {
      if (read.done === null) continue
      const resume = this.#block()
      if (!this.#options.serveRead(read, () => resume(() => {}))) return false
      this.#blocked = false
    }
    return true
  }

  #fetchMissed(): void {
    this.misses++
    const resume = this.#block()
    const generation = this.#generation
    this.#options.store.fetch(this.#keysAhead(), (error, pin) => {
      if (error !== null) return this.#failed(error, generation)
      resume(() => {
        this.#releasePin()
        this.#pin = pin
      })
    })
  }

  /** What the command that missed wants, and what the rest of its entry declares: one fetch for all of them. */
  #keysAhead(): ByteString[] {
    const { engine } = this.#options
    const keys = [...engine.missedKeys]
    const cursor = this.#cursor as Cursor
    let at = skipCommand(cursor.payload, cursor.at)
    for (let left = cursor.left - 1; left > 0 && keys.length < PREFETCH_KEYS; left--) {
      keys.push(...engine.declaredKeys(decodeCommand(cursor.payload, at)))
      at = skipCommand(cursor.payload, at)
    }
    return keys
  }

  /** The entry was written by a later version (R7): nothing behind it can be applied here. Anything else is a bug. */
  #refused(error: unknown): false {
    if (!isTooNew(error)) throw error
    this.#block()
    this.#options.onFatal(error)
    return false
  }

  /** What was dropped meanwhile may fail: its entries went, or the files are closed. */
  #failed(error: Error, generation: number): void {
    if (generation === this.#generation) this.#options.onFatal(error)
  }

  #releasePin(): void {
    this.#pin?.release()
    this.#pin = null
  }

  #yield(): void {
    const resume = this.#block()
    this.#options.clock.defer(() => resume(() => {}))
  }

  /** Blocks until the returned function is called; a reset in between makes that call void. */
  #block(): (change: () => void) => void {
    this.#blocked = true
    const generation = this.#generation
    return (change) => {
      if (generation !== this.#generation) return
      this.#blocked = false
      change()
      this.resume()
    }
  }
}
