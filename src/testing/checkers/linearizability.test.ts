/** The checker itself: known good and known bad histories, and agreement with brute force. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { SeededRandom } from '../../lib/random.ts'
import { checkCounter } from './counter-check.ts'
import { History, type Operation } from './history.ts'
import { checkLinearizability } from './linearizability.ts'
import { ILLEGAL, type KeyInput, type KeyOutput, keyModel } from './linearizability-models.ts'

type KeyOperation = Operation<KeyInput, KeyOutput>

const get = { kind: 'get' } as const
const set = (value: string) => ({ kind: 'set', value }) as const
const increment = (by = 1) => ({ kind: 'increment', by }) as const
const cas = (expected: string | null, value: string) => ({ kind: 'compareAndSet', expected, value }) as const
const done = { kind: 'done' } as const
const value = (text: string | null) => ({ kind: 'value', value: text }) as const
const number = (n: number) => ({ kind: 'number', number: n }) as const
const flag = (is: boolean) => ({ kind: 'flag', flag: is }) as const

/** `span` [invoked, returned]; output null = unknown. */
function op(span: [number, number], input: KeyInput, output: KeyOutput | null, key = 'k'): KeyOperation {
  return {
    client: span[0],
    key,
    input,
    output,
    invoked: span[0],
    returned: output === null ? Infinity : span[1],
  }
}

function verdict(...operations: KeyOperation[]): string {
  return checkLinearizability(operations, keyModel).kind
}

describe('linearizable histories are accepted', () => {
  test('one after the other', () => {
    assert.equal(verdict(op([0, 1], set('a'), done), op([2, 3], get, value('a'))), 'linearizable')
    assert.equal(verdict(), 'linearizable')
  })

  test('a read during a write sees either value', () => {
    for (const seen of [null, 'a']) {
      assert.equal(verdict(op([0, 9], set('a'), done), op([1, 2], get, value(seen))), 'linearizable')
    }
  })

  test('concurrent writes take effect in any order, the same for all readers', () => {
    const writes = [op([0, 5], set('a'), done), op([1, 6], set('b'), done)]
    assert.equal(verdict(...writes, op([7, 8], get, value('a'))), 'linearizable')
    assert.equal(verdict(...writes, op([7, 8], get, value('b'))), 'linearizable')
  })

  test('an unknown write took effect late, or never', () => {
    const write = op([0, 0], set('a'), null)
    assert.equal(verdict(write, op([5, 6], get, value(null)), op([7, 8], get, value('a'))), 'linearizable')
    assert.equal(verdict(write, op([5, 6], get, value(null))), 'linearizable')
  })

  test('an unknown read says nothing', () => {
    assert.equal(verdict(op([0, 0], get, null), op([1, 2], set('a'), done)), 'linearizable')
  })

  test('intervals that touch count as concurrent', () => {
    assert.equal(verdict(op([0, 1], set('a'), done), op([1, 2], get, value(null))), 'linearizable')
  })

  test('increments, deletions and comparisons', () => {
    assert.equal(
      verdict(
        op([0, 1], increment(), number(1)),
        op([2, 9], increment(2), number(6)),
        op([3, 8], increment(3), number(4)),
        op([10, 11], cas('6', 'x'), flag(true)),
        op([12, 13], cas('6', 'y'), flag(false)),
        op([14, 15], increment(), { kind: 'notInteger' }),
        op([16, 17], { kind: 'delete' }, flag(true)),
        op([18, 19], { kind: 'delete' }, flag(false)),
        op([20, 21], cas(null, 'z'), flag(true)),
      ),
      'linearizable',
    )
  })
})

