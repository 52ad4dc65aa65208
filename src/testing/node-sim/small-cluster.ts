/** Three simulated nodes without faults of their own, and how a test talks to them. */
import type { ExecuteOptions, Result } from '../../cluster/execute.ts'
import type { Node } from '../../cluster/node.ts'
import { DEFAULT_TIMING, type Timing } from '../../cluster/timing.ts'
import { must } from '../../lib/assert.ts'
import { SimNetwork } from '../sim/network.ts'
import { SimWorld } from '../sim/world.ts'
import { command } from './commands.ts'
import { Machine } from './machine.ts'
import { drawNodeParams, type NodeSimParams } from './params.ts'

const NAMES = ['n1', 'n2', 'n3']

export class SmallCluster {
  readonly world = new SimWorld(11)
  readonly network = new SimNetwork(this.world)
  readonly machines: Machine[]
  readonly #params: NodeSimParams
  /** Log lines of all nodes. */
  readonly notes: string[] = []

  readonly #timing: Timing

  /** `programs`: the engine levels of their programs (R7); the newest when left out. */
  constructor(programs: Readonly<Record<string, number>> = {}, timing: Timing = DEFAULT_TIMING) {
    this.#timing = timing
    this.#params = { ...drawNodeParams(this.world.random.fork('params')), clockSkewMs: 0, slowSync: 0 }
    this.machines = NAMES.map((name) => this.machine(name, NAMES, programs[name]))
    for (const machine of this.machines) machine.start()
    this.until('all are ready', () =>
      this.machines.every(({ node }) => node?.host != null && node.status().ready),
    )
  }

  /** A machine that is not started; of the three, or one more. */
  machine(name: string, cluster: readonly string[], program: number | undefined = undefined): Machine {
    return new Machine({
      network: this.network,
      name,
      params: this.#params,
      cluster,
      timing: this.#timing,
      ...(program === undefined ? {} : { program }),
      onEnd() {},
      note: (text) => this.notes.push(text),
    })
  }

  get leader(): Machine {
    return must(
      this.machines.find(({ node }) => node?.status().role === 'leader'),
      'leader',
    )
  }

  get follower(): Machine {
    return must(
      this.machines.find((machine) => machine !== this.leader),
      'follower',
    )
  }

  until(what: string, condition: () => boolean): void {
    this.world.runUntil(condition, what, { timeoutMs: 20_000 })
  }

  /** Runs `ask` in a turn of the machine and waits for its answer. */
  ask<T>(machine: Machine, ask: (node: Node, answer: (value: T) => void) => void): T {
    const answers: T[] = []
    machine.sim.process.schedule(0, 'ask', () =>
      ask(must(machine.node, 'node'), (value) => answers.push(value)),
    )
    this.until('the answer', () => answers.length > 0)
    return must(answers[0] ?? null, 'answer')
  }

  run(machine: Machine, words: string[], options: Partial<ExecuteOptions> = {}): string {
    const [name = '', ...args] = words
    const { reply } = this.ask<Result>(machine, (node, answer) =>
      node.execute(command(name, ...args), { ...optionsOf(machine, node), ...options }, answer),
    )
    return reply.toString()
  }
}

/** Options of a linearizable command on a connection of its own. */
export function optionsOf(machine: Machine, node: Node): ExecuteOptions {
  const deadlineMs = machine.nowMs() + 4_000
  return { session: node.openSession(), consistency: 'linearizable', deadlineMs, principal: { name: 'test' } }
}
