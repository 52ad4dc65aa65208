/** Watches over the history of one engine: order, resuming, falling behind, and many of them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { EngineClient } from '../../testing/engine/engine-client.ts'
import { kvPut, runKv } from '../../testing/engine/kv-requests.ts'
import { EffectsHub } from '../effects-hub.ts'
import type { Watch, WatchEvent, WatchOptions } from './watch.ts'
import { WatchHistory } from './watch-history.ts'
import { WatchHub } from './watch-hub.ts'

const MANY = 1_000_000
const FROM = Buffer.alloc(0)

/** An engine whose effects feed a hub; later turns run when the test says so. */
class World {
  readonly client = new EngineClient()
  readonly effects = new EffectsHub(this.client.engine)
  readonly hub: WatchHub
  nowMs = 0
  #turns: (() => void)[] = []

  constructor(historyBytes = MANY) {
    const defer = (run: () => void): void => void this.#turns.push(run)
    const clock = { defer, monotonicMs: () => this.nowMs, wallMs: () => 0, setTimer: () => ({ cancel() {} }) }
    const history = new WatchHistory(historyBytes)
    this.hub = new WatchHub({ clock, history, revision: () => this.client.engine.revision })
    this.effects.listen(this.hub)
  }

  turn(): void {
    for (const run of this.#turns.splice(0)) run()
  }

  /** Every turn that is left. */
  settle(): void {
    while (this.#turns.length > 0) this.turn()
  }

  /** A watch that takes everything as soon as it is called. */
  follow(options: Partial<WatchOptions> = {}, batch = 3): Follower {
    return new Follower(this, { database: 0, from: Buffer.alloc(0), to: null, after: 0, ...options }, batch)
  }
}

class Follower {
  readonly events: WatchEvent[] = []
  isCompacted = false
  calls = 0
  readonly watch: Watch

  constructor(world: World, options: WatchOptions, batch: number) {
    const watch: Watch | null = world.hub.open(options, () => {
      this.calls++
      for (;;) {
        const taken = this.watch.take(batch, MANY)
        if (taken === 'compacted') this.isCompacted = true
        if (taken === 'compacted' || taken.length === 0) return
        this.events.push(...taken.map(detached))
      }
    })
    assert(watch !== null)
    this.watch = watch
  }

  get seen(): string[] {
    return this.events.map(({ revision, sub, kind, key, item }) =>
      [`${revision}.${sub}`, kind, key, item?.value]
        .filter((part) => part !== null && part !== undefined)
        .join(' '),
    )
  }
}

/** A copy that may be kept. */
function detached(event: WatchEvent): WatchEvent {
  const { key, item } = event
  const value = item === null || item.value === null ? null : Buffer.from(item.value)
  return { ...event, key: key && Buffer.from(key), item: item && { ...item, value } }
}

function prefix(text: string): Pick<WatchOptions, 'from' | 'to'> {
  return { from: Buffer.from(text), to: Buffer.from(`${text}\xff`, 'latin1') }
}

function single(key: string): Pick<WatchOptions, 'from' | 'to'> {
  return { from: Buffer.from(key), to: Buffer.from(`${key}\0`) }
}

test('a watch gets every change of its range once, in order, with what is known of the key', () => {
  const world = new World()
  const all = world.follow()
  const some = world.follow(prefix('a'))
  const { client } = world
  client.run('SET', 'a1', 'x')
  runKv(client, { then: [kvPut('a2', 'y', { contentType: 'text/plain' }), kvPut('b', 'z')] })
  client.run('DEL', 'a1')
  client.run('DEL', 'a1')
  client.run('PEXPIRE', 'a2', 5)
  client.nowMs += 5
  client.expireDue()
  client.run('FLUSHDB')
  world.settle()
  const expected = [
    '1.0 put a1 x',
    '2.0 put a2 y',
    '2.1 put b z',
    '3.0 delete a1',
    '4.0 put a2 y',
    '5.0 expire a2',
    '6.0 flush',
  ]
  assert.deepEqual(all.seen, expected)
  assert.deepEqual(
    some.seen,
    expected.filter((event) => !event.includes('b z')),
  )
  const typed = all.events[1]?.item
  assert.deepEqual(
    [typed?.contentType, typed?.createRevision, typed?.modRevision, typed?.version],
    ['text/plain', 2, 2, 1],
  )
  assert.equal(all.watch.revision, 6)
})

test('a watch resumes behind a revision, or inside one', () => {
  const world = new World()
  runKv(world.client, { then: [kvPut('a', '1'), kvPut('b', '2'), kvPut('c', '3')] })
  runKv(world.client, { then: [kvPut('a', '4')] })
  const whole = world.follow({ after: 1 })
  const part = world.follow({ after: 1, afterSub: 1 })
  const ahead = world.follow({ after: 3 })
  world.settle()
  assert.deepEqual(whole.seen, ['2.0 put a 4'])
  assert.deepEqual(part.seen, ['1.2 put c 3', '2.0 put a 4'])
  world.client.run('SET', 'a', '5')
  world.client.run('SET', 'a', '6')
  world.settle()
  assert.deepEqual(ahead.seen, ['4.0 put a 6'], 'a revision that was not applied here yet is waited for')
  assert.equal(ahead.watch.revision, 4)
})

test('at a node that lags, the rest of a revision that was seen in part is still to come', () => {
  const world = new World()
  const watch = world.hub.open({ database: 0, ...prefix(''), after: 1, afterSub: 0 }, () => {})
  assert.equal(watch?.revision, 0)
  runKv(world.client, { then: [kvPut('a', '1'), kvPut('b', '2')] })
  assert.equal(watch?.take(9, MANY).length, 1)
  assert.equal(watch?.revision, 1)
})

test('databases are apart; a swap comes to both', () => {
  const world = new World()
  const zero = world.follow()
  const one = world.follow({ database: 1 })
  const two = world.follow({ database: 2 })
  world.client.run('SET', 'k', 'v')
  world.client.run('SWAPDB', 0, 1)
  world.client.database = 1
  world.client.run('DEL', 'k')
  world.settle()
  assert.deepEqual(zero.seen, ['1.0 put k v', '2.0 swap'])
  assert.deepEqual(one.seen, ['2.0 swap', '3.0 delete k'])
  assert.deepEqual(two.seen, [])
  world.client.run('FLUSHALL')
  world.settle()
  assert.deepEqual(two.seen, [], 'an empty database is not flushed')
})

test('a watch that falls behind the history is told so, and so is one that comes too late', () => {
  const world = new World(64 * 1024)
  const idle = world.follow(single('never'))
  const slow = world.hub.open({ database: 0, ...single('k'), after: 0 }, () => {})
  for (let i = 0; i < 200; i++) world.client.run('SET', 'k', 'v'.repeat(1000))
  assert.equal(slow?.take(10, MANY), 'compacted')
  const oldest = world.hub.history.oldestRevision
  assert(oldest > 0 && oldest < 200)
  assert(world.hub.history.bytes <= 64 * 1024)
  const late = world.follow({ ...single('k'), after: oldest - 1 })
  const inTime = world.follow({ ...single('k'), after: oldest })
  world.settle()
  assert.deepEqual([late.isCompacted, late.events.length], [true, 0])
  assert.deepEqual([inTime.isCompacted, inTime.events.length], [false, 200 - oldest])
  assert.deepEqual([idle.isCompacted, idle.calls], [false, 0], 'events of others do not push it out')
  world.client.run('SET', 'never', 'v')
  world.settle()
  assert.deepEqual(idle.seen, ['201.0 put never v'])
})

test('a history that has turned over many times is as large as ever, and its newest events are right', () => {
  const world = new World(64 * 1024)
  const follower = world.follow()
  const written: string[] = []
  for (let i = 1; i <= 2_000; i++) {
    const value = `${i}`.repeat(1 + (i % 50))
    world.client.run('SET', `k${i % 7}`, value)
    written.push(`${i}.0 put k${i % 7} ${value}`)
    world.settle()
  }
  assert.deepEqual(follower.seen, written)
  assert.ok(world.hub.history.bytes <= 64 * 1024, `${world.hub.history.bytes} bytes`)
  const late = world.follow({ after: 1_900 })
  world.settle()
  assert.deepEqual(late.seen, written.slice(1_900))
})

test('one event larger than the history is kept while it is the newest', () => {
  const world = new World(64 * 1024)
  const all = world.follow()
  world.client.run('SET', 'k', 'v'.repeat(100_000))
  world.settle()
  assert.equal(all.events[0]?.item?.value?.length, 100_000)
  world.client.run('SET', 'k', 'small')
  assert(world.hub.history.bytes <= 64 * 1024)
})

test('when a snapshot replaces the state, watches before it are over and others go on', () => {
  const world = new World()
  world.client.run('SET', 'k', 'v')
  const before = world.follow({ after: 0 })
  world.settle()
  const ahead = world.follow({ after: 9 })
  const state = world.client.engine.save()
  for (let i = 0; i < 4; i++) world.client.run('SET', 'k', 'v')
  assert.equal(world.client.engine.revision, 5)
  const at5 = world.client.engine.save()
  world.client.engine.load(state)
  world.hub.reset()
  world.settle()
  world.client.engine.load(at5)
  world.hub.reset()
  world.settle()
  assert.equal(world.hub.history.oldestRevision, 5)
  assert.equal(before.isCompacted, true)
  assert.equal(ahead.isCompacted, false)
  for (let i = 0; i < 5; i++) world.client.run('SET', 'k', `v${i}`)
  world.settle()
  assert.deepEqual(ahead.seen, ['10.0 put k v4'])
})

test('a closed watch is not called, and its place in the limit is free', () => {
  const world = new World()
  const follower = world.follow()
  world.client.run('SET', 'k', 'v')
  follower.watch.close()
  follower.watch.close()
  world.settle()
  assert.equal(follower.calls, 0)
  assert.equal(world.hub.size, 0)
  assert.deepEqual(follower.watch.take(1, 1), [])
})

test('of a thousand watches an event calls only those that it concerns', () => {
  const world = new World()
  const followers = Array.from({ length: 1_000 }, (_, i) =>
    world.follow(i % 2 === 0 ? single(`k${i}`) : prefix(`k${i}:`)),
  )
  world.client.run('SET', 'k10', 'v')
  world.client.run('SET', 'k11:x', 'v')
  world.settle()
  assert.deepEqual(
    followers.flatMap(({ calls }, i) => (calls === 0 ? [] : [i])),
    [10, 11],
  )
})

test('many watches that resume at once are called over several turns, in order', () => {
  const world = new World()
  world.client.run('SET', 'k', 'v')
  const called: number[] = []
  for (let i = 0; i < 20; i++) {
    world.hub.open({ database: 0, ...prefix(''), after: 0 }, () => {
      called.push(i)
      world.nowMs += 1
    })
  }
  const turns: number[] = []
  while (called.length < 20) {
    world.turn()
    turns.push(called.length)
  }
  assert.deepEqual(turns, [0, 5, 10, 15, 20])
  assert.deepEqual(
    called,
    Array.from({ length: 20 }, (_, i) => i),
  )
})

test('batches are bounded in events and in bytes', () => {
  const world = new World()
  for (let i = 0; i < 10; i++) world.client.run('SET', `k${i}`, 'v'.repeat(100))
  const watch = world.hub.open({ database: 0, from: Buffer.alloc(0), to: null, after: 0 }, () => {})
  world.settle()
  const sizes: number[] = []
  for (let taken = watch?.take(4, MANY); taken !== undefined && taken.length > 0; ) {
    sizes.push(taken.length)
    taken = watch?.take(4, sizes.length === 1 ? 300 : MANY)
  }
  assert.deepEqual(sizes, [4, 3, 3])
})

test('events applied to a map give the state, however they are taken', () => {
  const key = fc.constantFrom('a', 'b', 'c')
  const command = fc.oneof(
    fc.tuple(fc.constant('SET'), key, fc.constantFrom('1', '2')),
    fc.tuple(fc.constant('DEL'), key),
    fc.tuple(fc.constant('APPEND'), key, fc.constant('x')),
    fc.tuple(fc.constant('RENAME'), key, key),
    fc.tuple(fc.constant('FLUSHDB')),
  )
  const step = fc.record({ command, takes: fc.boolean(), batch: fc.integer({ min: 1, max: 3 }) })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const world = new World()
      const map = new Map<string, string>()
      let last = 0
      let events: WatchEvent[] = []
      const watch = world.hub.open({ database: 0, from: Buffer.alloc(0), to: null, after: 0 }, () => {})
      const take = (batch: number): boolean => {
        const taken = watch?.take(batch, MANY) ?? []
        assert(taken !== 'compacted')
        events = events.concat(taken)
        for (const { kind, key, item, revision, sub } of taken) {
          assert(revision === last ? sub > 0 : revision === last + 1 && sub === 0, 'no gap, no duplicate')
          last = revision
          if (kind === 'flush') map.clear()
          else if (item === null) map.delete(String(key))
          else map.set(String(key), String(item.value))
        }
        return taken.length > 0
      }
      for (const { command, takes, batch } of steps) {
        world.client.run(...command)
        if (takes) take(batch)
      }
      while (take(2));
      assert.equal(last, world.client.engine.revision)
      for (const name of ['a', 'b', 'c']) {
        const value = map.get(name)
        const expected = value === undefined ? '$-1\r\n' : `$${value.length}\r\n${value}\r\n`
        assert.equal(world.client.run('GET', name), expected)
      }
    }),
    { seed: 3, numRuns: 200 },
  )
})

