/** The origin: order, holding, resending and the outcomes it may report (R13, R14, R15). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeCommand } from '../../protocol/commands.ts'
import { decodeRunHeader } from '../../protocol/runs.ts'
import type { Result } from '../execute.ts'
import { decodeForwardHeader, FORWARD_HEADER_SIZE } from '../frames.ts'
import { Origin } from './origin.ts'
import type { ClientSession, PendingWrite } from './pending.ts'

interface Sent {
  leader: number
  stream: number
  frame: number
  runs: { first: number; count: number; floor: number }[]
}

function fixture() {
  const sent: Sent[] = []
  const state = { quorum: true, accept: true }
  const origin = new Origin({
    send: (leader, chunks) => {
      if (!state.accept) return false
      const payload = Buffer.concat(chunks)
      const header = decodeForwardHeader(payload)
      const runs = []
      for (let at = FORWARD_HEADER_SIZE; at < payload.length; ) {
        const run = decodeRunHeader(payload, at)
        runs.push({ first: run.firstSequence, count: run.count, floor: run.floor })
        at = run.end
      }
      sent.push({ leader, ...header, runs })
      return true
    },
    hasQuorum: () => state.quorum,
    unblocked: () => {},
  })
  const answers: (Result | null)[] = []
  const errors = (): (string | null)[] =>
    answers.map((answer) => (answer === null ? 'waiting' : answer.error))
  const write = (deadlineMs = 1_000, session: ClientSession | null = null): PendingWrite => {
    const place = answers.push(null) - 1
    return {
      session,
      encoded: encodeCommand(1, 0, [Buffer.from(`value-${place}`)]),
      deadlineMs,
      done: (result) => {
        assert.equal(answers[place], null, 'a write is answered once')
        answers[place] = result
      },
      sequence: 0,
      readsBefore: null,
      readsAfter: null,
      previous: null,
    }
  }
  const ready = (): void => {
    origin.setLeader(7)
    origin.sessionOpened(42)
  }
  return { origin, sent, state, answers, errors, write, ready }
}

const OK = Buffer.from('+OK\r\n')

test('R13: writes are numbered when forwarded, in the order of submission', () => {
  const { origin, sent, write, ready } = fixture()
  origin.submit(write())
  origin.submit(write())
  origin.flush(0)
  assert.equal(sent.length, 0, 'nothing leaves without leader and session')
  ready()
  origin.flush(0)
  origin.submit(write())
  origin.flush(0)
  assert.deepEqual(sent, [
    { leader: 7, stream: 1, frame: 0, runs: [{ first: 1, count: 2, floor: 1 }] },
    { leader: 7, stream: 1, frame: 1, runs: [{ first: 3, count: 1, floor: 1 }] },
  ])
})

test('R14: after a refusal everything unresolved is sent again in order before anything newer', () => {
  const { origin, sent, answers, write, ready } = fixture()
  ready()
  for (let i = 0; i < 3; i++) origin.submit(write())
  origin.flush(0)
  origin.resolve(2, OK, 10, 0)
  origin.refused(1)
  origin.submit(write())
  origin.flush(1)
  assert.equal(sent.length, 1)
  origin.tick(1)
  origin.flush(1)
  assert.deepEqual(sent.slice(1), [
    {
      leader: 7,
      stream: 2,
      frame: 0,
      runs: [
        { first: 1, count: 1, floor: 1 },
        { first: 3, count: 1, floor: 1 },
      ],
    },
    { leader: 7, stream: 2, frame: 1, runs: [{ first: 4, count: 1, floor: 1 }] },
  ])
  assert.equal(answers[1]?.error, null)
})

test('R15: after a refusal one more attempt per tick is made, and one at once when the leader changes', () => {
  const { origin, sent, write, ready } = fixture()
  ready()
  origin.submit(write())
  origin.flush(0)
  for (let stream = 1; stream <= 2; stream++) {
    origin.refused(stream)
    origin.flush(0)
    origin.flush(0)
    assert.equal(sent.length, stream)
    origin.tick(10)
    origin.flush(10)
  }
  origin.refused(3)
  origin.setLeader(8)
  origin.flush(10)
  assert.equal(sent.length, 4)
})

test('R14: a refusal of an older stream is ignored', () => {
  const { origin, sent, write, ready } = fixture()
  ready()
  origin.submit(write())
  origin.flush(0)
  origin.setLeader(8)
  origin.flush(0)
  origin.refused(1)
  origin.flush(0)
  assert.deepEqual(
    sent.map(({ leader, stream }) => ({ leader, stream })),
    [
      { leader: 7, stream: 1 },
      { leader: 8, stream: 2 },
    ],
  )
})

test('R15: at the deadline a forwarded write is unknown, a held one is not applied', () => {
  const { origin, errors, write, ready } = fixture()
  ready()
  origin.submit(write(100))
  origin.flush(0)
  origin.setLeader(0)
  origin.submit(write(100))
  origin.tick(99)
  assert.deepEqual(errors(), ['waiting', 'waiting'])
  origin.tick(100)
  assert.deepEqual(errors(), ['UNKNOWN_OUTCOME', 'NO_LEADER'])
})

test('R15: a numbered write that no frame carried away is surely not applied', () => {
  const { origin, state, errors, sent, write, ready } = fixture()
  ready()
  origin.submit(write())
  origin.flush(0)
  state.accept = false
  origin.submit(write())
  origin.submit(write(100))
  origin.flush(1)
  origin.tick(200)
  assert.deepEqual(errors(), ['waiting', 'waiting', 'NO_LEADER'])
  state.quorum = false
  origin.tick(201)
  assert.deepEqual(errors(), ['waiting', 'NO_QUORUM', 'NO_LEADER'])
  state.accept = true
  state.quorum = true
  origin.flush(300)
  assert.deepEqual(sent.at(-1)?.runs, [{ first: 1, count: 1, floor: 1 }], 'they are never sent')
  origin.tick(1_000)
  assert.equal(errors()[0], 'UNKNOWN_OUTCOME')
})

test('R15: what was in a frame once stays unknown, also when sending it again fails', () => {
  const { origin, state, errors, write, ready } = fixture()
  ready()
  origin.submit(write(100))
  origin.flush(0)
  state.accept = false
  origin.setLeader(8)
  origin.flush(1)
  state.quorum = false
  origin.tick(2)
  assert.deepEqual(errors(), ['waiting'])
  origin.abandon()
  assert.deepEqual(errors(), ['UNKNOWN_OUTCOME'])
})

test('R13: a write answered unknown is not sent again and the floor moves past it', () => {
  const { origin, sent, write, ready } = fixture()
  ready()
  origin.submit(write(100))
  origin.submit(write(1_000))
  origin.flush(0)
  origin.tick(100)
  assert.equal(origin.floor, 2)
  origin.refused(1)
  origin.tick(100)
  origin.flush(100)
  assert.deepEqual(sent.at(-1)?.runs, [{ first: 2, count: 1, floor: 2 }])
})

test('R15: without a majority new writes and held writes are refused at once, forwarded ones are not', () => {
  const { origin, errors, state, write, ready } = fixture()
  ready()
  origin.submit(write())
  origin.flush(0)
  origin.setLeader(0)
  origin.submit(write())
  state.quorum = false
  origin.tick(1)
  origin.submit(write())
  assert.deepEqual(errors(), ['waiting', 'NO_QUORUM', 'NO_QUORUM'])
})

test('R15: a held write of a client that is gone is dropped', () => {
  const { origin, sent, write, ready } = fixture()
  const session: ClientSession = { id: 1, closed: false, lastWrite: 0, newestWrite: null, reads: [] }
  origin.submit(write(1_000, session))
  session.closed = true
  ready()
  origin.flush(0)
  assert.deepEqual(sent, [])
})

test('a frame that could not be sent breaks the stream; the next flush starts another', () => {
  const { origin, sent, state, write, ready } = fixture()
  ready()
  state.accept = false
  origin.submit(write())
  origin.flush(0)
  state.accept = true
  origin.flush(1)
  assert.equal(sent.length, 1)
  assert.deepEqual(sent[0]?.runs, [{ first: 1, count: 1, floor: 1 }])
  assert.equal(sent[0]?.frame, 0)
})

test('without progress everything unresolved is sent again', () => {
  const { origin, sent, write, ready } = fixture()
  ready()
  origin.submit(write(60_000))
  origin.flush(0)
  origin.tick(400)
  origin.flush(400)
  assert.equal(sent.length, 1)
  origin.tick(501)
  origin.flush(501)
  assert.equal(sent.length, 2)
})

test('R20: beyond its bytes the origin refuses with a retryable error', () => {
  const { origin, answers } = fixture()
  const big = (done: PendingWrite['done']): PendingWrite => ({
    session: null,
    encoded: Buffer.alloc(40 * 1024 * 1024),
    deadlineMs: 1_000,
    done,
    sequence: 0,
    readsBefore: null,
    readsAfter: null,
    previous: null,
  })
  origin.submit(big(() => {}))
  origin.submit(big((result) => answers.push(result)))
  assert.equal(answers[0]?.error, 'OVERLOADED')
})

test('R17: closing refuses what is held and lets forwarded writes resolve', () => {
  const { origin, errors, write, ready } = fixture()
  ready()
  origin.submit(write())
  origin.flush(0)
  origin.setLeader(0)
  origin.submit(write())
  origin.close()
  origin.resolve(1, OK, 5, 2)
  assert.deepEqual(errors(), [null, 'SHUTTING_DOWN'])
})
