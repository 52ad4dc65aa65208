/** The applier: order, misses (R2), reads ahead of a write of the same connection (R3), slices and waiting. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commandTable } from '../engine/command-table.ts'
import { KvEngine } from '../engine/engine.ts'
import { ENGINE_LEVEL } from '../engine/level.ts'
import { isTooNew } from '../engine/too-new.ts'
import { must } from '../lib/assert.ts'
import { codedError } from '../lib/coded-error.ts'
import { SeededRandom } from '../lib/random.ts'
import { encodeCommand } from '../protocol/commands.ts'
import { type Entry, EntryKind, encodeEntry } from '../protocol/entry.ts'
import { encodeRun, encodeStamp } from '../protocol/runs.ts'
import type { LogGroup } from '../storage/log/types.ts'
import type { Store } from '../storage/store/types.ts'
import { MapStore } from '../testing/storage/map-store.ts'
import { Applier } from './applier.ts'
import type { PendingRead } from './clients/pending.ts'
import { EffectsHub } from './effects-hub.ts'

const SESSION = 1
const STAMP_MS = 1_000

function set(key: string, value: string): Buffer {
  const { code } = must(commandTable.get('set'), 'SET')
  return encodeCommand(code, 0, [Buffer.from(key), Buffer.from(value)])
}

function increment(key: string): Buffer {
  return encodeCommand(must(commandTable.get('incr'), 'INCR').code, 0, [Buffer.from(key)])
}

function fixture(missShare = 0) {
  const rows = new MapStore({ random: new SeededRandom(7), missShare })
  const engine = new KvEngine(rows)
  engine.raiseLevel(ENGINE_LEVEL)
  engine.openSession(SESSION, 5, 'boot')
  const effects = new EffectsHub(engine)
  const entries: Entry[] = []
  const deferred: (() => void)[] = []
  const happened: string[] = []
  const state = {
    readsBefore: new Map<number, PendingRead[]>(),
    mustWait: false,
    onDisk: false,
    replaced: false,
    sequence: 1,
    nowMs: 0,
  }
  const store = {
    endEntry: (index: number) => happened.push(`end ${index}`),
    fetch: (keys: readonly string[], done: (error: null, pin: { release(): void }) => void) => {
      happened.push('fetch')
      deferred.push(() => {
        rows.fetch(keys)
        done(null, { release: () => rows.release() })
      })
    },
  } as unknown as Store
  const log = {
    entries: (low: number, high: number) => (state.onDisk ? 'pending' : entries.slice(low - 1, high - 1)),
    read: (low: number, high: number, _: number, done: (error: Error | null, found: Entry[]) => void) =>
      deferred.push(() => {
        if (state.replaced) done(codedError('COMPACTED', 'entry 1 is gone'), [])
        else done(null, entries.slice(low - 1, high - 1))
      }),
  } as unknown as LogGroup
  const applier = new Applier({
    clock: {
      monotonicMs: () => state.nowMs,
      wallMs: () => 0,
      setTimer: () => ({ cancel() {} }),
      defer: (fn) => deferred.push(fn),
    },
    engine,
    store,
    log,
    effects,
    authorOf: (sequence) => ({ id: sequence, closed: false, lastWrite: 0 }),
    ownSession: () => SESSION,
    readsBefore: (sequence) => state.readsBefore.get(sequence) ?? null,
    serveRead: (read, resume) => {
      happened.push('read')
      if (read.nowMs === 0) return true
      deferred.push(resume)
      return false
    },
    resolve: (sequence, reply) => happened.push(`${sequence} ${reply.toString().trim()}`),
    applyOther: (entry) => happened.push(`other ${entry.index}`),
    onApplied: () => {},
    mustWait: () => state.mustWait,
    onFatal: (error) => {
      if (!isTooNew(error)) assert.fail(error)
      happened.push('fatal')
    },
  })
  const append = (...commands: Buffer[]): void => {
    const run = encodeRun({ session: SESSION, firstSequence: state.sequence, floor: 1 }, commands)
    state.sequence += commands.length
    const chunks = [encodeStamp(STAMP_MS), run]
    entries.push(encodeEntry(0, 1, entries.length + 1, EntryKind.commands, chunks))
  }
  /** Runs what was put off until nothing is left. */
  const settle = (): void => {
    for (let fn = deferred.shift(); fn !== undefined; fn = deferred.shift()) fn()
  }
  return { applier, effects, entries, happened, state, deferred, append, settle, rows }
}

const read = { done: () => {}, nowMs: 0 } as unknown as PendingRead

test('effects are told before the reply, once, with the session that gave the command', () => {
  const { applier, append, happened, effects, settle } = fixture(1)
  const stop = effects.listen({
    effects: ({ changes }, author) => happened.push(`effects ${changes.length} of ${author?.id}`),
    reset: () => happened.push('reset'),
  })
  append(set('a', '1'), increment('a'))
  applier.advance(1)
  settle()
  stop()
  append(increment('a'))
  applier.advance(2)
  settle()
  assert.deepEqual(
    happened.filter((line) => line !== 'fetch'),
    ['effects 1 of 1', '1 +OK', 'effects 1 of 2', '2 :2', 'end 1', '3 :3', 'end 2'],
  )
})

