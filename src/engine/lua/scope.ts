/** Names of a program while it is parsed: which function and slot each belongs to, and who holds on to it. */
import type { Local, Upvalue } from './ast.ts'

/** As in Lua 5.1. */
export const LOCALS_MAX = 200
export const UPVALUES_MAX = 60

export type Resolved =
  | { readonly kind: 'local'; readonly local: Local }
  | { readonly kind: 'upvalue'; readonly index: number }
  | { readonly kind: 'global' }

const GLOBAL: Resolved = { kind: 'global' }

/** One function under construction. */
export class FunctionScope {
  readonly parent: FunctionScope | null
  readonly line: number
  isVariadic = false
  slotCount = 0
  /** Loops around the statement being parsed. */
  loops = 0
  readonly upvalues: Upvalue[] = []
  readonly #active: Local[] = []

  constructor(parent: FunctionScope | null, line: number) {
    this.parent = parent
    this.line = line
  }

  get activeCount(): number {
    return this.#active.length
  }

  /** Makes a name visible from here on, in the next free slot. */
  declare(name: string): Local {
    const local: Local = { name, slot: this.#active.length, isCaptured: false }
    this.#active.push(local)
    if (this.#active.length > this.slotCount) this.slotCount = this.#active.length
    return local
  }

  /** A block ends: names declared since there were `count` are gone. */
  close(count: number): void {
    this.#active.length = count
  }

  resolve(name: string): Resolved {
    const local = this.#find(name)
    if (local !== null) return { kind: 'local', local }
    const index = this.#upvalue(name)
    return index < 0 ? GLOBAL : { kind: 'upvalue', index }
  }

  #find(name: string): Local | null {
    for (let i = this.#active.length - 1; i >= 0; i--) {
      const local = this.#active[i] as Local
      if (local.name === name) return local
    }
    return null
  }

  /** The place among this function's upvalues, added when it is new; -1 for a global. */
  #upvalue(name: string): number {
    const { parent } = this
    if (parent === null) return -1
    const found = parent.resolve(name)
    if (found.kind === 'global') return -1
    const isLocal = found.kind === 'local'
    if (isLocal) found.local.isCaptured = true
    const index = isLocal ? found.local.slot : found.index
    const known = this.upvalues.findIndex(
      (upvalue) => upvalue.name === name && upvalue.isLocal === isLocal && upvalue.index === index,
    )
    if (known >= 0) return known
    this.upvalues.push({ name, isLocal, index })
    return this.upvalues.length - 1
  }
}
