/**
 * Decides whether a history is linearizable (Herlihy and Wing 1990): whether every operation can be given one
 * instant between its invocation and its return, so that the model, executed in that order, answers what was
 * answered. The search is Wing and Gong's with Lowe's memory of visited (set, state) pairs ("Testing for
 * linearizability", 2017), key by key. An operation of unknown outcome may be placed anywhere after its
 * invocation, or nowhere.
 */
import { must } from '../../lib/assert.ts'
import { formatOperation, type Operation } from './history.ts'
import { ILLEGAL, type Model } from './linearizability-models.ts'
import { LinearizedSet } from './linearized-set.ts'

export type Verdict =
  | { readonly kind: 'linearizable' }
  /** `explanation`: the longest order that could be found, and what could not follow it. */
  | { readonly kind: 'illegal'; readonly key: string; readonly explanation: string }
  /** The budget ran out on `key`: says nothing, and must not count as success. */
  | { readonly kind: 'unknown'; readonly key: string }

export interface CheckBudget {
  /** Placements tried per key; default 2 million. */
  readonly steps?: number
  /** Asked now and then; true ends the search. */
  readonly expired?: () => boolean
}

/** Checks every key; the first that is illegal decides, else the first that is unknown. */
export function checkLinearizability<State, Input, Output>(
  operations: readonly Operation<Input, Output>[],
  model: Model<State, Input, Output>,
  budget: CheckBudget = {},
): Verdict {
  let unknown: Verdict | null = null
  for (const [key, ofKey] of byKey(operations)) {
    const relevant = ofKey.filter((each) => each.output !== null || !model.isRead(each.input))
    const verdict = new Search(key, relevant, model, budget).run()
    if (verdict.kind === 'illegal') return verdict
    if (verdict.kind === 'unknown') unknown ??= verdict
  }
  return unknown ?? { kind: 'linearizable' }
}

function byKey<Input, Output>(
  operations: readonly Operation<Input, Output>[],
): Map<string, Operation<Input, Output>[]> {
  const groups = new Map<string, Operation<Input, Output>[]>()
  for (const operation of operations) {
    const group = groups.get(operation.key)
    if (group === undefined) groups.set(operation.key, [operation])
    else group.push(operation)
  }
  return groups
}

/** An invocation or a return in the list of those not yet passed, in real-time order. */
interface Event<Input, Output> {
  readonly operation: Operation<Input, Output>
  /** Of the operation, by invocation, among those of known or among those of unknown outcome. */
  readonly index: number
  readonly isReturn: boolean
  /** An invocation's return; null when unknown. */
  match: Event<Input, Output> | null
  previous: Event<Input, Output> | null
  next: Event<Input, Output> | null
}

/** A placement that can be undone. */
interface Placed<State, Input, Output> {
  readonly event: Event<Input, Output>
  readonly stateBefore: State
  /** It had no alternative: it was a read. */
  readonly isNeutral: boolean
}

const STEPS = 2_000_000
const EXPIRY_STEPS = 4_096

class Search<State, Input, Output> {
  readonly #key: string
  readonly #operations: readonly Operation<Input, Output>[]
  readonly #model: Model<State, Input, Output>
  readonly #budget: CheckBudget
  /** Placed operations of known and of unknown outcome: apart, both have short names. */
  readonly #known: LinearizedSet
  readonly #unknown: LinearizedSet
  readonly #visited = new Set<string>()
  readonly #placed: Placed<State, Input, Output>[] = []
  readonly #head: Event<Input, Output>
  #state: State
  /** Operations with a known outcome that are not placed yet. */
  #openKnown: number
  #steps = 0
  #best: { order: Operation<Input, Output>[]; blocked: Operation<Input, Output> } | null = null

  constructor(
    key: string,
    operations: readonly Operation<Input, Output>[],
    model: Model<State, Input, Output>,
    budget: CheckBudget,
  ) {
    this.#key = key
    this.#operations = operations.toSorted((a, b) => a.invoked - b.invoked)
    this.#model = model
    this.#budget = budget
    this.#state = model.initial
    this.#openKnown = operations.filter((each) => each.output !== null).length
    this.#known = new LinearizedSet(this.#openKnown)
    this.#unknown = new LinearizedSet(operations.length - this.#openKnown)
    this.#head = eventList(this.#operations)
  }

