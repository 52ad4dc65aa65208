/**
 * Hands the engine's effects to everybody who listens on this node, in log order, with the client session that gave the
 * command when it was one of this node's. Says 'reset' when a snapshot replaced the state: what lay between was never
 * here. Listeners are called while entries are applied: they only take note, and never throw.
 */
import type { Effects } from '../engine/effects.ts'
import type { Engine } from '../engine/types.ts'
import type { EffectsListener, Session } from './execute.ts'

export class EffectsHub {
  readonly #engine: Engine
  #listeners: readonly EffectsListener[] = []
  #author: Session | null = null

  constructor(engine: Engine) {
    this.#engine = engine
  }

  get isOn(): boolean {
    return this.listenerCount > 0
  }

  get listenerCount(): number {
    return this.#listeners.length
  }

  /** The returned function ends it. */
  listen(listener: EffectsListener): () => void {
    this.#setListeners([...this.#listeners, listener])
    return () => this.#setListeners(this.#listeners.filter((other) => other !== listener))
  }

  /** The session whose command is applied next; null when it is none of this node's clients. */
  setAuthor(author: Session | null): void {
    this.#author = author
  }

  /** The state was replaced. */
  reset(): void {
    for (const listener of this.#listeners) listener.reset()
  }

  #setListeners(listeners: readonly EffectsListener[]): void {
    this.#listeners = listeners
    this.#engine.onEffects(listeners.length === 0 ? null : this.#tell)
  }

  readonly #tell = (effects: Effects): void => {
    for (const listener of this.#listeners) listener.effects(effects, this.#author)
  }
}
