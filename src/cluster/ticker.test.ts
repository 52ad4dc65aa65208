/** The ticker by itself, on a clock moved by hand: how many ticks it counts, and when it wakes the process up. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HandClock } from '../testing/doors/hand-clock.ts'
import { Ticker } from './ticker.ts'

interface Setup {
  readonly clock: HandClock
  readonly ticker: Ticker
  /** The ticks of each call so far. */
  readonly calls: number[]
  /** What the next looks ahead find. */
  ahead: number
}

function started(ahead: number): Setup {
  const clock = new HandClock()
  const calls: number[] = []
  const ticker = new Ticker({ clock, ticksAhead: () => setup.ahead, tick: (ticks) => calls.push(ticks) })
  const setup: Setup = { clock, ticker, calls, ahead }
  ticker.start()
  return setup
}

/** Passes `ms` one by one. */
function pass(clock: HandClock, ms: number): void {
  for (let i = 0; i < ms; i++) clock.pass(1)
}

test('while each tick counts one comes every 10 ms', () => {
  const { clock, calls } = started(1)
  assert.deepEqual(calls, [0])
  pass(clock, 100)
  assert.deepEqual(calls.slice(1), Array(10).fill(1))
})

test('a rest lasts until something is due, 50 ms at most, and its ticks are counted', () => {
  const setup = started(3)
  pass(setup.clock, 29)
  assert.deepEqual(setup.calls, [0])
  setup.ahead = 1_000
  pass(setup.clock, 1)
  assert.deepEqual(setup.calls, [0, 3])
  pass(setup.clock, 100)
  assert.deepEqual(setup.calls, [0, 3, 5, 5])
})

test('a rest that is broken off counts what passed, at the next tick', () => {
  const setup = started(5)
  pass(setup.clock, 23)
  setup.ahead = 1
  setup.ticker.wake()
  pass(setup.clock, 9)
  assert.deepEqual(setup.calls, [0])
  pass(setup.clock, 1)
  assert.deepEqual(setup.calls, [0, 3])
})

test('waking changes nothing while the next tick is 10 ms away at most', () => {
  const setup = started(1)
  for (let i = 0; i < 100; i++) {
    pass(setup.clock, 1)
    setup.ticker.wake()
  }
  assert.deepEqual(setup.calls.slice(1), Array(10).fill(1))
  assert.equal(setup.clock.timers, 1)
})

test('of a time in which the process stood still one tick is made up for, beyond those that were due', () => {
  const awake = started(1)
  awake.clock.pass(3_000)
  assert.deepEqual(awake.calls, [0, 2])
  const resting = started(5)
  resting.clock.pass(3_000)
  assert.deepEqual(resting.calls, [0, 6])
})

test('nothing comes after stop(), not even when a tick itself stops the ticker', () => {
  const setup = started(5)
  setup.ticker.stop()
  setup.ticker.wake()
  pass(setup.clock, 200)
  assert.deepEqual(setup.calls, [0])

  const clock = new HandClock()
  let ticks = 0
  const ticker = new Ticker({
    clock,
    ticksAhead: () => 1,
    tick: () => {
      if (ticks++ === 1) ticker.stop()
    },
  })
  ticker.start()
  pass(clock, 200)
  assert.equal(ticks, 2)
  assert.equal(clock.timers, 0)
})
