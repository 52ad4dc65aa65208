/** CLIENT TRACKING, CACHING, TRACKINGINFO and GETREDIR: the server's part of a cache in the client. */
import { parseInteger } from '../../engine/integers.ts'
import {
  arrayReply,
  bulkReply,
  errorReply,
  integerReply,
  mapReply,
  OK_REPLY,
  setReply,
  textReply,
} from '../../protocol/reply.ts'
import { type Client, type LocalCommand, localCommand } from '../client.ts'
import type { Door } from '../door.ts'
import { NOT_AN_INTEGER, SYNTAX_ERROR } from '../resp/errors.ts'
import type { TrackingMode, TrackingOptions } from '../tracking/client-tracking.ts'

const row = { since: '6.0.0', flags: ['noscript', 'loading', 'stale'], categories: ['@slow', '@connection'] }

const SECOND_REDIRECT = errorReply('ERR A client can only redirect to a single other client')
const NO_SUCH_CLIENT = errorReply('ERR The client ID you want redirect to does not exist')
const PREFIX_ALONE = errorReply('ERR PREFIX option requires BCAST mode to be enabled')
const OTHER_MODE = 'before disabling tracking for this client, and then re-enabling it with a different mode.'
const SWITCHED_BCAST = errorReply(`ERR You can't switch BCAST mode on/off ${OTHER_MODE}`)
const SWITCHED_OPT = errorReply(`ERR You can't switch OPTIN/OPTOUT mode ${OTHER_MODE}`)
const OPT_WITH_BCAST = errorReply('ERR OPTIN and OPTOUT are not compatible with BCAST')
const BOTH_OPT = errorReply("ERR You can't specify both OPTIN mode and OPTOUT mode")
const NOT_TRACKING = errorReply(
  'ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled',
)
const ONLY_OPTIN = errorReply('ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.')
const ONLY_OPTOUT = errorReply('ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.')
const EVERY_KEY = Buffer.alloc(0)

interface Words {
  redirect: number
  bcast: boolean
  optin: boolean
  optout: boolean
  noLoop: boolean
  readonly prefixes: Buffer[]
}

const tracking = localCommand({
  ...row,
  name: 'client|tracking',
  arity: -3,
  summary: 'Tells this connection when keys that it read have changed.',
  run: (client, args, door) => {
    const words = parseWords(args.slice(1), door)
    if (Buffer.isBuffer(words)) return words
    const word = wordOf(args[0] as Buffer)
    if (word === 'off') {
      door.tracking.turnOff(client)
      return OK_REPLY
    }
    if (word !== 'on') return SYNTAX_ERROR
    const options = optionsOf(words, client)
    if (Buffer.isBuffer(options)) return options
    door.tracking.turnOn(client, options)
    return OK_REPLY
  },
})

const caching = localCommand({
  ...row,
  name: 'client|caching',
  arity: 3,
  summary: 'Chooses whether the reads of the next command are tracked.',
  run: (client, args) => {
    const mode = client.tracking?.options.mode
    if (client.tracking === null) return NOT_TRACKING
    const word = wordOf(args[0] as Buffer)
    if (word !== 'yes' && word !== 'no') return SYNTAX_ERROR
    if (word === 'yes' && mode !== 'optin') return ONLY_OPTIN
    if (word === 'no' && mode !== 'optout') return ONLY_OPTOUT
    client.tracking.isCachingGiven = true
    return OK_REPLY
  },
})

const trackingInfo = localCommand({
  ...row,
  name: 'client|trackinginfo',
  arity: 2,
  since: '6.2.0',
  summary: 'How this connection is told of changed keys.',
  run: (client) => {
    const options = client.tracking?.options
    return mapReply([
      textReply('flags'),
      setReply(flagsOf(client).map(textReply)),
      textReply('redirect'),
      integerReply(options?.redirect ?? -1),
      textReply('prefixes'),
      arrayReply((options?.prefixes ?? []).map(bulkReply)),
    ])
  },
})

const getRedir = localCommand({
  ...row,
  name: 'client|getredir',
  arity: 2,
  summary: 'Which connection is told of changed keys: -1 = none, 0 = this one.',
  run: (client) => integerReply(client.tracking?.options.redirect ?? -1),
})

