/** What every Clock does, tested on the real and the simulated one alike. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Clock } from '../../lib/clock.ts'
import type { Waiter } from './harness.ts'

export interface ClockFixture extends Waiter {
  readonly clock: Clock
}

/** Registers the suite; `make` is called once per test. */
export function clockConformance(name: string, make: () => ClockFixture): void {
  describe(`Clock conformance: ${name}`, () => {
    test('a timer fires once, never before its delay has passed', async () => {
      const { clock, wait } = make()
      for (const delayMs of [0, 0.4, 1, 1.5, 7.3, 20]) {
        const startMs = clock.monotonicMs()
        const firedAt: number[] = []
        clock.setTimer(delayMs, () => firedAt.push(clock.monotonicMs()))
        assert.equal(firedAt.length, 0, 'never inside the call')
        await wait(() => firedAt.length > 0)
        assert.ok(
          (firedAt[0] as number) - startMs >= delayMs - 1e-3,
          `${delayMs}: ${firedAt[0]} - ${startMs}`,
        )
        assert.equal(firedAt.length, 1)
      }
    })

    test('timers fire in the order of their due times', async () => {
      const { clock, wait } = make()
      const fired: number[] = []
      for (const delayMs of [30, 10, 20]) clock.setTimer(delayMs, () => fired.push(delayMs))
      await wait(() => fired.length === 3)
      assert.deepEqual(fired, [10, 20, 30])
    })

    test('a cancelled timer does not fire, and cancelling again is harmless', async () => {
      const { clock, wait } = make()
      let cancelled = 0
      let later = 0
      const timer = clock.setTimer(5, () => cancelled++)
      const last = clock.setTimer(15, () => later++)
      timer.cancel()
      timer.cancel()
      await wait(() => later === 1)
      last.cancel()
      assert.equal(cancelled, 0)
    })

    test('a very long timer waits', async () => {
      const { clock, wait } = make()
      let early = 0
      let marker = 0
      const timer = clock.setTimer(2 ** 31 + 5, () => early++)
      clock.setTimer(5, () => marker++)
      await wait(() => marker === 1)
      timer.cancel()
      assert.equal(early, 0)
    })

    test('deferred functions run in order, in a later turn, before those they defer', async () => {
      const { clock, wait } = make()
      const ran: string[] = []
      clock.defer(() => {
        ran.push('a')
        clock.defer(() => ran.push('c'))
      })
      clock.defer(() => ran.push('b'))
      assert.deepEqual(ran, [])
      await wait(() => ran.length === 3)
      assert.deepEqual(ran, ['a', 'b', 'c'])
    })

    test('monotonic time does not go back; wall time is after 2025', async () => {
      const { clock, wait } = make()
      let last = clock.monotonicMs()
      for (let i = 0; i < 20; i++) {
        let turned = false
        clock.defer(() => {
          turned = true
        })
        await wait(() => turned)
        const now = clock.monotonicMs()
        assert.ok(now >= last)
        last = now
      }
      assert.ok(clock.wallMs() > Date.UTC(2025, 0, 1))
    })
  })
}
