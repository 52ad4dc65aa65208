/** The simulated world: one seed, one course of events. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SimClock, SimTime } from './clock.ts'
import { SimEvent, SimHeap } from './heap.ts'
import { SimWorld } from './world.ts'

test('the heap gives events by time, then by tie', () => {
  const world = new SimWorld(3)
  const heap = new SimHeap()
  const expected: [number, number][] = []
  for (let i = 0; i < 500; i++) {
    const event = new SimEvent(world.random.below(20), world.random.below(1_000_000), null, '', () => {})
    expected.push([event.time, event.tie])
    heap.push(event)
  }
  expected.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  const got: [number, number][] = []
  for (let event = heap.pop(); event !== undefined; event = heap.pop()) got.push([event.time, event.tie])
  assert.deepEqual(got, expected)
})

test('events of one instant run in an order that the seed decides', () => {
  const orders = new Set<string>()
  for (let seed = 1; seed <= 30; seed++) {
    const world = new SimWorld(seed)
    let order = ''
    for (const name of 'abcd') {
      world.schedule(5, name, () => {
        order += name
      })
    }
    world.runAll()
    orders.add(order)
  }
  assert.ok(orders.size > 10)
})

test('a killed process runs nothing any more; others go on', () => {
  const world = new SimWorld(1)
  const a = world.spawn('a')
  const b = world.spawn('b')
  const ran: string[] = []
  a.schedule(10, 'late', () => ran.push('a late'))
  a.defer(() => ran.push('a deferred'))
  b.schedule(20, 'late', () => ran.push('b late'))
  world.runFor(1)
  a.defer(() => {
    a.kill()
    ran.push('a kills itself')
  })
  a.defer(() => ran.push('a after its death'))
  world.runAll()
  assert.deepEqual(ran, ['a deferred', 'a kills itself', 'b late'])
})

test('a paused process catches up in order when it is resumed, before newer events', () => {
  const world = new SimWorld(1)
  const process = world.spawn('a')
  const clock = new SimClock(process)
  const ran: string[] = []
  process.pause()
  for (const delayMs of [7, 3, 5])
    clock.setTimer(delayMs, () => ran.push(`${delayMs} at ${clock.monotonicMs()}`))
  world.runFor(50)
  assert.equal(ran.length, 0)
  process.resume()
  process.schedule(0, 'newer', () => ran.push('newer'))
  world.runAll()
  assert.deepEqual(ran, ['3 at 50', '5 at 50', '7 at 50', 'newer'])
})

test('clocks drift and jump; timers follow the local clock', () => {
  const world = new SimWorld(1)
  const time = new SimTime(world, { offsetMs: 5_000, rate: 1.25 })
  const clock = new SimClock(world.spawn('a'), time)
  const wall = clock.wallMs()
  let firedAt = 0
  clock.setTimer(100, () => {
    firedAt = world.nowMs
  })
  world.runFor(40)
  assert.equal(clock.monotonicMs(), 50)
  time.setRate(0.5)
  world.runUntil(() => firedAt > 0)
  assert.ok(Math.abs(firedAt - 140) < 1e-6, `${firedAt}`)
  time.jump(-1_000)
  assert.ok(Math.abs(clock.wallMs() - wall - 100 + 1_000) < 1e-6)
  assert.ok(Math.abs(clock.monotonicMs() - 100) < 1e-6)
})

test('what runs at the end of a turn runs before the next event', () => {
  const world = new SimWorld(1)
  const ran: string[] = []
  for (const name of ['x', 'y']) {
    world.schedule(0, name, () => {
      ran.push(name)
      world.atTurnEnd(() => ran.push(`end of ${name}`))
    })
  }
  world.runAll()
  assert.deepEqual([ran[1], ran[3]], [`end of ${ran[0]}`, `end of ${ran[2]}`])
})

test('a condition that is not reached fails with a report that names the seed', () => {
  const world = new SimWorld(4_711)
  const tick = (): void => {
    world.schedule(10, 'tick', tick)
  }
  tick()
  assert.throws(
    () => world.runUntil(() => false, 'the impossible', { timeoutMs: 100 }),
    (error: Error) =>
      /the impossible: not reached/.test(error.message) && /seed 4711/.test(error.stack ?? ''),
  )
})

test('200 000 events take less than a second of processor time', () => {
  const world = new SimWorld(1)
  for (let i = 0; i < 20; i++) {
    const clock = new SimClock(world.spawn(`node ${i}`))
    const tick = (): void => {
      clock.setTimer(500, () => {}).cancel()
      clock.setTimer(world.random.float() * 10, tick)
    }
    tick()
  }
  const before = process.cpuUsage()
  while (world.eventCount < 100_000) world.step()
  assert.ok(process.cpuUsage(before).user < 500_000)
})
