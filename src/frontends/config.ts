/**
 * What the doors are told by the server: addresses, password, advertised names, limits. Values are checked by
 * the server's own configuration code before they get here.
 */

import type { Socket } from 'node:net'
import type { Executor } from '../cluster/execute.ts'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../protocol/limits.ts'
import type { TlsPorts } from './security/tls-port.ts'

export interface DoorsConfig {
  /** The address both ports are bound to, e.g. '127.0.0.1' or '::'. */
  readonly host: string
  /** One port for everything: httpPort; redisPort means nothing then. */
  readonly onePort: boolean
  /** 0 = any free port. */
  readonly redisPort: number
  readonly httpPort: number
  /** 'host:port' under which clients reach this node; '' = host and port as bound. */
  readonly advertiseRedis: string
  readonly advertiseHttp: string
  /** R18: further names that a Host header may carry, without a port; in any case. */
  readonly allowedHosts: readonly string[]
  /** R18: origins whose pages may use the HTTP API, as browsers write them: 'https://app.example.com'. */
  readonly corsOrigins: readonly string[]
  /** Password of the user 'default'; '' = none. */
  readonly password: string
  /** How lines of plain text are answered: as Redis does, or by the text protocols of frontends/text/. */
  readonly inline: 'resp' | 'json' | 'plain'
  /** Still accepted during a rotation; '' = none. */
  readonly previousPassword: string
  /** notify-keyspace-events until clients set it for the whole cluster. */
  readonly notifyKeyspaceEvents: string
  /** R19: serve peers beyond loopback without a password. */
  readonly insecure: boolean
  /** R19: /metrics is for everyone, without a password and from anywhere. */
  readonly metricsOpen: boolean
  /** Client connections of both ports together (R20). */
  readonly maxClients: number
  /** What parameters of CONFIG are from the start on, by name; values as CONFIG SET takes them. */
  readonly parameters: Readonly<Record<string, string>>
  /** The configuration file that the node was started with; '' = none. */
  readonly configFile: string
  /** How long a command of a RESP client may take before it is given up, in milliseconds (R15). */
  readonly commandTimeoutMs: number
  /**
   * How long an HTTP client may take to send its request's headers, in milliseconds; six times that for all
   * of it.
   */
  readonly httpHeadersMs: number
  /** What large and small HTTP answers may take each, in bytes (R20). */
  readonly httpReplyBytes: number
  readonly httpSmallReplyBytes: number
  /** How long a client may take to begin a TLS handshake, in milliseconds. */
  readonly tlsHandshakeMs: number
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type Log = (level: LogLevel, message: string, fields?: Record<string, unknown>) => void

/** The least severe lines that are logged. */
export interface LevelSwitch {
  level: LogLevel
}

export interface DoorsOptions {
  readonly executor: Executor
  readonly clock: Clock
  readonly config: DoorsConfig
  readonly log: Log
  /** What CONFIG SET loglevel changes. */
  readonly logLevel?: LevelSwitch
  /** Takes other nodes that come through a client port; left out: their own port is the only way in. */
  readonly acceptPeer?: ((socket: Socket) => void) | null
  /** CONFIG REWRITE: puts values into the configuration file, by its keys; rejects with what is wrong. */
  readonly rewriteConfig?: (values: ReadonlyMap<string, string | number>) => Promise<void>
  /** TLS by port; left out: plain text only. */
  readonly tls?: TlsPorts
  /** When the certificate of the ports ends, in milliseconds since 1970; without TLS there is none. */
  readonly certificateEndsMs?: () => number
}

/** A configuration for one node on loopback, to be spread over. */
export const defaultDoorsConfig: DoorsConfig = {
  host: '127.0.0.1',
  onePort: false,
  redisPort: 6379,
  httpPort: 8080,
  advertiseRedis: '',
  advertiseHttp: '',
  allowedHosts: [],
  corsOrigins: [],
  inline: 'resp',
  password: '',
  previousPassword: '',
  notifyKeyspaceEvents: '',
  insecure: false,
  metricsOpen: false,
  maxClients: limits.clientConnections,
  parameters: {},
  configFile: '',
  commandTimeoutMs: 2 * limits.holdMs,
  httpHeadersMs: 10_000,
  httpReplyBytes: limits.httpReplyBytes,
  httpSmallReplyBytes: limits.httpSmallReplyBytes,
  tlsHandshakeMs: 10_000,
}