test('watches that resume anywhere, at any time, get exactly what is theirs', () => {
  const key = fc.constantFrom('a', 'ab', 'b', 'c')
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('write' as const), key }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('flush' as const) }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('turn' as const) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('open' as const),
        bounds: fc.constantFrom(single('a'), single('b'), prefix('a'), prefix('')),
        back: fc.nat(20),
      }),
    },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
      const world = new World()
      const all = world.follow({}, 2)
      const followers: { follower: Follower; after: number; from: string; to: string }[] = []
      for (const step of steps) {
        if (step.kind === 'write') world.client.run('SET', step.key, 'v')
        else if (step.kind === 'flush') world.client.run('FLUSHDB')
        else if (step.kind === 'turn') world.turn()
        else {
          const after = Math.max(0, world.client.engine.revision - step.back)
          const follower = world.follow({ ...step.bounds, after }, 2)
          const [from, to] = [step.bounds.from, step.bounds.to ?? FROM].map((bound) =>
            bound.toString('latin1'),
          )
          followers.push({ follower, after, from: from ?? '', to: to ?? '' })
        }
      }
      world.settle()
      assert.equal(all.events.length, world.client.engine.revision)
      for (const { follower, after, from, to } of followers) {
        const isTheirs = ({ revision, key }: WatchEvent): boolean => {
          const name = key?.toString('latin1') ?? from
          return revision > after && name >= from && name < to
        }
        const expected = all.events.filter(isTheirs).map(({ revision }) => revision)
        assert.deepEqual(
          follower.events.map(({ revision }) => revision),
          expected,
        )
        assert.equal(follower.watch.revision, world.client.engine.revision)
      }
    }),
    { seed: 9, numRuns: 200 },
  )
})
