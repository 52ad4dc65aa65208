/** `kvorum status`, `kvorum node ...`, `kvorum leader ...`: what the cluster is, and changing its members. */

import type { Command } from 'commander'
import type { Argument } from '../client/connection.ts'
import { parseHostPort } from '../lib/host-port.ts'
import { fetchStatus, type StatusReport } from './cluster/probe.ts'
import { ask, withConnection } from './data-commands.ts'
import { CliError, exitCodes, note, print } from './exit.ts'
import { formatTable } from './table.ts'
import { targetOf, withExamples } from './verb.ts'

/** How long a membership change may take when no --timeout is given. */
const CHANGE_LIMIT_MS = 600_000
/** Waiting is silent for this long. */
const PATIENCE_MS = 3_000

export function addNodeCommands(program: Command): void {
  addStatus(program)
  const node = program.command('node').description('The members of the cluster.')
  withExamples(node, [
    'kvorum node list',
    'kvorum node add n4 10.0.0.4:9090           then: kvorum start --node-id n4 --cluster ...,n4=10.0.0.4:9090',
    'kvorum node remove n4',
    'kvorum node replace n2 n2 10.0.0.2:9090    n2 lost its disk and starts empty',
  ])
  addList(node)
  addChanges(node)
  const leader = program.command('leader').description('The leader of the cluster.')
  withExamples(leader, ['kvorum leader transfer', 'kvorum leader transfer node2'])
  leader
    .command('transfer [node]')
    .description('Hand leadership to a node, or to the one that is furthest.')
    .action((to: string | undefined, _options: object, command: Command) =>
      change(command, ['LEADER', 'TRANSFER', ...(to === undefined ? [] : [to])], 'the next leader'),
    )
}

function addStatus(program: Command): void {
  const status = program
    .command('status')
    .description('State of the cluster as one node sees it; exit status 7 without a leader.')
    .option('--json', 'Print everything the node says, as JSON.')
    .action(async (options: { json?: boolean }, command: Command) => {
      const report = await withConnection(targetOf(command), fetchStatus)
      print(options.json === true ? JSON.stringify(report, null, 2) : describe(report))
      if (report.leader === '') throw new CliError(exitCodes.noQuorum, 'The cluster has no leader')
    })
  withExamples(status, ['kvorum status', 'kvorum -n node2 status', 'kvorum status --json'])
}

function describe(report: StatusReport): string {
  const keys = report.keyspace.reduce((sum, row) => sum + row.keys, 0)
  const state = report.ready ? 'ready' : `not ready: ${report.reasons.join('; ')}`
  const rows = [
    ['node', `${report.name} (${report.role}), ${state}`],
    ['leader', report.leader === '' ? 'none' : `${report.leader}, term ${report.term}`],
    ['majority', report.quorum ? 'reachable' : 'NOT reachable'],
    ['keys', String(keys)],
    ['applied', `${report.appliedIndex} of ${report.commitIndex} committed`],
    ['disk space', report.space],
    ['version', report.version],
    ['cluster', report.clusterId],
  ]
  return [
    ...rows.map(([name = '', value = '']) => `${name.padEnd(11)}${value}`),
    '',
    memberTable(report),
  ].join('\n')
}

function memberTable(report: StatusReport): string {
  const rows = report.peers.map((peer) => [
    peer.member.name,
    peer.member.name === report.leader ? 'leader' : roleOf(peer),
    peer.reachable ? 'up' : 'down',
    peer.member.peerAddress,
    peer.redisAddress,
  ])
  return formatTable(['NODE', 'ROLE', 'STATE', 'PEER ADDRESS', 'REDIS ADDRESS'], rows)
}

function roleOf(peer: { readonly voter: boolean; readonly learner: boolean }): string {
  if (peer.voter) return 'follower'
  return peer.learner ? 'learner' : 'removed'
}

function addList(node: Command): void {
  node
    .command('list')
    .description('Who is a member, and who is reachable from the node that was asked.')
    .option('--json', 'Print JSON.')
    .action(async (options: { json?: boolean }, command: Command) => {
      const report = await withConnection(targetOf(command), fetchStatus)
      print(options.json === true ? JSON.stringify(report.peers, null, 2) : memberTable(report))
    })
}

function addChanges(node: Command): void {
  node
    .command('add <name> <address>')
    .description('Make a node a member: it first learns all data, then votes.')
    .action((name: string, address: string, _options: object, command: Command) =>
      change(command, ['NODE', 'ADD', name, peerAddress(address)], waitedFor(name, address)),
    )
  node
    .command('remove <name>')
    .description('Remove a member; its data stays on its disk.')
    .action((name: string, _options: object, command: Command) =>
      change(command, ['NODE', 'REMOVE', name], 'a majority of the members'),
    )
  node
    .command('replace <old> <name> <address>')
    .description('Let a new or wiped node take the place of a member, in one step.')
    .action((old: string, name: string, address: string, _options: object, command: Command) =>
      change(command, ['NODE', 'REPLACE', old, name, peerAddress(address)], waitedFor(name, address)),
    )
}

function waitedFor(name: string, address: string): string {
  return `${name} at ${address}: it must be up, and catch up`
}

function peerAddress(text: string): string {
  // A node without a port for the others is reached at its HTTP port.
  if (parseHostPort(text.replace(/^http:\/\//, '')) !== null) return text
  throw new CliError(exitCodes.usage, `Cannot use '${text}' as a peer address: wanted host:port`)
}

/** A membership change waits until the new member has caught up: after a while it says that it waits for `whom`. */
async function change(command: Command, words: readonly Argument[], whom: string): Promise<void> {
  const isGiven = command.getOptionValueSourceWithGlobals('timeout') === 'cli'
  const target = targetOf(command)
  const timer = setTimeout(() => note(`waiting for ${whom}`), PATIENCE_MS)
  try {
    await ask(isGiven ? target : { ...target, timeout: CHANGE_LIMIT_MS }, 'KVORUM', ...words)
  } finally {
    clearTimeout(timer)
  }
  print('OK')
}
