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
  TOO_MANY_ATTEMPTS: {
    effect: 'none',
    retryable: true,
    http: 429,
    exit: 7,
    resp: 'ERR too many wrong passwords from this address: wait a few seconds; the command was not applied',
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
  UPGRADING: {
    effect: 'none',
    retryable: true,
    http: 503,
    exit: 7,
    resp: 'TRYAGAIN a node of the cluster is not seen or runs an older version that does not know this command; the command was not applied',
  },
  DISK_FULL: {
    effect: 'none',
    retryable: true,
    http: 507,
    exit: 7,
    resp: 'OOM a majority of the disks is nearly full: only commands that free space are accepted; the command was not applied',
  },
  NODE_DISK_FULL: {
    effect: 'none',
    retryable: true,
    http: 507,
    exit: 7,
    resp: 'OOM the disk of this node is full: until it has room it accepts no writes at all; the command was not applied',
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
  NOT_FOUND: {
    effect: 'none',
    retryable: false,
    resp: 'ERR there is no such thing here',
    http: 404,
    exit: 3,
  },
  METHOD_NOT_ALLOWED: {
    effect: 'none',
    retryable: false,
    resp: 'ERR this path has other methods',
    http: 405,
    exit: 2,
  },
  PRECONDITION_FAILED: {
    effect: 'none',
    retryable: false,
    resp: 'ERR the condition does not hold; nothing was changed',
    http: 412,
    exit: 4,
  },
  COMMAND_FAILED: {
    effect: 'none',
    retryable: false,
    resp: 'ERR the command refused its arguments',
    http: 400,
    exit: 1,
  },
  UNSUPPORTED_TYPE: {
    effect: 'none',
    retryable: false,
    resp: 'ERR the body is of a type that is not read here',
    http: 415,
    exit: 2,
  },
  BEHIND: {
    effect: 'none',
    retryable: true,
    http: 503,
    exit: 7,
    resp: 'TRYAGAIN this node did not reach the wanted revision in time; the command was not applied',
  },
  COMPACTED: {
    effect: 'none',
    retryable: false,
    resp: 'ERR the changes after that revision are no longer kept here; read the state and watch from its revision',
    http: 410,
    exit: 1,
  },
  CURSOR_EXPIRED: {
    effect: 'none',
    retryable: false,
    resp: 'ERR the cursor has expired or belongs to another node; begin the listing again',
    http: 410,
    exit: 1,
  },
  CONTENDED: {
    effect: 'none',
    retryable: true,
    http: 503,
    exit: 7,
    resp: 'TRYAGAIN other writers changed the key each time; the command was not applied',
  },
  IDEMPOTENCY_REUSED: {
    effect: 'none',
    retryable: false,
    resp: 'ERR this idempotency key came with another request before',
    http: 422,
    exit: 2,
  },
  DENIED: { effect: 'none', retryable: false, resp: 'DENIED not for callers from there', http: 403, exit: 5 },
  CROSS_SITE: {
    effect: 'none',
    retryable: false,
    resp: 'DENIED a page of another site may change nothing here',
    http: 403,
    exit: 5,
  },
  UNKNOWN_HOST: {
    effect: 'none',
    retryable: false,
    resp: 'DENIED the Host header names another server',
    http: 421,
    exit: 5,
  },
  REQUEST_TIMEOUT: {
    effect: 'none',
    retryable: false,
    resp: 'ERR the request did not arrive in time',
    http: 408,
    exit: 2,
  },
  HEADERS_TOO_LARGE: {
    effect: 'none',
    retryable: false,
    resp: 'ERR the headers of the request are larger than the limit',
    http: 431,
    exit: 2,
  },
  INTERNAL: {
    effect: 'unknown',
    retryable: false,
    resp: 'ERR internal error; what was asked for may or may not be done',
    http: 500,
    exit: 1,
  },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof errors

/** What the error says, without the first word of its RESP text: that one is a prefix for Redis clients. */
export function errorMeaning(code: ErrorCode): string {
  const { resp } = errors[code]
  return resp.slice(resp.indexOf(' ') + 1)
}
