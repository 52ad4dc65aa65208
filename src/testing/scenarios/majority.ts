/**
 * One node of three away: everything works. Two away: refused with the documented error, and nothing hangs.
 */
import assert from 'node:assert/strict'
import { ReplyError, replyText } from '../../client/reply.ts'
import { errors } from '../../protocol/errors.ts'
import { RULE_TIMES, withCluster } from '../processes/cluster.ts'
import { machine, type Summary, summarize } from '../processes/figures.ts'
import type { NodeProcess } from '../processes/node-process.ts'
import { until } from '../processes/wait.ts'
import { type Writer, writeAll } from '../processes/writer.ts'

export interface MajorityOptions {
  readonly rounds: number
  /** Writes of each stage. */
  readonly writes: number
}

export interface MajorityReport extends MajorityOptions {
  /**
   * Of commands given to the node that is left, in milliseconds; the first ones after the second loss apart.
   */
  readonly firstRefusalMs: Summary
  readonly refusalMs: Summary
  readonly machine: { readonly cores: number; readonly load1: number }
}

const VALUE_BYTES = 50
const REFUSED_COMMANDS = 20

export function majority(options: MajorityOptions): Promise<MajorityReport> {
  return withCluster({ flags: RULE_TIMES }, async (cluster) => {
    const first: number[] = []
    const later: number[] = []
    const writers: Writer[] = []
    for (let round = 0; round < options.rounds; round++) {
      const write = async (node: NodeProcess, stage: string): Promise<void> => {
        const prefix = `majority:${round}:${stage}:${node.name}`
        // While one is away, one that stands still for a second is a majority lost: refused, it is written again.
        writers.push(
          await until(`the writes of ${prefix}`, () =>
            writeAll(node, { prefix, count: options.writes, valueBytes: VALUE_BYTES }),
          ),
        )
      }
      // The leader goes first in even rounds, last in odd ones.
      const leader = await cluster.leader()
      const [a, b] = cluster.others(leader) as [NodeProcess, NodeProcess]
      const [one, two, left] = round % 2 === 0 ? [leader, a, b] : [a, leader, b]
      await one.kill()
      for (const node of [two, left]) await write(node, 'two')
      await two.kill()
      // A leader that has not noticed yet may have proposed it: then its outcome is not known, and it says so.
      first.push(await refusalMs(left, 'SET', [errors.NO_QUORUM.resp, errors.UNKNOWN_OUTCOME.resp]))
      await until('no majority to be reported', async () => !(await left.status()).quorum)
      for (let i = 0; i < REFUSED_COMMANDS; i++)
        later.push(await refusalMs(left, i % 2 === 0 ? 'SET' : 'GET'))
      await answersLocally(left)
      await two.restart()
      for (const node of [two, left]) await write(node, 'again')
      await one.restart()
      await write(one, 'three')
      for (const node of cluster.nodes) for (const writer of writers) await writer.verify(node)
    }
    return {
      ...options,
      firstRefusalMs: summarize(first),
      refusalMs: summarize(later),
      machine: machine(),
    }
  })
}

/** Gives a command that must be refused for want of a majority; how long that took. */
async function refusalMs(
  node: NodeProcess,
  name: 'GET' | 'SET',
  wanted: readonly string[] = [errors.NO_QUORUM.resp],
): Promise<number> {
  const connection = await node.connect()
  const start = performance.now()
  try {
    await connection.command(name, 'refused', ...(name === 'SET' ? ['1'] : []))
    assert.fail(`${node.name} answered ${name} without a majority`)
  } catch (error) {
    assert.ok(error instanceof ReplyError, String(error))
    assert.ok(wanted.includes(error.message), `${node.name} answered ${name}: ${error.message}`)
    return Math.round((performance.now() - start) * 10) / 10
  } finally {
    connection.close()
  }
}

/** What needs no cluster is answered, and the node tells the truth about itself. */
async function answersLocally(node: NodeProcess): Promise<void> {
  assert.equal(replyText(await node.command('PING')), 'PONG')
  assert.match(
    replyText(await node.command('INFO', 'replication')) ?? '',
    /master_link_status:down|role:master/,
  )
  assert.equal(await node.isReady(), false)
}