describe('other histories are refused', () => {
  test('R3: a stale read', () => {
    const history = [op([0, 1], set('a'), done), op([2, 3], set('b'), done), op([4, 5], get, value('a'))]
    assert.equal(verdict(...history), 'illegal')
    const found = checkLinearizability(history, keyModel)
    assert.ok(found.kind === 'illegal' && found.explanation.includes('"value":"a"'))
  })

  test('a lost write', () => {
    assert.equal(verdict(op([0, 1], set('a'), done), op([2, 3], get, value(null))), 'illegal')
  })

  test('a lost update: two increments that read the same value', () => {
    assert.equal(verdict(op([0, 5], increment(), number(1)), op([1, 6], increment(), number(1))), 'illegal')
  })

  test('R13: a double execution', () => {
    assert.equal(verdict(op([0, 1], increment(), number(1)), op([2, 3], get, value('2'))), 'illegal')
    assert.equal(
      verdict(op([0, 0], increment(), null), op([1, 2], get, value('2'))),
      'illegal',
      'an unknown operation takes effect at most once',
    )
  })

  test('a read from the future', () => {
    assert.equal(verdict(op([0, 1], get, value('a')), op([2, 3], set('a'), done)), 'illegal')
    assert.equal(verdict(op([0, 1], get, value('a')), op([2, 2], set('a'), null)), 'illegal')
  })

  test('a value that nobody wrote', () => {
    assert.equal(verdict(op([0, 1], set('a'), done), op([2, 3], get, value('x'))), 'illegal')
  })

  test('readers that disagree about the order of two writes', () => {
    assert.equal(
      verdict(
        op([0, 9], set('a'), done),
        op([1, 10], set('b'), done),
        op([2, 3], get, value('a')),
        op([4, 5], get, value('b')),
        op([6, 7], get, value('a')),
      ),
      'illegal',
    )
  })

  test('a new value that goes away again', () => {
    const write = op([0, 9], set('a'), done)
    assert.equal(verdict(write, op([1, 2], get, value('a')), op([3, 4], get, value(null))), 'illegal')
  })

  test('two comparisons that both win', () => {
    assert.equal(
      verdict(op([0, 5], cas(null, 'a'), flag(true)), op([1, 6], cas(null, 'b'), flag(true))),
      'illegal',
    )
  })

  test('one bad key among good ones', () => {
    const found = checkLinearizability(
      [op([0, 1], set('a'), done, 'good'), op([2, 3], get, value('a'), 'bad')],
      keyModel,
    )
    assert.ok(found.kind === 'illegal' && found.key === 'bad')
  })
})

test('a search beyond its budget is unknown, not a success', () => {
  const operations = Array.from({ length: 24 }, (_, i) => op([i, 100 + i], set(`v${i}`), done))
  operations.push(op([200, 201], get, value('nobody')))
  assert.equal(checkLinearizability(operations, keyModel, { steps: 1_000 }).kind, 'unknown')
  assert.equal(checkLinearizability(operations, keyModel, { expired: () => true }).kind, 'unknown')
})

/**
 * Simulated clients of a register whose operations take effect at a random instant between invocation and
 * return.
 */
function record(
  seed: number,
  options: { clients: number; operations: number; stale: boolean },
): KeyOperation[] {
  const random = new SeededRandom(seed)
  const history = new History<KeyInput, KeyOutput>()
  const busy = new Map<number, { id: number; input: KeyInput; output: KeyOutput | null }>()
  let state: string | null = null
  let previous: string | null = null
  for (let i = 0; i < options.operations || busy.size > 0; ) {
    const client = random.below(options.clients)
    const current = busy.get(client)
    if (current === undefined) {
      if (i >= options.operations) continue
      const choice = random.below(3)
      const input = choice === 0 ? get : choice === 1 ? set(`v${i}`) : cas(state, `c${i}`)
      busy.set(client, { id: history.invoke(client, `k${client % 2}`, input), input, output: null })
      i++
    } else if (current.output === null) {
      const isStale = options.stale && current.input.kind === 'get' && random.below(10) === 0
      const before: string | null = state
      for (const output of possibleOutputs) {
        const next: string | null | typeof ILLEGAL = keyModel.step(state, current.input, output(state))
        if (next === ILLEGAL) continue
        current.output = output(isStale ? previous : state)
        state = next
        break
      }
      if (state !== before) previous = before
    } else {
      busy.delete(client)
      if (random.below(20) === 0) history.unknown(current.id)
      else history.returned(current.id, current.output)
    }
  }
  return history.operations().map((each) => ({ ...each, key: 'k' }))
}