  run(): Verdict {
    let from = this.#head.next
    let isKnownPass = true
    let isNew = true
    while (this.#openKnown > 0) {
      if (this.#isExhausted()) return { kind: 'unknown', key: this.#key }
      const neutral = isNew ? this.#placeNeutral() : 'none'
      if (neutral === 'placed') {
        from = this.#head.next
      } else if (neutral === 'none' && this.#placeNext(from, isKnownPass)) {
        from = this.#head.next
        isKnownPass = true
        isNew = true
      } else if (neutral === 'none' && isKnownPass) {
        // What clients know to have happened is tried first: most unknown operations never matter.
        from = this.#head.next
        isKnownPass = false
        isNew = false
      } else {
        const undone = this.#undo()
        if (undone === null) return { kind: 'illegal', key: this.#key, explanation: this.#explain() }
        from = undone.next
        isKnownPass = undone.operation.output !== null
        isNew = false
      }
    }
    return { kind: 'linearizable' }
  }

  /**
   * Places a read that is possible now. Nothing is lost by that: in any order that continues from here it can be moved
   * to the front. 'dead': that was tried before, in vain.
   */
  #placeNeutral(): 'placed' | 'dead' | 'none' {
    const stateKey = this.#model.keyOf(this.#state)
    for (let event = this.#head.next; event !== null; event = event.next) {
      if (event.isReturn) return 'none'
      const { input, output } = event.operation
      if (output === null || !this.#model.isRead(input)) continue
      this.#steps++
      const next = this.#model.step(this.#state, input, output)
      if (next === ILLEGAL || this.#model.keyOf(next) !== stateKey) continue
      return this.#add(event, next, true) ? 'placed' : 'dead'
    }
    return 'none'
  }

  /** Places the first possible invocation from `from` up to the first return, which nothing may overtake. */
  #placeNext(from: Event<Input, Output> | null, known: boolean): boolean {
    for (let event = from; event !== null; event = event.next) {
      if (event.isReturn) {
        this.#note(event.operation)
        return false
      }
      if ((event.operation.output !== null) === known && this.#place(event)) return true
    }
    return false
  }

  #place(event: Event<Input, Output>): boolean {
    this.#steps++
    const { input, output } = event.operation
    const next = this.#model.step(this.#state, input, output)
    if (next === ILLEGAL || this.#isNeedless(input, output, next)) return false
    return this.#add(event, next, false)
  }

  /** False when the same operations were placed before with the same result. */
  #add(event: Event<Input, Output>, next: State, isNeutral: boolean): boolean {
    const isKnown = event.operation.output !== null
    const set = isKnown ? this.#known : this.#unknown
    set.add(event.index)
    const name = `${this.#known.name()} ${this.#unknown.name()} ${this.#model.keyOf(next)}`
    if (this.#visited.has(name)) {
      set.remove(event.index)
      return false
    }
    this.#visited.add(name)
    this.#placed.push({ event, stateBefore: this.#state, isNeutral })
    this.#state = next
    if (isKnown) this.#openKnown--
    lift(event)
    return true
  }

  /**
   * True when the operation placed last is of unknown outcome and this one would do the same without it: an
   * order with fewer unknown operations exists then, and is found elsewhere.
   */
  #isNeedless(input: Input, output: Output | null, next: State): boolean {
    const last = this.#placed[this.#placed.length - 1]
    if (last === undefined || last.event.operation.output !== null) return false
    const without = this.#model.step(last.stateBefore, input, output)
    return without !== ILLEGAL && this.#model.keyOf(without) === this.#model.keyOf(next)
  }

  /** Takes back placements up to one that has alternatives; that one, or null when there is none. */
  #undo(): Event<Input, Output> | null {
    for (;;) {
      const last = this.#placed.pop()
      if (last === undefined) return null
      this.#takeBack(last)
      if (!last.isNeutral) return last.event
    }
  }

  #takeBack({ event, stateBefore }: Placed<State, Input, Output>): void {
    unlift(event)
    this.#state = stateBefore
    if (event.operation.output === null) {
      this.#unknown.remove(event.index)
    } else {
      this.#known.remove(event.index)
      this.#openKnown++
    }
  }

  #isExhausted(): boolean {
    if (this.#steps > (this.#budget.steps ?? STEPS)) return true
    return this.#steps % EXPIRY_STEPS === 0 && this.#budget.expired?.() === true
  }

  #note(blocked: Operation<Input, Output>): void {
    if (this.#best !== null && this.#best.order.length >= this.#placed.length) return
    this.#best = { order: this.#placed.map((each) => each.event.operation), blocked }
  }

  #explain(): string {
    const { order, blocked } = must(this.#best, 'a blocked operation')
    const placed = new Set(order)
    const open = this.#operations.filter((each) => !placed.has(each) && each.invoked < blocked.returned)
    return [
      `Key ${this.#key}: no order explains the answers. Longest order found (its end):`,
      ...order.slice(-20).map((each) => `  ${formatOperation(each)}`),
      'None of these can follow:',
      ...open.slice(0, 20).map((each) => `  ${formatOperation(each)}`),
    ].join('\n')
  }
}

/** The list of all events behind a head; an invocation stands before a return at the same position. */
function eventList<Input, Output>(operations: readonly Operation<Input, Output>[]): Event<Input, Output> {
  const events: Event<Input, Output>[] = []
  let known = 0
  let unknown = 0
  for (const operation of operations) {
    const index = operation.output === null ? unknown++ : known++
    const common = { operation, index, match: null, previous: null, next: null }
    const invocation: Event<Input, Output> = { ...common, isReturn: false }
    events.push(invocation)
    if (operation.output === null) continue
    invocation.match = { ...common, isReturn: true }
    events.push(invocation.match)
  }
  const positionOf = (event: Event<Input, Output>): number =>
    event.isReturn ? event.operation.returned : event.operation.invoked
  events.sort((a, b) => positionOf(a) - positionOf(b) || Number(a.isReturn) - Number(b.isReturn))
  const none = { client: 0, key: '', input: null as Input, output: null, invoked: 0, returned: 0 }
  const head: Event<Input, Output> = {
    operation: none,
    index: -1,
    isReturn: false,
    match: null,
    previous: null,
    next: null,
  }
  let last = head
  for (const event of events) {
    event.previous = last
    last.next = event
    last = event
  }
  return head
}

/** Takes an invocation and its return out of the list; they keep their neighbours for unlift(). */
function lift<Input, Output>(event: Event<Input, Output>): void {
  unlink(event)
  if (event.match !== null) unlink(event.match)
}

/** Undoes the newest lift(). */
function unlift<Input, Output>(event: Event<Input, Output>): void {
  if (event.match !== null) relink(event.match)
  relink(event)
}

function unlink<Input, Output>(event: Event<Input, Output>): void {
  if (event.previous !== null) event.previous.next = event.next
  if (event.next !== null) event.next.previous = event.previous
}

function relink<Input, Output>(event: Event<Input, Output>): void {
  if (event.previous !== null) event.previous.next = event
  if (event.next !== null) event.next.previous = event
}
