/** R15: who counts as reachable, and that a process which stood still does not blame the others. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Configuration } from '../members/configuration.ts'
import { Reachability } from './reachability.ts'

const confState = { voters: [1, 2, 3], votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false }

/** A node that ticks every 10 ms; `heard` are the times at which it heard its peers. */
class Watch {
  readonly heard = new Map<number, number>()
  readonly reachability = new Reachability({
    self: 1,
    configuration: new Configuration(confState, []),
    lastHeardMs: (peer) => this.heard.get(peer) ?? Number.NEGATIVE_INFINITY,
    silenceMs: 1_000,
  })
  #nowMs = 0

  /** Lets time pass until `untilMs` with ticks, hearing `peers` at each. */
  run(untilMs: number, peers: readonly number[]): void {
    while (this.#nowMs < untilMs) this.tick(this.#nowMs + 10, peers)
  }

  tick(nowMs: number, peers: readonly number[]): void {
    this.#nowMs = nowMs
    for (const peer of peers) this.heard.set(peer, nowMs)
    this.reachability.tick(nowMs)
  }
}

test('R15: a majority counts as lost one second after it was heard last, or after the start', () => {
  const watch = new Watch()
  assert.equal(watch.reachability.hasQuorum(), true)
  watch.run(1_010, [])
  assert.equal(watch.reachability.hasQuorum(), true)
  watch.run(1_020, [])
  assert.equal(watch.reachability.hasQuorum(), false)
  watch.run(2_000, [2])
  watch.run(3_000, [])
  assert.equal(watch.reachability.hasQuorum(), true)
  watch.run(3_010, [])
  assert.equal(watch.reachability.hasQuorum(), false)
})

test('R15: time in which the process stood still is not silence of the others', () => {
  const watch = new Watch()
  watch.run(2_000, [2, 3])
  // Five seconds later something asks before the first tick, then after it, before anything was read.
  assert.equal(watch.reachability.hasQuorum(), true)
  watch.tick(7_000, [])
  assert.equal(watch.reachability.hasQuorum(), true)
  watch.run(8_010, [])
  assert.equal(watch.reachability.hasQuorum(), false)
})
