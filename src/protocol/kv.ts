/**
 * The one command behind native APIs: compares, then one of two lists of operations, all at one moment and with one
 * revision. What a door builds, and its bytes as a command's arguments (the reply is in kv-reply.ts). Arguments:
 *
 *   0   the program: u8 format (1), idempotency (text key, bytes fingerprint; an empty key = none), then three lists,
 *       each u32 count and rows: compares, operations of `then`, operations of `otherwise`
 *         compare    u8 target, u8 operator, u8 count, count x u64 (revisions; `value` has none)
 *         operation  u8 kind, u8 flags, u8 expiry, u64 amount, u8 content type's length, content type
 *   1…  in the order of the rows: each row's key; behind it the value of a compared value, or of a put
 */
import { assert, must } from '../lib/assert.ts'
import { ByteReader } from '../lib/byte-reader.ts'
import { ByteWriter } from '../lib/byte-writer.ts'
import { limits } from './limits.ts'

/** What a compare looks at. Of an absent or due key every number is 0. */
export type KvNumber = 'modRevision' | 'createRevision' | 'version'

/**
 * One condition. `exists`: whether the key is there. A number: '=' holds when it is one of `values`, '!=' when it is
 * none of them; '<' and '>' take exactly one. `value`: the stored bytes; an absent key has none and equals nothing.
 */
export type KvCompare =
  | { readonly target: 'exists'; readonly key: Buffer; readonly exists: boolean }
  | {
      readonly target: KvNumber
      readonly key: Buffer
      readonly operator: '=' | '!=' | '<' | '>'
      /** 1 to 255 integers from 0 to 2^53 - 1. */
      readonly values: readonly number[]
    }
  | { readonly target: 'value'; readonly key: Buffer; readonly operator: '=' | '!='; readonly value: Buffer }

/**
 * When a key goes: `keep` what it has, `none` = never, `ttl` = ms from the log's time of the write, `at` = ms since
 * 1970. A time that is not in the future deletes the key (`update`) or leaves it due at once (`put`).
 */
export type KvExpiry =
  | { readonly kind: 'keep' }
  | { readonly kind: 'none' }
  | { readonly kind: 'ttl'; readonly ms: number }
  | { readonly kind: 'at'; readonly ms: number }

/** One operation. Those behind it in the list see what it did. A key may come more than once. */
export type KvOperation =
  /** `metadataOnly`: the item comes without its value. */
  | { readonly kind: 'get'; readonly key: Buffer; readonly metadataOnly: boolean }
  /** Creates or replaces. `contentType` null = none, whatever it had. `previous`: the reply has what it replaced. */
  | {
      readonly kind: 'put'
      readonly key: Buffer
      readonly value: Buffer
      readonly contentType: string | null
      readonly expiry: KvExpiry
      readonly previous: boolean
    }
  /** Changes what is known of a key and keeps its value; nothing when it is absent. */
  | {
      readonly kind: 'update'
      readonly key: Buffer
      /** 'keep', or the new one; null = none from now on. */
      readonly contentType: { readonly set: string | null } | 'keep'
      readonly expiry: KvExpiry
    }
  | { readonly kind: 'delete'; readonly key: Buffer; readonly previous: boolean }

/**
 * Makes a write with the same key and fingerprint take effect once: later ones get the first reply, flagged as
 * replayed. The memory of it is replicated and bounded (limits.idempotencyMs, idempotencyKeys, idempotencyBytes).
 */
export interface KvIdempotency {
  /** 1 to limits.idempotencyKeyBytes bytes. */
  readonly key: Buffer
  /** What tells one request from another, e.g. a SHA-256; at most limits.idempotencyKeyBytes bytes. */
  readonly fingerprint: Buffer
}

/** `then` runs when every compare holds, else `otherwise`. All of it is one command: one revision, or none of it. */
export interface KvRequest {
  readonly compares: readonly KvCompare[]
  readonly then: readonly KvOperation[]
  readonly otherwise: readonly KvOperation[]
  readonly idempotency: KvIdempotency | null
}

