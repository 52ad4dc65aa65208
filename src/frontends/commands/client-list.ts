/** CLIENT LIST and INFO: who is connected to this node, whatever it speaks, one line each, in Redis' words. */
import { parseInteger } from '../../engine/integers.ts'
import { errorReply } from '../../protocol/reply.ts'
import type { Client } from '../client.ts'
import type { ConnectedClient } from '../connection/clients.ts'
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

export function typeOf({ id }: ConnectedClient, door: Door): ClientType {
  const client = door.clients.resp.get(id)
  return client?.isListening === true && !door.monitors.has(client) ? 'pubsub' : 'normal'
}

/** The clients that the arguments of CLIENT LIST name, or the error reply. */
export function chooseClients(args: readonly Buffer[], door: Door): ConnectedClient[] | Buffer {
  const all = [...door.clients.all.values()]
  if (args.length === 0) return all
  const option = (args[0] as Buffer).toString('latin1').toLowerCase()
  if (option === 'type' && args.length === 2) {
    const type = parseClientType(args[1] as Buffer)
    return Buffer.isBuffer(type) ? type : all.filter((client) => typeOf(client, door) === type)
  }
  if (option !== 'id' || args.length < 2) return SYNTAX_ERROR
  const ids = new Set(args.slice(1).map(parseInteger))
  if (ids.has(null)) return errorReply('ERR Invalid client ID')
  return all.filter((client) => ids.has(client.id))
}

/** One line without its end. */
export function describeClient(of: ConnectedClient, door: Door): string {
  const client = door.clients.resp.get(of.id) ?? null
  const nowMs = door.clock.monotonicMs()
  const seconds = (sinceMs: number): number => Math.max(0, Math.floor((nowMs - sinceMs) / 1000))
  return [
    `id=${of.id}`,
    `addr=${of.peer}`,
    `laddr=${of.local}`,
    'fd=-1',
    `name=${client?.name ?? ''}`,
    `age=${seconds(of.connectedAtMs)}`,
    `idle=${seconds(of.lastActiveMs)}`,
    `flags=${client === null ? 'N' : flagsOf(client, door)}`,
    `db=${client?.database ?? 0}`,
    `sub=${client?.subscriptions?.channel.size ?? 0}`,
    `psub=${client?.subscriptions?.pattern.size ?? 0}`,
    `ssub=${client?.subscriptions?.shard.size ?? 0}`,
    `multi=${client?.transaction?.commands.length ?? -1}`,
    `watch=${client?.watched.size ?? 0}`,
    'qbuf=0',
    'qbuf-free=0',
    `oll=${of.pendingCommands || 0}`,
    `omem=${of.replyBytes}`,
    `tot-mem=${of.replyBytes}`,
    'events=r',
    `cmd=${of.lastCommand}`,
    `user=${door.principal.name}`,
    `redir=${client?.tracking?.options.redirect ?? -1}`,
    `resp=${client?.protocol ?? 0}`,
    `lib-name=${client?.libName ?? ''}`,
    `lib-ver=${client?.libVersion ?? ''}`,
    `consistency=${client?.consistency ?? ''}`,
    `speaks=${of.speaks}`,
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
