/** POST /v1/batch and /v1/txn: many operations that take effect together, the latter on conditions. */
import { isUtf8 } from 'node:buffer'
import { limits } from '../../../protocol/limits.ts'
import { ProblemError } from '../problem.ts'
import type { Call } from './call.ts'
import { Fields } from './fields.ts'
import { parseCompare, parseOperation, resultsJson } from './operations.ts'

/** The body as JSON. */
export function jsonBody(call: Call): unknown {
  const type = (call.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json') throw new ProblemError('UNSUPPORTED_TYPE', 'wanted application/json')
  if (!isUtf8(call.body)) throw new ProblemError('BAD_REQUEST', 'the body is not UTF-8')
  try {
    return JSON.parse(call.body.toString()) as unknown
  } catch (error) {
    throw new ProblemError('BAD_REQUEST', `the body is not JSON: ${(error as Error).message}`)
  }
}

/** Every operation, at one revision; nothing is done when one of them is refused. */
export function batch(call: Call): void {
  const fields = new Fields('the body', jsonBody(call), ['ops'])
  const then = fields.list('ops', limits.kvOperations).map((value, i) => parseOperation(`ops[${i}]`, value))
  if (then.length === 0) throw new ProblemError('BAD_REQUEST', 'ops wants at least one operation')
  call.kv({ compares: [], then, otherwise: [], idempotency: call.idempotency() }, (reply) => {
    call.pieces(200, { revision: reply.revision, results: resultsJson(then, reply) })
  })
}

export function transact(call: Call): void {
  const fields = new Fields('the body', jsonBody(call), ['compare', 'then', 'else'])
  const parse = <T>(name: string, one: (path: string, value: unknown) => T): T[] =>
    fields.list(name, limits.kvOperations).map((value, i) => one(`${name}[${i}]`, value))
  const compares = parse('compare', parseCompare)
  const then = parse('then', parseOperation)
  const otherwise = parse('else', parseOperation)
  if (compares.length + then.length + otherwise.length === 0) {
    throw new ProblemError('BAD_REQUEST', 'wanted at least one of compare, then and else')
  }
  call.kv({ compares, then, otherwise, idempotency: call.idempotency() }, (reply) => {
    call.pieces(200, {
      succeeded: reply.succeeded,
      failed_compare: reply.failedCompare < 0 ? null : reply.failedCompare,
      revision: reply.revision,
      results: resultsJson(reply.succeeded ? then : otherwise, reply),
    })
  })
}