const FORMAT = 1
const TARGETS = ['exists', 'modRevision', 'createRevision', 'version', 'value'] as const
const OPERATORS = ['=', '!=', '<', '>'] as const
const KINDS = ['get', 'put', 'update', 'delete'] as const
const EXPIRIES = ['keep', 'none', 'ttl', 'at'] as const
/** Flags of an operation. */
const METADATA_ONLY = 1
const PREVIOUS = 1
const HAS_CONTENT_TYPE = 2
const SETS_CONTENT_TYPE = 4
const KEEP: KvExpiry = { kind: 'keep' }

/** The longest content type, in bytes. */
const CONTENT_TYPE_BYTES_MAX = 255

/** What is wrong with a request that a client asked for, or null: counts, sizes and ranges (R20). */
export function checkKv({ compares, then, otherwise, idempotency }: KvRequest): string | null {
  const count = compares.length + then.length + otherwise.length
  if (count > limits.kvOperations) return `${count} compares and operations, limit is ${limits.kvOperations}`
  for (const compare of compares) {
    const problem = checkKey(compare.key) ?? checkCompare(compare)
    if (problem !== null) return problem
  }
  for (const operation of [...then, ...otherwise]) {
    const problem = checkKey(operation.key) ?? checkOperation(operation)
    if (problem !== null) return problem
  }
  return idempotency === null ? null : checkIdempotency(idempotency)
}

function checkKey(key: Buffer): string | null {
  return key.length > limits.keyBytes ? `key is ${key.length} bytes, limit is ${limits.keyBytes}` : null
}

function checkCompare(compare: KvCompare): string | null {
  if (compare.target === 'exists' || compare.target === 'value') return null
  const { operator, values } = compare
  if (values.length === 0 || values.length > 255) return 'a compare wants 1 to 255 numbers'
  if (!values.every((value) => Number.isSafeInteger(value) && value >= 0)) return 'a revision is out of range'
  const single = operator === '<' || operator === '>'
  return single && values.length !== 1 ? `a compare with '${operator}' wants one number` : null
}

function checkOperation(operation: KvOperation): string | null {
  if (operation.kind === 'get' || operation.kind === 'delete') return null
  const { expiry, contentType } = operation
  if (expiry.kind === 'ttl' || expiry.kind === 'at') {
    const most = expiry.kind === 'ttl' ? limits.ttlMs : Number.MAX_SAFE_INTEGER
    if (!Number.isSafeInteger(expiry.ms) || expiry.ms < 1 || expiry.ms > most) return 'invalid expire time'
  }
  const text = contentType === 'keep' || contentType === null ? '' : contentTypeOf(contentType)
  return Buffer.byteLength(text) > CONTENT_TYPE_BYTES_MAX
    ? `content type is longer than ${CONTENT_TYPE_BYTES_MAX} bytes`
    : null
}

function contentTypeOf(contentType: string | { readonly set: string | null }): string {
  return (typeof contentType === 'string' ? contentType : contentType.set) ?? ''
}

function checkIdempotency({ key, fingerprint }: KvIdempotency): string | null {
  const most = limits.idempotencyKeyBytes
  if (key.length === 0 || key.length > most) return `an idempotency key has 1 to ${most} bytes`
  return fingerprint.length > most ? `a fingerprint has at most ${most} bytes` : null
}

/** The arguments of the command for a request that checkKv() passed. */
export function encodeKv({ compares, then, otherwise, idempotency }: KvRequest): Buffer[] {
  const program = new ByteWriter()
  const args: Buffer[] = [Buffer.alloc(0)]
  program.u8(FORMAT)
  program.bytes(idempotency?.key ?? Buffer.alloc(0))
  program.bytes(idempotency?.fingerprint ?? Buffer.alloc(0))
  program.u32(compares.length)
  for (const compare of compares) {
    encodeCompare(program, compare)
    args.push(compare.key)
    if (compare.target === 'value') args.push(compare.value)
  }
  for (const operations of [then, otherwise]) {
    program.u32(operations.length)
    for (const operation of operations) {
      encodeOperation(program, operation)
      args.push(operation.key)
      if (operation.kind === 'put') args.push(operation.value)
    }
  }
  args[0] = program.finish()
  return args
}

function encodeCompare(program: ByteWriter, compare: KvCompare): void {
  program.u8(TARGETS.indexOf(compare.target))
  if (compare.target === 'exists') {
    program.u8(compare.exists ? 0 : 1)
    program.u8(0)
  } else {
    program.u8(OPERATORS.indexOf(compare.operator))
    const values = compare.target === 'value' ? [] : compare.values
    program.u8(values.length)
    for (const value of values) program.u64(value)
  }
}

