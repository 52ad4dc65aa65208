/**
 * Sequential models that the checker compares histories with. A model sees one key (linearizability is local:
 * a history is linearizable exactly when it is for each key).
 */

export interface Model<State, Input, Output> {
  readonly initial: State
  /**
   * The state after `input`, or ILLEGAL when it could not have answered `output` in `state`. With output null
   * (unknown) any answer is possible, so it is never illegal.
   */
  step(state: State, input: Input, output: Output | null): State | typeof ILLEGAL
  /** Equal exactly for equal states. */
  keyOf(state: State): string
  /** True when the operation changes no state whatever the state: with an unknown outcome it says nothing. */
  isRead(input: Input): boolean
}

export const ILLEGAL = Symbol('illegal')

/**
 * What clients do to one key. `get` and `set` alone make a register, `increment` and `get` a counter;
 * `compareAndSet` is WATCH + EXEC: `expected` null = the key is absent.
 */
export type KeyInput =
  | { readonly kind: 'get' }
  | { readonly kind: 'set'; readonly value: string }
  | { readonly kind: 'delete' }
  | { readonly kind: 'increment'; readonly by: number }
  | { readonly kind: 'compareAndSet'; readonly expected: string | null; readonly value: string }

export type KeyOutput =
  | { readonly kind: 'value'; readonly value: string | null }
  | { readonly kind: 'done' }
  /** `delete`: whether it was there. `compareAndSet`: whether it was set. */
  | { readonly kind: 'flag'; readonly flag: boolean }
  | { readonly kind: 'number'; readonly number: number }
  /** `increment` of what is not an integer. */
  | { readonly kind: 'notInteger' }

type KeyState = string | null

const INTEGER = /^(0|-?[1-9][0-9]*)$/

/** The value of one key, as Redis' GET, SET, DEL, INCRBY and WATCH/EXEC treat it. */
export const keyModel: Model<KeyState, KeyInput, KeyOutput> = {
  initial: null,
  step(state, input, output) {
    const [next, answer] = execute(state, input)
    return output === null || sameOutput(answer, output) ? next : ILLEGAL
  },
  keyOf(state) {
    return state === null ? '' : `=${state}`
  },
  isRead(input) {
    return input.kind === 'get'
  },
}

function execute(state: KeyState, input: KeyInput): [KeyState, KeyOutput] {
  switch (input.kind) {
    case 'get':
      return [state, { kind: 'value', value: state }]
    case 'set':
      return [input.value, { kind: 'done' }]
    case 'delete':
      return [null, { kind: 'flag', flag: state !== null }]
    case 'increment': {
      if (state !== null && !INTEGER.test(state)) return [state, { kind: 'notInteger' }]
      const number = Number(state ?? 0) + input.by
      return [String(number), { kind: 'number', number }]
    }
    case 'compareAndSet': {
      const flag = state === input.expected
      return [flag ? input.value : state, { kind: 'flag', flag }]
    }
  }
}

function sameOutput(a: KeyOutput, b: KeyOutput): boolean {
  if (a.kind === 'value') return b.kind === 'value' && a.value === b.value
  if (a.kind === 'flag') return b.kind === 'flag' && a.flag === b.flag
  if (a.kind === 'number') return b.kind === 'number' && a.number === b.number
  return a.kind === b.kind
}
