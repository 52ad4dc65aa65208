/**
 * R17, seen by plain sockets: what a leaving node has read is answered, what it has not read is not executed.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { replyText } from '../../client/reply.ts'
import { type TestCluster, withCluster } from '../processes/cluster.ts'
import { machine, type Summary, summarize } from '../processes/figures.ts'
import type { NodeProcess } from '../processes/node-process.ts'
import { until } from '../processes/wait.ts'

export interface LeavingOptions {
  readonly rounds: number
  /** Increments that each connection has under way when the node is told to leave. */
  readonly pipeline: number
  readonly connections: number
}

export interface LeavingReport extends LeavingOptions {
  /** From the signal to the end of the process, in milliseconds. */
  readonly exitMs: Summary
  readonly answered: number
  readonly unread: number
  readonly machine: { readonly cores: number; readonly load1: number }
}

export function leaving(options: LeavingOptions): Promise<LeavingReport> {
  return withCluster({}, async (cluster) => {
    await halfClose(cluster.node(0))
    const exits: number[] = []
    let answered = 0
    for (let round = 0; round < options.rounds; round++) {
      const leader = await cluster.leader()
      const node = round % 2 === 0 ? leader : (cluster.others(leader)[0] as NodeProcess)
      const pipelines = await Promise.all(
        Array.from({ length: options.connections }, (_, i) => Pipeline.open(node, `leaving:${round}:${i}`)),
      )
      for (const pipeline of pipelines) pipeline.send(options.pipeline)
      await until('the first replies', () => pipelines.every((pipeline) => pipeline.replies.length > 0))
      for (const pipeline of pipelines) pipeline.send(options.pipeline)
      const start = performance.now()
      node.signal('SIGTERM')
      assert.equal(await node.exited(), 0)
      exits.push(Math.round(performance.now() - start))
      for (const pipeline of pipelines) answered += await pipeline.judge(cluster)
      await node.restart()
    }
    const sent = options.rounds * options.connections * options.pipeline * 2
    return { ...options, exitMs: summarize(exits), answered, unread: sent - answered, machine: machine() }
  })
}

/** A pipeline of increments of one counter over a plain socket. */
class Pipeline {
  readonly #socket: Socket
  readonly #key: string
  #text = ''
  #end: 'none' | 'clean' | 'broken' = 'none'

  private constructor(socket: Socket, key: string) {
    this.#socket = socket
    this.#key = key
    socket.setEncoding('latin1')
    socket.on('data', (text) => {
      this.#text += text
    })
    socket.on('end', () => {
      if (this.#end === 'none') this.#end = 'clean'
    })
    socket.on('error', () => {
      if (this.#end === 'none') this.#end = 'broken'
    })
  }

  static async open(node: NodeProcess, key: string): Promise<Pipeline> {
    const socket = await openSocket(node)
    return new Pipeline(socket, key)
  }

  get replies(): string[] {
    return this.#text.split('\r\n').slice(0, -1)
  }

  send(count: number): void {
    this.#socket.write(`INCR ${this.#key}\r\n`.repeat(count))
  }

  /** Compares what was answered with what was counted; the number of answers. */
  async judge(cluster: TestCluster): Promise<number> {
    await until(`the end of ${this.#key}`, () => this.#end !== 'none')
    const { replies } = this
    assert.equal(this.#end, 'clean', `${this.#key}: the connection was reset, which destroys replies`)
    const numbers = replies.filter((reply) => reply.startsWith(':'))
    const refusals = replies.filter((reply) => !reply.startsWith(':'))
    for (const refusal of refusals) assert.match(refusal, /^-MASTERDOWN .*was not applied$/)
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => `:${i + 1}`),
      `${this.#key}: replies are not in order`,
    )
    const counted = await (cluster.running[0] as NodeProcess).command('GET', this.#key)
    assert.equal(replyText(counted), String(numbers.length), `${this.#key}: counted and answered differ`)
    return numbers.length
  }
}

/** `printf 'SET …' | nc`: the client sends, closes its side, and still gets every reply. */
async function halfClose(node: NodeProcess): Promise<void> {
  const socket = await openSocket(node)
  let text = ''
  socket.setEncoding('latin1')
  socket.on('data', (part) => {
    text += part
  })
  socket.end('SET half closed\r\nINCR half:counter\r\nGET half\r\n')
  await once(socket, 'end')
  assert.equal(text, '+OK\r\n:1\r\n$6\r\nclosed\r\n')
}

async function openSocket(node: NodeProcess): Promise<Socket> {
  const { host, redisPort: port } = node.options
  const socket = connect({ host, port, allowHalfOpen: false })
  await once(socket, 'connect')
  return socket
}