function encodeOperation(program: ByteWriter, operation: KvOperation): void {
  const writes = operation.kind === 'put' || operation.kind === 'update'
  const expiry = writes ? operation.expiry : KEEP
  program.u8(KINDS.indexOf(operation.kind))
  program.u8(flagsOf(operation))
  program.u8(EXPIRIES.indexOf(expiry.kind))
  program.u64(expiry.kind === 'ttl' || expiry.kind === 'at' ? expiry.ms : 0)
  const contentType = writes && operation.contentType !== 'keep' ? operation.contentType : null
  const text = Buffer.from(contentType === null ? '' : contentTypeOf(contentType))
  program.u8(text.length)
  program.raw(text)
}

function flagsOf(operation: KvOperation): number {
  switch (operation.kind) {
    case 'get':
      return operation.metadataOnly ? METADATA_ONLY : 0
    case 'put':
      return (operation.previous ? PREVIOUS : 0) | (operation.contentType === null ? 0 : HAS_CONTENT_TYPE)
    case 'update': {
      const { contentType } = operation
      if (contentType === 'keep') return 0
      return SETS_CONTENT_TYPE | (contentType.set === null ? 0 : HAS_CONTENT_TYPE)
    }
    case 'delete':
      return operation.previous ? PREVIOUS : 0
  }
}

/** Reads what encodeKv() wrote: keys and values are views of `args`. Asserts that the bytes are whole. */
export function decodeKv(args: readonly Buffer[]): KvRequest {
  const program = new ByteReader(must(args[0], 'KV program'))
  const rest = new Arguments(args)
  assert(program.u8() === FORMAT, 'KV program has an unknown format')
  const key = program.bytes()
  const fingerprint = program.bytes()
  const compares = Array.from({ length: program.u32() }, () => decodeCompare(program, rest))
  const then = Array.from({ length: program.u32() }, () => decodeOperation(program, rest))
  const otherwise = Array.from({ length: program.u32() }, () => decodeOperation(program, rest))
  program.end()
  rest.end()
  return { compares, then, otherwise, idempotency: key.length === 0 ? null : { key, fingerprint } }
}

function decodeCompare(program: ByteReader, rest: Arguments): KvCompare {
  const target = must(TARGETS[program.u8()], 'target of a compare')
  const code = program.u8()
  const values = Array.from({ length: program.u8() }, () => program.u64())
  const key = rest.take()
  if (target === 'exists') return { target, key, exists: code === 0 }
  const operator = must(OPERATORS[code], 'operator of a compare')
  if (target !== 'value') return { target, key, operator, values }
  return { target, key, operator: operator === '=' ? '=' : '!=', value: rest.take() }
}

function decodeOperation(program: ByteReader, rest: Arguments): KvOperation {
  const kind = must(KINDS[program.u8()], 'kind of an operation')
  const flags = program.u8()
  const expiry = decodeExpiry(must(EXPIRIES[program.u8()], 'kind of an expiry'), program.u64())
  const text = program.raw(program.u8()).toString()
  const contentType = (flags & HAS_CONTENT_TYPE) === 0 ? null : text
  const key = rest.take()
  const previous = (flags & PREVIOUS) !== 0
  switch (kind) {
    case 'get':
      return { kind, key, metadataOnly: (flags & METADATA_ONLY) !== 0 }
    case 'put':
      return { kind, key, value: rest.take(), contentType, expiry, previous }
    case 'update': {
      const sets = (flags & SETS_CONTENT_TYPE) !== 0
      return { kind, key, contentType: sets ? { set: contentType } : 'keep', expiry }
    }
    case 'delete':
      return { kind, key, previous }
  }
}

function decodeExpiry(kind: KvExpiry['kind'], ms: number): KvExpiry {
  return kind === 'ttl' || kind === 'at' ? { kind, ms } : { kind }
}

/** The arguments behind the program, taken in order. */
class Arguments {
  readonly #args: readonly Buffer[]
  #next = 1

  constructor(args: readonly Buffer[]) {
    this.#args = args
  }

  take(): Buffer {
    return must(this.#args[this.#next++], 'argument of a KV program')
  }

  end(): void {
    assert(this.#next === this.#args.length, 'KV program has stray arguments')
  }
}
