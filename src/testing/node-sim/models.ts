/** The model of one key as the simulation's clients use it: keyModel plus expiry, which may strike at any time. */
import {
  ILLEGAL,
  type KeyInput,
  type KeyOutput,
  keyModel,
  type Model,
} from '../checkers/linearizability-models.ts'

/** `setExpiring`: SET with PX. `expire`: PEXPIRE; answers whether the key was there. */
export type SimInput =
  | KeyInput
  | { readonly kind: 'setExpiring'; readonly value: string }
  | { readonly kind: 'expire' }

interface State {
  readonly value: string | null
  /** The key may be gone at any time from now on. */
  readonly mayExpire: boolean
}

const ABSENT: State = { value: null, mayExpire: false }

/**
 * When a key expires is not the model's business, only that it stays gone: an answer that says "absent" of a key that
 * may expire is the moment at which it did.
 */
export const simModel: Model<State, SimInput, KeyOutput> = {
  initial: ABSENT,
  step(state, input, output) {
    const direct = step(state, input, output)
    if (direct !== ILLEGAL || !state.mayExpire) return direct
    return step(ABSENT, input, output)
  },
  keyOf: (state) => `${state.mayExpire ? '~' : ''}${state.value === null ? '' : `=${state.value}`}`,
  isRead: (input) => input.kind === 'get',
}

function step(state: State, input: SimInput, output: KeyOutput | null): State | typeof ILLEGAL {
  if (input.kind === 'setExpiring') return { value: input.value, mayExpire: true }
  if (input.kind === 'expire') {
    const flag = state.value !== null
    if (output !== null && (output.kind !== 'flag' || output.flag !== flag)) return ILLEGAL
    return flag ? { ...state, mayExpire: true } : state
  }
  const value = keyModel.step(state.value, input, output)
  if (value === ILLEGAL) return ILLEGAL
  if (value === null) return ABSENT
  const replaces = input.kind === 'set' || value !== state.value
  return replaces ? { value, mayExpire: input.kind === 'increment' && state.mayExpire } : (state as State)
}