test('commands are applied and answered in order, entries end in order', () => {
  const { applier, append, happened } = fixture()
  append(set('a', '1'), increment('a'))
  append(increment('a'))
  applier.advance(2)
  assert.deepEqual(happened, ['1 +OK', '2 :2', 'end 1', '3 :3', 'end 2'])
  assert.equal(applier.index, 2)
})

test('R2: a command that misses is run again after one fetch, and nothing behind it starts before', () => {
  const { applier, append, happened, settle } = fixture(1)
  append(increment('a'), increment('a'), increment('b'))
  applier.advance(1)
  assert.deepEqual(happened, ['fetch'])
  settle()
  assert.deepEqual(happened, ['fetch', '1 :1', '2 :2', '3 :1', 'end 1'])
})

test('R3: a read ahead of a write of its connection is served right before that write', () => {
  const { applier, append, happened, state } = fixture()
  append(set('a', '1'), set('a', '2'))
  state.readsBefore.set(2, [read])
  applier.advance(1)
  assert.deepEqual(happened, ['1 +OK', 'read', '2 +OK', 'end 1'])
})

test('R3: a read that has to wait for a fetch holds the write behind it', () => {
  const { applier, append, happened, state, settle } = fixture()
  const slow = { done: () => {}, nowMs: 1 } as unknown as PendingRead
  append(set('a', '1'), set('a', '2'))
  state.readsBefore.set(2, [slow])
  applier.advance(1)
  assert.deepEqual(happened, ['1 +OK', 'read'])
  slow.done = null
  settle()
  assert.deepEqual(happened, ['1 +OK', 'read', '2 +OK', 'end 1'])
})

test('a reset drops what was under way', () => {
  const { applier, append, happened, settle } = fixture(1)
  append(increment('a'))
  applier.advance(1)
  applier.reset(9)
  settle()
  assert.deepEqual(happened, ['fetch'])
  assert.equal(applier.index, 9)
})

test('R9: while a seal is due and impossible nothing is applied', () => {
  const { applier, append, happened, state } = fixture()
  append(set('a', '1'))
  state.mustWait = true
  applier.advance(1)
  assert.deepEqual(happened, [])
  state.mustWait = false
  applier.resume()
  assert.deepEqual(happened, ['1 +OK', 'end 1'])
})

test('long work is sliced: the loop gets its turn after some milliseconds', () => {
  const { applier, append, state, deferred, settle } = fixture()
  append(...Array.from({ length: 200 }, () => increment('a')))
  state.nowMs = 0
  let looks = 0
  Object.defineProperty(state, 'nowMs', { get: () => looks++ * 10 })
  applier.advance(1)
  assert.equal(applier.index, 0)
  assert.equal(deferred.length, 1)
  settle()
  assert.equal(applier.index, 1)
})

test('after every script the clock is looked at, so that a pipeline of them leaves the loop its turns', () => {
  const { applier, happened, append, settle, deferred, state } = fixture()
  let looks = 0
  Object.defineProperty(state, 'nowMs', { get: () => looks++ * 10 })
  const { code } = must(commandTable.get('eval'), 'EVAL')
  const script = encodeCommand(code, 0, [Buffer.from("return redis.call('incr', 'n')"), Buffer.from('0')])
  append(script, script, script)
  applier.advance(1)
  assert.deepEqual(happened, ['1 :1'])
  assert.equal(deferred.length, 1)
  settle()
  assert.deepEqual(happened, ['1 :1', '2 :2', '3 :3', 'end 1'])
})

test('after stop() nothing is applied, and a fetch that fails because the files are closed is no failure', () => {
  const { applier, append, happened, deferred, settle } = fixture(1)
  append(increment('a'), increment('b'))
  applier.advance(1)
  applier.stop()
  settle()
  applier.advance(1)
  applier.resume()
  assert.deepEqual([happened, deferred.length, applier.index], [['fetch'], 0, 0])
})

test('R10: entries that a snapshot replaces while they are read end nothing: applying waits for the reset', () => {
  const { applier, append, happened, state, settle } = fixture()
  append(set('a', '1'))
  state.onDisk = true
  applier.advance(1)
  state.replaced = true
  state.mustWait = true
  settle()
  assert.deepEqual([happened, applier.index], [[], 0])
  applier.reset(1)
  state.mustWait = false
  append(set('a', '2'))
  state.replaced = false
  applier.advance(2)
  settle()
  assert.deepEqual(happened, ['2 +OK', 'end 2'])
})

test('R7: a command that only a later version knows ends applying for good', () => {
  const { applier, append, happened, settle } = fixture()
  append(increment('a'), encodeCommand(9_999, 0, []), increment('a'))
  applier.advance(1)
  settle()
  applier.resume()
  assert.deepEqual(happened, ['1 :1', 'fatal'])
  assert.equal(applier.index, 0)
})
