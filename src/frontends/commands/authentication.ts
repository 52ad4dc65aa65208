/**
 * AUTH and HELLO: who the client is and which protocol it reads (design R19). Passwords are compared in
 * constant time and never logged.
 */

import type { NodeStatus } from '../../cluster/execute.ts'
import { parseInteger } from '../../engine/integers.ts'
import {
  EMPTY_ARRAY_REPLY,
  errorCodeReply,
  errorReply,
  integerReply,
  mapReply,
  OK_REPLY,
  textReply,
} from '../../protocol/reply.ts'
import { type Client, localCommand } from '../client.ts'
import type { Door } from '../door.ts'
import { SYNTAX_ERROR } from '../resp/errors.ts'
import { loginRefusal } from '../security/login.ts'
import { REDIS_VERSION } from '../version.ts'
import { isClientName, NAME_ERROR } from './client-names.ts'

const NO_PASSWORD = errorReply(
  'ERR AUTH <password> called without any password configured for the default user. ' +
    'Are you sure your configuration is correct?',
)
const HELLO_NOAUTH = errorReply(
  'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> ' +
    'AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version ' +
    'at the same time',
)

export const auth = localCommand({
  name: 'auth',
  arity: -2,
  flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
  isOpen: true,
  summary: 'Authenticates the connection.',
  run: (client, args, door) => {
    if (args.length > 2) return SYNTAX_ERROR
    if (args.length === 1 && !door.hasPassword) return NO_PASSWORD
    const user = args.length === 2 ? (args[0] as Buffer) : 'default'
    return login(client, door, user, args[args.length - 1] as Buffer) ?? OK_REPLY
  },
})

export const hello = localCommand({
  name: 'hello',
  arity: -1,
  flags: ['noscript', 'loading', 'stale', 'fast', 'no_auth', 'allow_busy'],
  isOpen: true,
  since: '6.0.0',
  summary: 'Chooses the protocol, and authenticates and names the connection in the same step.',
  run: (client, args, door) => {
    const options = parseHello(args)
    if (Buffer.isBuffer(options)) return options
    const refusal = options.user === null ? null : login(client, door, options.user, options.password)
    if (refusal !== null) return refusal
    if (!client.isAuthenticated) return HELLO_NOAUTH
    if (options.name !== null) {
      if (!isClientName(options.name)) return NAME_ERROR
      client.name = options.name.toString('latin1')
    }
    if (options.protocol !== null) client.protocol = options.protocol
    return helloReply(client, door.executor.status())
  },
})

/** The error reply, or null when the client is authenticated now. */
function login(client: Client, door: Door, user: Buffer | string, password: Buffer): Buffer | null {
  const refused = loginRefusal(door, client.peer, user, password)
  if (refused !== null) return errorCodeReply(refused)
  client.authenticate(true)
  return null
}

interface HelloOptions {
  protocol: 2 | 3 | null
  user: Buffer | null
  password: Buffer
  name: Buffer | null
}

/** The options, or the error reply. */
function parseHello(args: readonly Buffer[]): HelloOptions | Buffer {
  const options: HelloOptions = { protocol: null, user: null, password: Buffer.alloc(0), name: null }
  if (args.length > 0) {
    const version = parseInteger(args[0] as Buffer)
    if (version === null) return errorReply('ERR Protocol version is not an integer or out of range')
    if (version !== 2 && version !== 3) return errorReply('NOPROTO unsupported protocol version')
    options.protocol = version
  }
  for (let i = 1; i < args.length; i++) {
    const word = (args[i] as Buffer).toString('latin1')
    const left = args.length - 1 - i
    if (word.toUpperCase() === 'AUTH' && left >= 2) {
      options.user = args[++i] as Buffer
      options.password = args[++i] as Buffer
    } else if (word.toUpperCase() === 'SETNAME' && left >= 1) {
      options.name = args[++i] as Buffer
    } else {
      return errorReply(`ERR Syntax error in HELLO option '${word}'`)
    }
  }
  return options
}

function helloReply(client: Client, status: NodeStatus): Buffer {
  return mapReply([
    textReply('server'),
    textReply('redis'),
    textReply('version'),
    textReply(REDIS_VERSION),
    textReply('proto'),
    integerReply(client.protocol),
    textReply('id'),
    integerReply(client.id),
    textReply('mode'),
    textReply('standalone'),
    textReply('role'),
    textReply(status.role === 'leader' ? 'master' : 'replica'),
    textReply('modules'),
    EMPTY_ARRAY_REPLY,
  ])
}