/** For the container CLIENT. */
export const trackingCommands: readonly LocalCommand[] = [tracking, caching, trackingInfo, getRedir]

function parseWords(args: readonly Buffer[], door: Door): Words | Buffer {
  const words: Words = { redirect: 0, bcast: false, optin: false, optout: false, noLoop: false, prefixes: [] }
  for (let i = 0; i < args.length; i++) {
    const word = wordOf(args[i] as Buffer)
    const value = args[i + 1]
    if (word === 'redirect' && value !== undefined) {
      if (words.redirect !== 0) return SECOND_REDIRECT
      const id = parseInteger(value)
      if (id === null) return NOT_AN_INTEGER
      if (!door.clients.resp.has(Number(id))) return NO_SUCH_CLIENT
      words.redirect = Number(id)
      i++
    } else if (word === 'prefix' && value !== undefined) {
      words.prefixes.push(Buffer.from(value))
      i++
    } else if (word === 'bcast') words.bcast = true
    else if (word === 'optin') words.optin = true
    else if (word === 'optout') words.optout = true
    else if (word === 'noloop') words.noLoop = true
    else return SYNTAX_ERROR
  }
  return words
}

/** What the words mean for `client` as it is, or the error reply. */
function optionsOf(words: Words, client: Client): TrackingOptions | Buffer {
  const { redirect, bcast, optin, optout, noLoop, prefixes } = words
  const before = client.tracking?.options
  if (!bcast && prefixes.length > 0) return PREFIX_ALONE
  if (before !== undefined && bcast !== (before.mode === 'broadcast')) return SWITCHED_BCAST
  if (bcast && (optin || optout)) return OPT_WITH_BCAST
  if (optin && optout) return BOTH_OPT
  const isSwitched = (optin && before?.mode === 'optout') || (optout && before?.mode === 'optin')
  if (isSwitched) return SWITCHED_OPT
  if (!bcast) return { mode: modeOf(optin, optout), redirect, noLoop, prefixes: [] }
  const kept = before?.prefixes ?? []
  const overlap = overlapError(kept, prefixes)
  if (overlap !== null) return overlap
  const all = [...kept, ...(prefixes.length === 0 && kept.length === 0 ? [EVERY_KEY] : prefixes)]
  return { mode: 'broadcast', redirect, noLoop, prefixes: all }
}

function modeOf(optin: boolean, optout: boolean): TrackingMode {
  if (optin) return 'optin'
  return optout ? 'optout' : 'all'
}

/** A key must match one prefix of a connection at most. */
function overlapError(kept: readonly Buffer[], given: readonly Buffer[]): Buffer | null {
  for (const [i, prefix] of given.entries()) {
    const old = kept.find((other) => overlaps(prefix, other))
    if (old !== undefined) return overlapReply(prefix, 'an existing prefix', old)
    const other = given.slice(i + 1).find((later) => overlaps(prefix, later))
    if (other !== undefined) return overlapReply(prefix, 'another provided prefix', other)
  }
  return null
}

function overlaps(a: Buffer, b: Buffer): boolean {
  const length = Math.min(a.length, b.length)
  return a.subarray(0, length).equals(b.subarray(0, length))
}

function overlapReply(prefix: Buffer, what: string, other: Buffer): Buffer {
  const text = `ERR Prefix '${prefix}' overlaps with ${what} '${other}'.`
  return errorReply(`${text} Prefixes for a single client must not overlap.`)
}

function flagsOf({ tracking: state }: Client): string[] {
  if (state === null) return ['off']
  const { mode, noLoop } = state.options
  const flags = ['on']
  if (mode === 'broadcast') flags.push('bcast')
  if (mode === 'optin') flags.push('optin')
  if (mode === 'optin' && state.isCachingGiven) flags.push('caching-yes')
  if (mode === 'optout') flags.push('optout')
  if (mode === 'optout' && state.isCachingGiven) flags.push('caching-no')
  if (noLoop) flags.push('noloop')
  if (state.isRedirectBroken) flags.push('broken_redirect')
  return flags
}

function wordOf(arg: Buffer): string {
  return arg.toString('latin1').toLowerCase()
}
