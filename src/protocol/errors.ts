/**
 * The one table of errors (R16): what went wrong, whether the operation may have taken effect, whether trying again
 * can help, and how each door says so. Clients retry by RESP prefix: an error whose effect is unknown never begins
 * with a prefix that invites a retry (LOADING, READONLY, MASTERDOWN, CLUSTERDOWN, TRYAGAIN, NOREPLICAS).
 */

export interface ErrorRow {
  /** `none`: certainly not applied. `unknown`: it may or may not have been, or will be, applied. `applied`: it was. */
  readonly effect: 'none' | 'unknown' | 'applied'
  readonly retryable: boolean
  /** The RESP error line without '-' and line end: prefix, then text. */
  readonly resp: string
  readonly http: number
  /** Exit status of the command line. */
  readonly exit: number
}

export const errors = {
  BAD_REQUEST: { effect: 'none', retryable: false, resp: 'ERR bad request', http: 400, exit: 2 },
  PROTOCOL: { effect: 'none', retryable: false, resp: 'ERR Protocol error', http: 400, exit: 2 },
  WRONG_TYPE: {
    effect: 'none',
    retryable: false,
    http: 409,
    exit: 4,
    resp: 'WRONGTYPE Operation against a key holding the wrong kind of value',
  },
  TOO_LARGE: {
    effect: 'none',
    retryable: false,
    resp: 'ERR request is larger than the limit',
    http: 413,
    exit: 2,
  },
  UNAUTHENTICATED: {
    effect: 'none',
    retryable: false,
    resp: 'NOAUTH Authentication required.',
    http: 401,
    exit: 5,
  },
  WRONG_PASSWORD: {
    effect: 'none',
    retryable: false,
    http: 401,
    exit: 5,
    resp: 'WRONGPASS invalid username-password pair or user is disabled.',
  },
  NO_LEADER: {
    effect: 'none',
    retryable: true,
    http: 503,
    exit: 7,
    resp: 'MASTERDOWN no leader was elected in time; the command was not applied',
  },
  NO_QUORUM: {
    effect: 'none',
    retryable: true,
    http: 503,
    exit: 7,
    resp: 'MASTERDOWN no majority of the cluster is reachable; the command was not applied',
  },
  NOT_READY: {
    effect: 'none',
    retryable: true,
    http: 503,
    exit: 7,
    resp: 'LOADING this node is starting; the command was not applied',
  },
  SHUTTING_DOWN: {
    effect: 'none',
    retryable: true,
    http: 503,
    exit: 7,
    resp: 'MASTERDOWN this node is shutting down; the command was not applied',
  },
  OVERLOADED: {
    effect: 'none',
    retryable: true,
    http: 429,
    exit: 7,
    resp: 'TRYAGAIN this node is overloaded; the command was not applied',
  },
  DISK_FULL: {
    effect: 'none',
    retryable: true,
    http: 507,
    exit: 7,
    resp: 'OOM a majority of the disks is nearly full: only commands that free space are accepted; the command was not applied',
  },
  UNKNOWN_OUTCOME: {
    effect: 'unknown',
    retryable: false,
    http: 504,
    exit: 8,
    resp: 'UNKNOWN the command was proposed but its outcome is not known: it may or may not be applied',
  },
  REPLY_NOT_KEPT: {
    effect: 'applied',
    retryable: false,
    http: 500,
    exit: 1,
    resp: 'ERR the command was applied once; its reply was too large to be kept for the retry',
  },
  CORRUPT: {
    effect: 'none',
    retryable: false,
    resp: 'ERR stored data is damaged and is not served',
    http: 500,
    exit: 1,
  },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof errors
