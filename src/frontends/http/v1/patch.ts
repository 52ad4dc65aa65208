/**
 * PATCH /v1/kv/{key…}: a JSON merge patch (RFC 7396) on what is stored, or, without a body, a new time to live. Patches
 * are applied by compare and set, so that two at a time both take effect.
 */
import { isUtf8 } from 'node:buffer'
import type { KvIdempotency } from '../../../protocol/kv.ts'
import type { KvItem, KvReply } from '../../../protocol/kv-reply.ts'
import { limits } from '../../../protocol/limits.ts'
import { ProblemError } from '../problem.ts'
import type { Call } from './call.ts'
import { type Conditions, conditionsOf, etagOf, isMatch, isNoneMatchHit } from './conditions.ts'
import { comparesOf, expiryOf, failedCondition, keyOf } from './key.ts'
import { isTooDeep, type Json, mergePatch, PATCH_DEPTH } from './merge-patch.ts'

export const PATCH_TYPES = ['application/merge-patch+json', 'application/json'] as const
/** How often a patch is tried again because another writer came between: more than there are writers, as a rule. */
const ATTEMPTS = 256

interface Patch {
  readonly key: Buffer
  readonly patch: Json
  readonly conditions: Conditions
  readonly idempotency: KvIdempotency | null
  attempt: number
}

export function patchKey(call: Call): void {
  const key = keyOf(call)
  if (call.body.length === 0) return changeExpiry(call, key)
  const type = (call.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase()
  if (!PATCH_TYPES.some((known) => known === type)) {
    call.reply.header('accept-patch', PATCH_TYPES.join(', '))
    throw new ProblemError('UNSUPPORTED_TYPE', `wanted ${PATCH_TYPES.join(' or ')}`)
  }
  const patch = parseJson(call.body)
  if (patch === undefined) throw new ProblemError('BAD_REQUEST', 'the body is not JSON')
  if (isTooDeep(patch))
    throw new ProblemError('BAD_REQUEST', `the patch is nested deeper than ${PATCH_DEPTH}`)
  const conditions = conditionsOf(call.request.headers)
  attempt(call, { key, patch, conditions, idempotency: call.idempotency(), attempt: 1 })
}

/** Undefined when the bytes are not JSON. */
function parseJson(bytes: Buffer): Json | undefined {
  if (!isUtf8(bytes)) return undefined
  try {
    return JSON.parse(bytes.toString()) as Json
  } catch {
    return undefined
  }
}

/** Without a body: ?ttl or ?persist. */
function changeExpiry(call: Call, key: Buffer): void {
  const persist = call.query.flag('persist')
  const expiry = persist ? ({ kind: 'none' } as const) : expiryOf(call, 'keep')
  if (expiry.kind === 'keep') throw new ProblemError('BAD_REQUEST', 'a patch wants a body, ?ttl or ?persist')
  const compares = comparesOf(call, key, conditionsOf(call.request.headers))
  if (compares === 'never') return failedCondition(call, null)
  const update = { kind: 'update', key, contentType: 'keep', expiry } as const
  const otherwise = [{ kind: 'get', key, metadataOnly: true }] as const
  call.kv({ compares, then: [update], otherwise, idempotency: call.idempotency() }, (reply) => {
    const item = reply.results[0]?.item ?? null
    if (!reply.succeeded) return failedCondition(call, item?.modRevision ?? 0)
    if (item === null) return call.refuse('NOT_FOUND', 'there is no such key')
    call.reply.header('etag', etagOf(item.modRevision))
    call.empty(204)
  })
}

/** Reads, patches, and writes if nobody wrote in between; else once more. */
function attempt(call: Call, state: Patch): void {
  const { key } = state
  const get = { kind: 'get', key, metadataOnly: false } as const
  call.kv({ compares: [], then: [get], otherwise: [], idempotency: null }, (reply) => {
    const item = reply.results[0]?.item ?? null
    const refusal = refusalOf(call, state, item?.modRevision ?? 0)
    if (refusal !== null || item === null) return settle(call, state, refusal ?? notFound)
    const value = patched(item, state.patch)
    if (value === null) return settle(call, state, notPatchable)
    write(call, state, item, value)
  })
}

type Refusal = (call: Call) => void

const notFound: Refusal = (call) => call.refuse('NOT_FOUND', 'there is no such key')
const notPatchable: Refusal = (call) =>
  call.refuse('WRONG_TYPE', 'the stored value is not JSON, or would become too large')

/** What the state of the key forbids; null when it may be patched. */
function refusalOf(call: Call, { conditions }: Patch, revision: number): Refusal | null {
  const cas = call.query.integer('cas', 0, Number.MAX_SAFE_INTEGER, revision)
  const holds = isMatch(conditions.ifMatch, revision) && !isNoneMatchHit(conditions.ifNoneMatch, revision)
  if (!holds || cas !== revision) return () => failedCondition(call, revision)
  return revision === 0 ? notFound : null
}

/** The new value, or null when there can be none. */
function patched(item: KvItem, patch: Json): Buffer | null {
  const document = parseJson(item.value ?? Buffer.alloc(0))
  if (document === undefined || isTooDeep(document)) return null
  const value = Buffer.from(JSON.stringify(mergePatch(document, patch)))
  return value.length > limits.valueBytes ? null : value
}

function write(call: Call, state: Patch, item: KvItem, value: Buffer): void {
  const { key } = state
  const { contentType, modRevision } = item
  const expiry = call.query.flag('persist') ? ({ kind: 'none' } as const) : expiryOf(call, 'keep')
  const put = { kind: 'put', key, value, contentType, expiry, previous: false } as const
  const compare = { target: 'modRevision', key, operator: '=', values: [modRevision] } as const
  const idempotency = attemptKey(state)
  call.kv({ compares: [compare], then: [put], otherwise: [], idempotency }, (reply) =>
    follow(call, state, reply),
  )
}

/**
 * An attempt is refused. With an idempotency key it may be a repeat of one that succeeded: a write that never takes
 * effect asks for the answer that is kept, and keeps the refusal when there is none.
 */
function settle(call: Call, state: Patch, refuse: Refusal): void {
  const idempotency = attemptKey(state)
  if (idempotency === null) return refuse(call)
  const { key } = state
  const never = [true, false].map((exists) => ({ target: 'exists', key, exists }) as const)
  const otherwise = [{ kind: 'get', key, metadataOnly: true }] as const
  call.kv({ compares: never, then: [], otherwise, idempotency }, (reply) => {
    if (reply.replayed) follow(call, state, reply)
    else refuse(call)
  })
}

/** What an attempt gave, now or when it came first. */
function follow(call: Call, state: Patch, reply: KvReply): void {
  const [result] = reply.results
  if (reply.succeeded) {
    call.reply.header('etag', etagOf(result?.item?.modRevision ?? reply.revision))
    return call.empty(204)
  }
  // settle() kept a refusal: it reads the key, a lost race does not.
  if (result !== undefined) {
    const refuse = refusalOf(call, state, result.item?.modRevision ?? 0) ?? notPatchable
    return refuse(call)
  }
  if (state.attempt >= ATTEMPTS) return call.refuse('CONTENDED')
  state.attempt++
  attempt(call, state)
}

/** Attempts are kept one by one, so that a repeat of the request goes through the same ones. */
function attemptKey({ idempotency, attempt: number }: Patch): KvIdempotency | null {
  if (idempotency === null) return null
  const key = Buffer.concat([idempotency.key, Buffer.from(`\0${number}`)])
  return { key, fingerprint: idempotency.fingerprint }
}
