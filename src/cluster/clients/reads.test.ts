/** The read gate (R3): rounds, order behind writes, outcomes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command } from '../../protocol/commands.ts'
import type { ReadRequest } from '../frames.ts'
import type { ClientSession, PendingRead, PendingWrite } from './pending.ts'
import { ReadGate } from './reads.ts'

function fixture(firstRequest = 1) {
  const asked: ReadRequest[] = []
  const served: PendingRead[] = []
  const errors: (string | null)[] = []
  const state = { leader: true, quorum: true }
  const gate = new ReadGate({
    ask: (request) => {
      if (state.leader) asked.push(request)
      return state.leader
    },
    serve: (read) => served.push(read),
    hasQuorum: () => state.quorum,
    firstRequest,
  })
  const session: ClientSession = { id: 1, closed: false, lastWrite: 0, newestWrite: null, reads: [] }
  const read = (after: PendingWrite | null = null, deadlineMs = 1_000): PendingRead => ({
    session,
    command: {} as Command,
    consistency: 'linearizable',
    deadlineMs,
    done: (result) => errors.push(result.error),
    after,
    nowMs: 0,
  })
  return { gate, asked, served, errors, state, session, read }
}

test('R3: a read joins the round that leaves after it was queued, never one on its way', () => {
  const { gate, asked, served, read } = fixture()
  const first = read()
  gate.submit(first)
  gate.flush(0)
  const second = read()
  gate.submit(second)
  gate.confirmed({ request: 1, index: 5, stampMs: 77 }, 5)
  assert.deepEqual(served, [first])
  gate.flush(0)
  assert.deepEqual(
    asked.map((request) => request.request),
    [1, 2],
  )
  gate.confirmed({ request: 2, index: 5, stampMs: 78 }, 5)
  assert.deepEqual(served, [first, second])
  assert.equal(first.nowMs, 77)
})

test('R3: a confirmed read waits until its index is applied here', () => {
  const { gate, served, read } = fixture()
  gate.submit(read())
  gate.flush(0)
  gate.confirmed({ request: 1, index: 9, stampMs: 0 }, 8)
  gate.applied(8)
  assert.equal(served.length, 0)
  gate.applied(9)
  assert.equal(served.length, 1)
})

test('R3: a read behind an unresolved write of its connection is left to that write', () => {
  const { gate, served, read } = fixture()
  const write = { done: () => {}, readsAfter: null } as unknown as PendingWrite
  const waiting = read(write)
  gate.submit(waiting)
  gate.flush(0)
  gate.confirmed({ request: 1, index: 1, stampMs: 0 }, 1)
  assert.equal(served.length, 0)
  assert.deepEqual(write.readsAfter, [waiting])
})

test('R3: after a change of leader a round is asked again under a new number; the old answer is ignored', () => {
  const { gate, asked, served, read } = fixture()
  gate.submit(read())
  gate.flush(0)
  gate.restart()
  gate.flush(0)
  gate.confirmed({ request: 1, index: 1, stampMs: 0 }, 1)
  assert.equal(served.length, 0)
  gate.confirmed({ request: 2, index: 1, stampMs: 0 }, 1)
  assert.equal(served.length, 1)
  assert.equal(asked.length, 2)
})

test('a round without an answer is asked again', () => {
  const { gate, asked, read } = fixture()
  gate.submit(read())
  gate.flush(0)
  gate.tick(251)
  gate.flush(251)
  assert.equal(asked.length, 2)
})

test('R12: a wanted tick travels with the next round, once', () => {
  const { gate, asked } = fixture()
  gate.wantTick(500)
  gate.flush(0)
  gate.flush(0)
  assert.deepEqual(asked, [{ request: 1, tickMs: 500 }])
})

test('R15: without a majority reads are refused at once, at their deadline they are not applied', () => {
  const { gate, errors, state, read } = fixture()
  state.leader = false
  gate.submit(read(null, 100))
  gate.flush(0)
  gate.tick(100)
  gate.submit(read())
  state.quorum = false
  gate.tick(101)
  gate.submit(read())
  assert.deepEqual(errors, ['NO_LEADER', 'NO_QUORUM', 'NO_QUORUM'])
})

test('R3: an answer meant for an earlier process of this node confirms nothing', () => {
  const { gate, asked, served, read } = fixture(0xffff_ffff)
  gate.submit(read())
  gate.flush(0)
  gate.confirmed({ request: 1, index: 3, stampMs: 0 }, 3)
  assert.equal(served.length, 0)
  gate.submit(read())
  gate.flush(0)
  assert.deepEqual(
    asked.map((request) => request.request),
    [0xffff_ffff, 0],
  )
})

test('R20: confirmed rounds whose reads were all refused are forgotten, although nothing is applied', () => {
  const { gate, errors, read } = fixture()
  for (let request = 1; request <= 3; request++) {
    gate.submit(read(null, request * 100))
    gate.flush(0)
    gate.confirmed({ request, index: 9, stampMs: 0 }, 8)
  }
  assert.equal(gate.waiting, 3)
  gate.tick(200)
  assert.deepEqual([gate.waiting, errors.length], [1, 2])
})
