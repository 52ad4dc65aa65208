/**
 * A record of what clients asked and were told, in real-time order: the input of the checkers. Positions are
 * drawn from one counter, so an operation that returned before another was invoked has a smaller position;
 * all clients of one history must be recorded by one process.
 */
import { assert, must } from '../../lib/assert.ts'

/** One operation. Operations known to have had no effect are not part of a history. */
export interface Operation<Input, Output> {
  readonly client: number
  readonly key: string
  readonly input: Input
  /** Null when the outcome is unknown: it may have taken effect, may still, or never will. */
  readonly output: Output | null
  readonly invoked: number
  /** Infinity when the outcome is unknown. */
  readonly returned: number
}

interface Pending<Input> {
  readonly client: number
  readonly key: string
  readonly input: Input
  readonly invoked: number
}

export class History<Input, Output> {
  readonly #pending = new Map<number, Pending<Input>>()
  readonly #operations: Operation<Input, Output>[] = []
  #position = 0

  /** Call right before the request is sent; returns the operation's id. */
  invoke(client: number, key: string, input: Input): number {
    const invoked = this.#position++
    this.#pending.set(invoked, { client, key, input, invoked })
    return invoked
  }

  /** Call right after the answer arrived. */
  returned(id: number, output: Output): void {
    assert(output !== null, 'An output is never null: null stands for unknown')
    this.#operations.push({ ...this.#take(id), output, returned: this.#position++ })
  }

  /** The outcome will never be known. */
  unknown(id: number): void {
    this.#operations.push({ ...this.#take(id), output: null, returned: Infinity })
  }

  /** It certainly had no effect and told nothing: as if never asked. */
  refused(id: number): void {
    this.#take(id)
  }

  /** Everything recorded, in order of invocation; what has not returned counts as unknown. */
  operations(): Operation<Input, Output>[] {
    const unfinished = [...this.#pending.values()].map((each) => ({
      ...each,
      output: null,
      returned: Infinity,
    }))
    return [...this.#operations, ...unfinished].sort((a, b) => a.invoked - b.invoked)
  }

  #take(id: number): Pending<Input> {
    const pending = must(this.#pending.get(id), `operation ${id} in flight`)
    this.#pending.delete(id)
    return pending
  }
}

/** One line per operation, for people. */
export function formatOperation(operation: Operation<unknown, unknown>): string {
  const { client, key, input, output, invoked, returned } = operation
  const span = `[${invoked}, ${returned === Infinity ? '…' : returned}]`
  const answer = output === null ? '?' : JSON.stringify(output)
  return `${span} client ${client} ${key} ${JSON.stringify(input)} -> ${answer}`
}
