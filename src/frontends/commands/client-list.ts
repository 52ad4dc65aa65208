/** CLIENT LIST and INFO: the connections of RESP clients to this node, one line each, in Redis' words. */
import { errorReply } from '../../protocol/reply.ts'
import type { Client } from '../client.ts'
import type { Door } from '../door.ts'
import { SYNTAX_ERROR } from '../resp/errors.ts'

/** What CLIENT LIST TYPE and CLIENT KILL TYPE tell apart; there are no masters and replicas among clients. */
export type ClientType = 'normal' | 'pubsub' | 'master' | 'replica'

const TYPES: Readonly<Record<string, ClientType>> = {
  normal: 'normal',
  pubsub: 'pubsub',
  master: 'master',
  replica: 'replica',
  slave: 'replica',
}

/** The type that a client named, or the error reply. */
export function parseClientType(word: Buffer): ClientType | Buffer {
  const text = word.toString('latin1')
  return TYPES[text.toLowerCase()] ?? errorReply(`ERR Unknown client type '${text}'`)
}

export function typeOf(client: Client, door: Door): ClientType {
  return client.isListening && !door.monitors.has(client) ? 'pubsub' : 'normal'
}

/** The clients that the arguments of CLIENT LIST name, or the error reply. */
export function chooseClients(args: readonly Buffer[], door: Door): Client[] | Buffer {
  const all = [...door.clients.values()]
  if (args.length === 0) return all
  const option = (args[0] as Buffer).toString('latin1').toLowerCase()
  if (option === 'type' && args.length === 2) {
    const type = parseClientType(args[1] as Buffer)
    return Buffer.isBuffer(type) ? type : all.filter((client) => typeOf(client, door) === type)
  }
  if (option !== 'id' || args.length < 2) return SYNTAX_ERROR
  const ids = args.slice(1).map(Number)
  if (ids.some((number) => !Number.isInteger(number) || number < 1))
    return errorReply('ERR Invalid client ID')
  return all.filter((client) => ids.includes(client.id))
}

/** One line without its end. */
export function describeClient(of: Client, door: Door): string {
  const nowMs = door.clock.monotonicMs()
  const seconds = (sinceMs: number): number => Math.max(0, Math.floor((nowMs - sinceMs) / 1000))
  return [
    `id=${of.id}`,
    `addr=${of.peer}`,
    `laddr=${of.local}`,
    'fd=-1',
    `name=${of.name}`,
    `age=${seconds(of.connectedAtMs)}`,
    `idle=${seconds(of.lastActiveMs)}`,
    `flags=${flagsOf(of, door)}`,
    `db=${of.database}`,
    `sub=${of.subscriptions?.channel.size ?? 0}`,
    `psub=${of.subscriptions?.pattern.size ?? 0}`,
    `ssub=${of.subscriptions?.shard.size ?? 0}`,
    `multi=${of.transaction === null ? -1 : of.transaction.commands.length}`,
    `watch=${of.watched.size}`,
    'qbuf=0',
    'qbuf-free=0',
    `oll=${of.pendingCommands}`,
    `omem=${of.replyBytes}`,
    `tot-mem=${of.replyBytes}`,
    'events=r',
    `cmd=${of.lastCommand}`,
    `user=${door.principal.name}`,
    `redir=${of.tracking?.options.redirect ?? -1}`,
    `resp=${of.protocol}`,
    `lib-name=${of.libName}`,
    `lib-ver=${of.libVersion}`,
    `consistency=${of.consistency}`,
  ].join(' ')
}

/**
 * Redis' letters: O monitor, P subscriber, x transaction, b waits, t tracks keys (R: its redirection is gone, B: by
 * prefixes), e not evicted, T does not touch; N none of them.
 */
function flagsOf(client: Client, door: Door): string {
  const flags = [
    door.monitors.has(client) ? 'O' : '',
    typeOf(client, door) === 'pubsub' ? 'P' : '',
    client.transaction === null ? '' : 'x',
    client.unblocker === null ? '' : 'b',
    client.tracking === null ? '' : 't',
    client.tracking?.isRedirectBroken === true ? 'R' : '',
    client.tracking?.options.mode === 'broadcast' ? 'B' : '',
    client.noEvict ? 'e' : '',
    client.noTouch ? 'T' : '',
  ].join('')
  return flags === '' ? 'N' : flags
}
