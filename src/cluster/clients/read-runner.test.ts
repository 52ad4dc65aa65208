/** The read runner: misses, reads that wait for a tick (R12), and who is told that a read was answered. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Engine } from '../../engine/types.ts'
import type { Command } from '../../protocol/commands.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import { OK_REPLY } from '../../protocol/reply.ts'
import { MISS, type Store } from '../../storage/store/types.ts'
import type { ClientSession, PendingRead } from './pending.ts'
import { ReadRunner } from './read-runner.ts'

function fixture() {
  const answers: (ErrorCode | null)[] = []
  const ticks: number[] = []
  const fetches: (() => void)[] = []
  const state = { stampMs: 100, dueMs: Number.POSITIVE_INFINITY, missing: false }
  const engine = {
    get stampMs() {
      return state.stampMs
    },
    missedKeys: [],
    executeRead: (_: Command, nowMs: number) => {
      if (state.missing) throw MISS
      return nowMs >= state.dueMs && state.stampMs < state.dueMs
        ? { kind: 'tick' }
        : { kind: 'reply', reply: OK_REPLY }
    },
  } as unknown as Engine
  const store = {
    fetch: (_: readonly string[], done: (error: null, pin: { release(): void }) => void) =>
      fetches.push(() => done(null, { release: () => {} })),
  } as unknown as Store
  const runner = new ReadRunner({ engine, store, wantTick: (nowMs) => ticks.push(nowMs) })
  const session: ClientSession = { id: 1, closed: false, lastWrite: 0, newestWrite: null, reads: [] }
  const read = (nowMs: number): PendingRead => ({
    session,
    command: { spec: { name: 'get' } } as unknown as Command,
    consistency: 'linearizable',
    deadlineMs: 5_000,
    done: (result) => answers.push(result.error),
    after: null,
    nowMs,
  })
  return { runner, answers, ticks, fetches, state, read, session }
}

test('R12: a read of a key that is due waits for a tick, which is asked for again until it comes', () => {
  const { runner, answers, ticks, state, read } = fixture()
  state.dueMs = 150
  runner.serve(read(200))
  runner.tick(1_000, true)
  runner.tick(1_010, true)
  runner.tick(1_250, true)
  assert.deepEqual([ticks, answers], [[200, 200, 200], []])
  state.stampMs = 200
  runner.applied()
  runner.tick(2_000, true)
  assert.deepEqual([ticks.length, answers], [3, [null]])
})

test('R15: reads that wait for a tick are refused at their deadline, without a majority, and at the end', () => {
  const { runner, answers, state, read } = fixture()
  state.dueMs = 150
  runner.serve(read(200))
  runner.tick(4_999, true)
  assert.deepEqual(answers, [])
  runner.tick(5_000, true)
  runner.serve(read(200))
  runner.tick(0, false)
  runner.serve(read(200))
  runner.close()
  assert.deepEqual(answers, ['NO_LEADER', 'NO_QUORUM', 'SHUTTING_DOWN'])
})

test('R3: the applier is told once a read ahead of a write is answered, whoever answered it', () => {
  const { runner, answers, fetches, state, read } = fixture()
  state.missing = true
  const one = read(0)
  let told = 0
  runner.serve(one)
  assert.equal(
    runner.serveNow(one, () => told++),
    false,
  )
  fetches[0]?.()
  fetches[1]?.()
  assert.equal(told, 0)
  state.missing = false
  fetches[2]?.()
  fetches[3]?.()
  assert.deepEqual([answers, told], [[null], 1])
})