const possibleOutputs: ((state: string | null) => KeyOutput)[] = [
  (state) => value(state),
  () => done,
  () => flag(true),
  () => flag(false),
]

test('long histories of a correct register are accepted, with unknown outcomes among them', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const operations = record(seed, { clients: 8, operations: 300, stale: false })
    const found = checkLinearizability(operations, keyModel)
    assert.equal(found.kind, 'linearizable', `seed ${seed}: ${JSON.stringify(found)}`)
  }
})

test('stale reads in long histories are found', () => {
  let illegal = 0
  for (let seed = 1; seed <= 20; seed++) {
    const found = checkLinearizability(record(seed, { clients: 4, operations: 300, stale: true }), keyModel)
    assert.notEqual(found.kind, 'unknown')
    if (found.kind === 'illegal') illegal++
  }
  assert.ok(illegal >= 16, `${illegal} of 20`)
})

test('agrees with trying every order, on small histories', () => {
  const span = fc
    .tuple(fc.nat(9), fc.nat(9))
    .map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)])
  const call = fc.oneof(
    fc.constantFrom<[KeyInput, KeyOutput]>(
      [set('a'), done],
      [set('1'), done],
      [increment(), number(1)],
      [increment(), number(2)],
      [get, value(null)],
      [get, value('a')],
      [get, value('1')],
      [get, value('2')],
      [cas('a', '1'), flag(true)],
      [cas('a', '1'), flag(false)],
      [cas(null, 'a'), flag(true)],
      [{ kind: 'delete' }, flag(true)],
    ),
  )
  const operation = fc
    .tuple(span, call, fc.integer({ min: 0, max: 4 }))
    .map(([at, [input, output], luck]) => op(at, input, luck === 0 ? null : output))
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 6 }), (operations) => {
      assert.equal(verdict(...operations), anyOrder(operations, null) ? 'linearizable' : 'illegal')
    }),
    { seed: 7, numRuns: 1_500 },
  )
})

/** The definition, executed: some operation that nothing open precedes comes first, and the rest follows. */
function anyOrder(open: KeyOperation[], state: string | null): boolean {
  if (open.every((each) => each.output === null)) return true
  return open.some((first) => {
    if (open.some((other) => other.returned < first.invoked)) return false
    const next = keyModel.step(state, first.input, first.output)
    const rest = open.filter((each) => each !== first)
    return next !== ILLEGAL && anyOrder(rest, next)
  })
}

test('History: order of events, unknown and refused operations', () => {
  const history = new History<KeyInput, KeyOutput>()
  const a = history.invoke(1, 'k', set('a'))
  const b = history.invoke(2, 'k', set('b'))
  history.returned(b, done)
  history.unknown(a)
  history.refused(history.invoke(1, 'k', set('c')))
  history.invoke(3, 'k', get)
  assert.deepEqual(
    history.operations().map((each) => [each.client, each.output?.kind ?? null, each.returned]),
    [
      [1, null, Infinity],
      [2, 'done', 2],
      [3, null, Infinity],
    ],
  )
  assert.throws(() => history.returned(a, done))
})

test('R13: acknowledged increments count once, unknown ones at most once', () => {
  const acknowledged = [op([0, 1], increment(), number(1)), op([2, 3], increment(), number(2))]
  assert.equal(checkCounter(acknowledged, 2), null)
  assert.match(checkCounter(acknowledged, 1) ?? '', /lost/)
  assert.match(checkCounter(acknowledged, 3) ?? '', /twice/)
  const withUnknown = [...acknowledged, op([4, 4], increment(5), null), op([5, 5], increment(7), null)]
  for (const final of [2, 7, 9, 14]) assert.equal(checkCounter(withUnknown, final), null)
  for (const final of [3, 8, 12, 15]) assert.notEqual(checkCounter(withUnknown, final), null)
  const twice = [op([0, 1], increment(), number(1)), op([2, 3], increment(), number(1))]
  assert.match(checkCounter(twice, 2) ?? '', /Two increments/)
})
