/** MEMORY: of this process; MEMORY USAGE of a key is a read of the cluster (engine/commands/memory.ts). */
import { totalmem } from 'node:os'
import { integerReply, mapReply, OK_REPLY, textReply, verbatimReply } from '../../protocol/reply.ts'
import { localCommand } from '../client.ts'
import type { Door } from '../door.ts'
import { helpOf } from './help.ts'

const row = {
  group: 'server',
  since: '4.0.0',
  flags: [],
  categories: ['@slow'],
}
const MiB = 1024 * 1024

const stats = localCommand({
  ...row,
  name: 'memory|stats',
  arity: 2,
  summary: 'What the memory of this process is used for.',
  run: (_client, _args, door) => {
    const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage()
    const keys = door.executor.status().keyspace.reduce((sum, database) => sum + database.keys, 0)
    const facts: readonly (readonly [string, number])[] = [
      ['peak.allocated', process.resourceUsage().maxRSS * 1024],
      ['total.allocated', heapUsed + external],
      ['clients.normal', repliesWaiting(door)],
      ['keys.count', keys],
      ['allocator.allocated', heapUsed],
      ['allocator.active', heapTotal],
      ['allocator.resident', rss],
      ['external', external],
      ['buffers', arrayBuffers],
    ]
    return mapReply(facts.flatMap(([name, value]) => [textReply(name), integerReply(value)]))
  },
})

const doctor = localCommand({
  ...row,
  name: 'memory|doctor',
  arity: 2,
  summary: 'Says whether the memory of this process looks well.',
  run: (_client, _args, door) => verbatimReply('txt', diagnosis(door)),
})

const purge = localCommand({
  ...row,
  name: 'memory|purge',
  arity: 2,
  summary: 'Accepted: the runtime collects garbage by itself.',
  run: () => OK_REPLY,
})

const mallocStats = localCommand({
  ...row,
  name: 'memory|malloc-stats',
  arity: 2,
  summary: 'The figures of the runtime, as it gives them.',
  run: () => {
    const lines = Object.entries(process.memoryUsage()).map(([name, bytes]) => `${name}: ${bytes}`)
    return verbatimReply('txt', `${lines.join('\n')}\n`)
  },
})

export const memory = localCommand({
  ...row,
  name: 'memory',
  arity: -2,
  summary: 'A container for memory commands.',
  subcommands: [stats, doctor, purge, mallocStats, helpOf('memory', '4.0.0')],
})

function repliesWaiting(door: Door): number {
  let bytes = 0
  for (const client of door.clients.all.values()) bytes += client.replyBytes
  return bytes
}

function diagnosis(door: Door): string {
  const { rss } = process.memoryUsage()
  const found: string[] = []
  if (rss > totalmem() / 2) {
    found.push(`This process holds ${Math.round(rss / MiB)} MiB, more than half of the machine's memory.`)
  }
  const waiting = repliesWaiting(door)
  if (waiting > 64 * MiB) {
    found.push(
      `${Math.round(waiting / MiB)} MiB of replies wait for clients that read slowly: see CLIENT LIST, omem.`,
    )
  }
  return `${found.length === 0 ? 'Nothing to report about memory here.' : found.join('\n')}\n`
}
