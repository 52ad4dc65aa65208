/**
 * How every HTTP route says that it failed: application/problem+json (RFC 9457) made of the one error table
 * (R16). Nobody else writes a status of 400 or above in this form.
 */
import type { FastifyReply } from 'fastify'
import { type ErrorCode, errorMeaning, errors } from '../../protocol/errors.ts'
import type { Door } from '../door.ts'

export const PROBLEM_TYPE = 'application/problem+json'

/** After how many seconds a refusal that may help itself is worth another try: an election takes about one. */
const RETRY_AFTER_SECONDS = 1

/** How much of a request's own words a problem repeats. */
const ECHO_CHARACTERS = 100

/** The body of a problem. `type` leads to the page that this node serves about the code. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ErrorCode
  /** What went wrong this time, when there is more to say than the title. */
  readonly detail?: string
  /** `none`: certainly not applied. `unknown`: it may or may not have been applied. `applied`: it was. */
  readonly effect: 'none' | 'unknown' | 'applied'
  /** Sending it again may help and cannot apply it twice. */
  readonly retryable: boolean
  readonly [extension: string]: unknown
}

/** Thrown by what reads a request: the route answers with this problem. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError'
  readonly code: ErrorCode
  readonly extra: Record<string, unknown>

  constructor(code: ErrorCode, detail: string, extra: Record<string, unknown> = {}) {
    super(detail)
    this.code = code
    this.extra = extra
  }
}

/** 400, with the value that was given and what was wanted instead. */
export function badRequest(what: string, given: string, wanted: string): ProblemError {
  const shown = given.length > ECHO_CHARACTERS ? `${given.slice(0, ECHO_CHARACTERS)}…` : given
  return new ProblemError('BAD_REQUEST', `${what} is ${JSON.stringify(shown)}; wanted ${wanted}`)
}

export function problemOf(code: ErrorCode, detail = '', extra: Record<string, unknown> = {}): Problem {
  const { http, effect, retryable } = errors[code]
  const problem = { type: `/docs#${code}`, title: errorMeaning(code), status: http, code, effect, retryable }
  return detail === '' ? { ...problem, ...extra } : { ...problem, detail, ...extra }
}

/** Answers with the status, headers and body of `code`. `extra` adds members to the body. */
export function sendProblem(
  reply: FastifyReply,
  code: ErrorCode,
  detail = '',
  extra: Record<string, unknown> = {},
): FastifyReply {
  return reply.send(prepareProblem(reply, code, detail, extra))
}

/** The same but for sending it: the body. */
export function prepareProblem(
  reply: FastifyReply,
  code: ErrorCode,
  detail: string,
  extra: Record<string, unknown> = {},
): Buffer {
  const { http, retryable } = errors[code]
  if (http === 401) reply.header('www-authenticate', 'Bearer, Basic realm="kvorum"')
  if (retryable) reply.header('retry-after', RETRY_AFTER_SECONDS)
  reply.code(http).header('content-type', PROBLEM_TYPE)
  // As bytes: fastify would add a charset to text, and this type has none.
  return Buffer.from(JSON.stringify(problemOf(code, detail, extra)))
}

/** A whole response for a socket whose request could not be read; the connection ends with it. */
export function rawProblem(code: ErrorCode, reason: string, detail = ''): string {
  const body = JSON.stringify(problemOf(code, detail))
  return (
    `HTTP/1.1 ${errors[code].http} ${reason}\r\nContent-Type: ${PROBLEM_TYPE}\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`
  )
}

/** Logs what a route threw, unless it is only that the client left before a large answer began. */
export function logFailure(door: Door, error: Error & { code?: string }): void {
  if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') {
    door.log('error', 'HTTP route failed', { error: error.stack })
  }
}
