/** Claims on the memory of answers: given back once, waited for in turn, taken from those who keep others waiting. */
import assert from 'node:assert/strict'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import type { Clock } from '../../../lib/clock.ts'
import { limits } from '../../../protocol/limits.ts'
import { AnswerShare, type Claim, LOOK_MS, STALLED_LOOKS } from './answer-share.ts'

/** Timers run when the test says so. */
class TestClock implements Clock {
  #nowMs = 0
  readonly #timers = new Set<{ dueMs: number; fn: () => void }>()

  monotonicMs(): number {
    return this.#nowMs
  }

  wallMs(): number {
    return this.#nowMs
  }

  setTimer(delayMs: number, fn: () => void): { cancel(): void } {
    const timer = { dueMs: this.#nowMs + delayMs, fn }
    this.#timers.add(timer)
    return { cancel: () => this.#timers.delete(timer) }
  }

  defer(fn: () => void): void {
    this.setTimer(0, fn)
  }

  advance(ms: number): void {
    const untilMs = this.#nowMs + ms
    for (;;) {
      const [next] = [...this.#timers]
        .filter(({ dueMs }) => dueMs <= untilMs)
        .sort((a, b) => a.dueMs - b.dueMs)
      if (next === undefined) break
      this.#timers.delete(next)
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      next.fn()
    }
    this.#nowMs = untilMs
  }

  get armed(): number {
    return this.#timers.size
  }
}

const response = (): ServerResponse => new ServerResponse(new IncomingMessage(new Socket()))

test('a claim is given back once, whoever ends the answer', () => {
  const share = new AnswerShare(new TestClock(), 100)
  const answer = response()
  const claim = share.claim(answer, 60)
  assert.equal(share.bytes, 60)
  claim?.resize(40)
  assert.equal(share.bytes, 40)
  answer.emit('close')
  claim?.release()
  answer.emit('close')
  claim?.resize(50)
  assert.deepEqual([share.bytes, claim?.bytes], [0, 0])
})

test('there is room for what fits, for one alone, and for an overdraft where it is granted', () => {
  const share = new AnswerShare(new TestClock(), 100)
  assert.equal(share.claim(response(), 500)?.bytes, 500)
  assert.ok(share.isFull)
  assert.equal(share.claim(response(), 1), null)
  const other = new AnswerShare(new TestClock(), 100)
  assert.ok(other.claim(response(), 90) !== null)
  assert.equal(other.claim(response(), 20), null)
  assert.ok(other.claim(response(), 20, 10) !== null)
  assert.equal(other.bytes, 110)
})

test('who finds no room waits in turn, and no longer than allowed', () => {
  const clock = new TestClock()
  const share = new AnswerShare(clock, 100)
  const first = share.claim(response(), 100)
  const told: string[] = []
  const claims: Claim[] = []
  const ask = (name: string, bytes: number, waitMs: number, answer = response()): void =>
    share.reserve(answer, bytes, waitMs, (claim: Claim | null) => {
      told.push(`${name} ${claim?.bytes ?? 'none'}`)
      if (claim !== null) claims.push(claim)
    })
  const gone = response()
  ask('a', 60, 1_000)
  ask('gone', 10, 1_000, gone)
  ask('b', 60, 2_000)
  ask('c', 10, 2_000)
  gone.emit('close')
  assert.equal(share.waiting, 3)
  first?.resize(50)
  assert.deepEqual(told, [])
  clock.advance(1_500)
  assert.deepEqual(told, ['a none'])
  first?.resize(40)
  assert.deepEqual(told, ['a none', 'b 60'])
  first?.release()
  assert.deepEqual(told, ['a none', 'b 60', 'c 10'])
  assert.deepEqual([share.bytes, share.waiting], [70, 0])
  for (const claim of claims) claim.release()
  clock.advance(10_000)
  assert.equal(clock.armed, 0)
})

test('only so many wait', () => {
  const share = new AnswerShare(new TestClock(), 100)
  share.claim(response(), 100)
  let refused = 0
  for (let i = 0; i < limits.httpWaitingAnswers + 5; i++) {
    share.reserve(response(), 1, 1_000, () => refused++)
  }
  assert.deepEqual([share.waiting, refused], [limits.httpWaitingAnswers, 5])
})

test('clients that take nothing are cut off for others: the longest silent first, no more than needed', () => {
  const clock = new TestClock()
  const share = new AnswerShare(clock, 100)
  const looks = (count: number): void => clock.advance(count * LOOK_MS)
  const answers = Array.from({ length: 4 }, response)
  const [deaf, other, making, slow] = answers.map((answer) => share.claim(answer, 25))
  for (const claim of [deaf, other, slow]) claim?.sent()
  looks(STALLED_LOOKS / 2)
  slow?.sent()
  let given = 0
  const ask = (): void => share.reserve(response(), 25, 60_000, () => given++)
  ask()
  looks(STALLED_LOOKS / 2 - 1)
  assert.equal(given, 0)
  looks(1)
  assert.equal(given, 1)
  assert.deepEqual(
    answers.map(({ req }) => req.socket.destroyed),
    [true, false, false, false],
  )
  ask()
  assert.deepEqual([given, other?.bytes], [2, 0])
  ask()
  looks(STALLED_LOOKS)
  assert.deepEqual([given, slow?.bytes], [3, 0])
  // One that is being made keeps nobody waiting by its silence.
  ask()
  looks(2 * STALLED_LOOKS)
  assert.deepEqual([given, making?.bytes, share.bytes], [3, 25, 100])
})

test('clients are looked at only while there is little room', () => {
  const clock = new TestClock()
  const share = new AnswerShare(clock, 100)
  const claim = share.claim(response(), 50)
  clock.advance(10 * LOOK_MS)
  assert.equal(share.looks, 0)
  claim?.resize(51)
  clock.advance(10 * LOOK_MS)
  assert.equal(share.looks, 10)
  claim?.release()
  clock.advance(10 * LOOK_MS)
  assert.deepEqual([share.looks, clock.armed], [11, 0])
})
