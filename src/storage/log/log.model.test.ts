/**
 * R5, R9, R10 against a simple model: random appends, truncations, compactions and installs with crashes at
 * any moment. What is found after each crash is the state after some operation, and never before an
 * acknowledged one.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { must } from '../../lib/assert.ts'
import { type Random, SeededRandom } from '../../lib/random.ts'
import { ENTRY_HEADER_SIZE } from '../../protocol/entry.ts'
import { LogFixture, textEntry } from '../../testing/storage/log-fixture.ts'
import {
  LogModel,
  lastIndexOf,
  lastTermOf,
  type ModelEntry,
  type ModelGroup,
  observe,
  summary,
} from '../../testing/storage/log-model.ts'
import type { LogGroup } from './types.ts'

const GROUPS = 2
const SEEDS = Number(process.env.LOG_MODEL_SEEDS ?? 25)
const FIRST_SEED = Number(process.env.LOG_MODEL_SEED ?? 1)
const OPERATIONS = 250

class Run {
  readonly #random: Random
  readonly #fixture: LogFixture
  readonly #model = new LogModel(GROUPS)
  crashes = 0

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
    const segmentBytes = 8192 + 4096 * this.#random.below(4)
    const entryCacheBytes = this.#random.below(8192)
    this.#fixture = new LogFixture({ seed, segmentBytes, entryCacheBytes })
  }

  run(): void {
    this.#fixture.open()
    for (let i = 0; i < OPERATIONS; i++) this.#step()
    this.#end(() => this.#fixture.close())
  }

  #step(): void {
    const id = this.#random.below(GROUPS)
    const group = must(this.#model.state[id], 'group')
    const log = this.#fixture.log.group(id)
    const choice = this.#random.below(100)
    if (choice < 45) this.#append(id, group, log)
    else if (choice < 55) this.#compact(id, log)
    else if (choice < 58) this.#install(id, group, log)
    else if (choice < 60) this.#installed(id, group, log)
    else if (choice < 70) this.#check(log, group)
    else if (choice < 94) this.#turn()
    else this.#restart()
  }

  #turn(): void {
    this.#fixture.log.flush()
    for (let i = this.#random.below(12); i > 0; i--) this.#fixture.world.step()
  }

  #append(id: number, group: ModelGroup, log: LogGroup): void {
    const { commitIndex } = group.hardState
    const last = lastIndexOf(group)
    const isCut = last > commitIndex && this.#random.below(4) === 0
    const first = isCut ? commitIndex + 1 + this.#random.below(last - commitIndex) : last + 1
    const kept = group.entries.slice(0, first - 1 - group.compactIndex)
    const lastTerm = isCut ? (kept.at(-1)?.term ?? group.compactTerm) : lastTermOf(group)
    const term = Math.max(lastTerm, group.hardState.term, 1) + (isCut ? 1 : this.#random.below(2))
    const count = this.#random.below(4) + (isCut ? 1 : 0)
    const entries = Array.from({ length: count }, (_, i) => textEntry(term, first + i, this.#payload(), id))
    const added = entries.map((entry) => ({ term, bytes: payloadOf(entry.frame) }))
    const end = count === 0 ? last : first + count - 1
    const commit = commitIndex + this.#random.below(end - commitIndex + 1)
    const state = { term, votedFor: this.#random.below(3), commitIndex: commit }
    const withState = count === 0 || isCut || term > group.hardState.term || this.#random.below(2) === 0
    const operation = this.#model.operate(id, (next) => {
      if (count > 0) next.entries = [...kept, ...added]
      if (withState) next.hardState = state
    })
    log.append(entries, withState ? state : null, () => this.#model.acknowledged(operation))
  }

  /** Small, large, larger than a segment, or a copy of what some segment holds. */
  #payload(): Buffer {
    const choice = this.#random.below(20)
    if (choice < 14) return this.#random.bytes(this.#random.below(200))
    if (choice < 18) return this.#random.bytes(this.#random.below(3000))
    if (choice < 19) return this.#random.bytes(this.#random.below(24_000))
    const path = this.#fixture.segments().at(-1)
    const bytes = path === undefined ? null : this.#fixture.disk.peek(path)
    return (bytes ?? Buffer.alloc(0)).subarray(4096, 4096 + 8 * this.#random.below(400))
  }

  #compact(id: number, log: LogGroup): void {
    const group = must(this.#model.state[id], 'group')
    const durable = must(this.#model.durable[id], 'group')
    const limit = Math.min(durable.hardState.commitIndex, lastIndexOf(durable))
    if (limit <= group.compactIndex) return
    const index = group.compactIndex + 1 + this.#random.below(limit - group.compactIndex)
    this.#model.operate(id, (next) => {
      const dropped = next.entries.splice(0, index - next.compactIndex)
      next.compactIndex = index
      next.compactTerm = must(dropped.at(-1), 'entry').term
    })
    log.compact(index)
  }

  #install(id: number, group: ModelGroup, log: LogGroup): void {
    const last = lastIndexOf(group)
    const index = group.hardState.commitIndex + 1 + this.#random.below(last - group.hardState.commitIndex + 5)
    const held = group.entries[index - 1 - group.compactIndex]
    const isHeld = held !== undefined && this.#random.below(2) === 0
    const term = isHeld ? held.term : Math.max(lastTermOf(group), group.hardState.term) + 1
    const manifest = this.#payload()
    const state = { term: Math.max(term, group.hardState.term), votedFor: 0, commitIndex: index }
    const record = { index, term, manifest: manifest.toString('latin1') }
    const operation = this.#model.operate(id, (next) => {
      next.install = record
      next.hardState = state
      if (isHeld) return
      next.entries = []
      next.compactIndex = index
      next.compactTerm = term
    })
    log.install({ index, term, manifest }, state, () => this.#model.acknowledged(operation))
  }

  #installed(id: number, group: ModelGroup, log: LogGroup): void {
    if (group.install === null) return
    const { index } = group.install
    this.#model.operate(id, (next) => {
      next.install = null
    })
    log.installed(index)
  }

  /** The live log shows the newest state, durable or not. */
  #check(log: LogGroup, group: ModelGroup): void {
    assert.equal(log.firstIndex(), group.compactIndex + 1)
    assert.equal(log.lastIndex(), lastIndexOf(group))
    const index = group.compactIndex + this.#random.below(group.entries.length + 1)
    const term = index === group.compactIndex ? group.compactTerm : this.#modelEntry(group, index).term
    assert.equal(log.term(index), term)
    if (group.entries.length === 0) return
    const low = Math.max(index, group.compactIndex + 1)
    const found = log.entries(low, lastIndexOf(group) + 1, 2000)
    const entries = found === 'pending' ? this.#fixture.read(low, lastIndexOf(group) + 1, 2000, log) : found
    assert(entries !== 'compacted' && entries.length > 0)
    for (const [i, entry] of entries.entries()) {
      const wanted = this.#modelEntry(group, low + i)
      assert.equal(entry.index, low + i)
      assert.equal(entry.term, wanted.term)
      assert(payloadOf(entry.frame) === wanted.bytes, 'payload')
    }
  }

  #modelEntry(group: ModelGroup, index: number): ModelEntry {
    return must(group.entries[index - 1 - group.compactIndex], 'entry')
  }

  #restart(): void {
    if (this.#random.below(4) === 0) this.#fixture.disk.failNext({ operation: 'sync', path: '.seg' })
    for (let i = this.#random.below(30); i > 0; i--) this.#fixture.world.step()
    this.crashes++
    this.#end(() => {
      if (this.#random.below(3) === 0) this.#fixture.kill()
      else this.#fixture.crash()
      this.#fixture.disk.faults.clear()
      this.#fixture.fatals.length = 0
    })
  }

  #end(stop: () => void): void {
    stop()
    // Some starts are cut short too.
    while (this.#random.below(3) === 0) {
      this.#fixture.start(() => undefined)
      for (let i = this.#random.below(40); i > 0; i--) this.#fixture.world.step()
      if (this.#random.below(2) === 0) this.#fixture.kill()
      else this.#fixture.crash()
    }
    this.#fixture.open()
    const found = observe(this.#fixture.log, GROUPS, (group) => this.#readAll(group))
    assert(this.#model.recovered(found), `found ${summary(found)}\nwanted one of\n${this.#model.describe()}`)
    assert.deepEqual(this.#fixture.fatals, [])
    // What was found is durable: a loss of power at once must show the same again.
    if (this.#random.below(3) === 0) {
      this.#fixture.crash('none')
      this.#fixture.open()
      assert.deepEqual(
        observe(this.#fixture.log, GROUPS, (group) => this.#readAll(group)),
        found,
      )
    }
  }

  #readAll(group: LogGroup): ModelEntry[] {
    const out: ModelEntry[] = []
    while (group.firstIndex() + out.length <= group.lastIndex()) {
      const entries = this.#fixture.read(group.firstIndex() + out.length, group.lastIndex() + 1, 4096, group)
      for (const { term, frame } of entries) out.push({ term, bytes: payloadOf(frame) })
    }
    return out
  }
}

function payloadOf(frame: Buffer): string {
  return frame.toString('latin1', ENTRY_HEADER_SIZE, ENTRY_HEADER_SIZE + frame.readUInt32LE(0))
}

test('R5: after any crash the log shows a state between the last acknowledged and the last one', () => {
  let crashes = 0
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const run = new Run(seed)
    try {
      run.run()
    } catch (error) {
      if (error instanceof Error) error.message = `seed ${seed} (LOG_MODEL_SEED=${seed}): ${error.message}`
      throw error
    }
    crashes += run.crashes
  }
  assert(crashes > SEEDS)
})
