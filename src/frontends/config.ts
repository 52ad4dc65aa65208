/**
 * What the doors are told by the server: addresses, password, advertised names, limits. Values are checked by
 * the server's own configuration code before they get here.
 */

import type { Executor } from '../cluster/execute.ts'
import type { Clock } from '../lib/clock.ts'
import { limits } from '../protocol/limits.ts'

export interface DoorsConfig {
  /** The address both ports are bound to, e.g. '127.0.0.1' or '::'. */
  readonly host: string
  /** 0 = any free port. */
  readonly redisPort: number
  readonly httpPort: number
  /** 'host:port' under which clients reach this node; '' = host and port as bound. */
  readonly advertiseRedis: string
  readonly advertiseHttp: string
  /** R18: further names that a Host header may carry, without a port; in any case. */
  readonly allowedHosts: readonly string[]
  /** Password of the user 'default'; '' = none. */
  readonly password: string
  /** R19: serve peers beyond loopback without a password. */
  readonly insecure: boolean
  /** Client connections of both ports together (R20). */
  readonly maxClients: number
  /** How long a command of a RESP client may take before it is given up, in milliseconds (R15). */
  readonly commandTimeoutMs: number
  /**
   * How long an HTTP client may take to send its request's headers, in milliseconds; six times that for all
   * of it.
   */
  readonly httpHeadersMs: number
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export type Log = (level: LogLevel, message: string, fields?: Record<string, unknown>) => void

export interface DoorsOptions {
  readonly executor: Executor
  readonly clock: Clock
  readonly config: DoorsConfig
  readonly log: Log
}

/** A configuration for one node on loopback, to be spread over. */
export const defaultDoorsConfig: DoorsConfig = {
  host: '127.0.0.1',
  redisPort: 6379,
  httpPort: 8080,
  advertiseRedis: '',
  advertiseHttp: '',
  allowedHosts: [],
  password: '',
  insecure: false,
  maxClients: limits.clientConnections,
  commandTimeoutMs: 2 * limits.holdMs,
  httpHeadersMs: 10_000,
}
