/** Bodies of the Django store's API, with the checks and the words of its serializers. */
import type { FastifyRequest } from 'fastify'
import { isByteValue } from '../../../lib/well-formed.ts'
import { limits } from '../../../protocol/limits.ts'
import { bodyOf } from '../compat.ts'
import { detail, Refusal } from './replies.ts'

/** As the store's tables had it, in characters. */
const KEY_LENGTH_MAX = 255
const BATCH_ITEMS_MAX = 10_000

const REQUIRED = 'This field is required.'
const BLANK = 'This field may not be blank.'
const NULL = 'This field may not be null.'
const NOT_A_STRING = 'Not a valid string.'
const TOO_LONG = `Ensure this field has no more than ${KEY_LENGTH_MAX} characters.`

export interface BatchItem {
  readonly key: string
  readonly value: string
}

type Fields = Readonly<Record<string, unknown>>

/** The value of PUT's body. */
export function putValue(request: FastifyRequest): string {
  const { value } = fieldsOf(request)
  const problem = problemOf(value)
  if (problem !== null) throw new Refusal(400, { value: [problem] })
  return value as string
}

/** The items of a batch: at least one, each key once. */
export function batchItems(request: FastifyRequest): readonly BatchItem[] {
  const { items } = fieldsOf(request)
  if (items === undefined) throw itemsRefusal(REQUIRED)
  if (items === null) throw itemsRefusal(NULL)
  if (!Array.isArray(items)) throw itemsRefusal(`Expected a list of items but got type "${typeName(items)}".`)
  if (items.length === 0) throw itemsRefusal('At least one item is required')
  if (items.length > BATCH_ITEMS_MAX) throw itemsRefusal(`At most ${BATCH_ITEMS_MAX} items are allowed`)
  const problems = items.map(itemProblems)
  if (problems.some((one) => Object.keys(one).length > 0)) throw new Refusal(400, { items: problems })
  const keys = new Set((items as BatchItem[]).map(({ key }) => key))
  if (keys.size < items.length) throw itemsRefusal('Duplicate keys detected in batch request')
  return items as BatchItem[]
}

/** The key is too long for the store; null when it is not. */
export function keyProblem(key: string): string | null {
  // Characters, not UTF-16 units.
  return key.length > KEY_LENGTH_MAX && [...key].length > KEY_LENGTH_MAX ? TOO_LONG : null
}

function itemsRefusal(text: string): Refusal {
  return new Refusal(400, { items: [text] })
}

function itemProblems(item: unknown): Record<string, unknown> {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    return { non_field_errors: [`Invalid data. Expected a dictionary, but got ${typeName(item)}.`] }
  }
  const { key, value } = item as Fields
  const ofKey = problemOf(key) ?? (key === '' ? BLANK : keyProblem(key as string))
  const ofValue = problemOf(value)
  return { ...(ofKey === null ? {} : { key: [ofKey] }), ...(ofValue === null ? {} : { value: [ofValue] }) }
}

function problemOf(value: unknown): string | null {
  if (value === undefined) return REQUIRED
  if (value === null) return NULL
  if (typeof value !== 'string' || !isByteValue(value)) return NOT_A_STRING
  return Buffer.byteLength(value) > limits.valueBytes
    ? `Ensure this field has no more than ${limits.valueBytes} bytes.`
    : null
}

/** A JSON object, or a form's fields; curl -d without a content type says form and means JSON. */
function fieldsOf(request: FastifyRequest): Fields {
  const body = bodyOf(request)
  const type = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  const isForm = type === 'application/x-www-form-urlencoded' && body[0] !== 0x7b
  if (isForm || body.length === 0) return Object.fromEntries(new URLSearchParams(body.toString()))
  if (!['', 'application/json', 'application/x-www-form-urlencoded'].includes(type)) {
    throw detail(415, `Unsupported media type "${type}" in request.`)
  }
  const value = parse(body)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  const text = `Invalid data. Expected a dictionary, but got ${typeName(value)}.`
  throw new Refusal(400, { non_field_errors: [text] })
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (error) {
    throw detail(400, `JSON parse error - ${(error as Error).message}`)
  }
}

/** Python's names, which these clients have seen. */
function typeName(value: unknown): string {
  if (Array.isArray(value)) return 'list'
  if (value === null) return 'NoneType'
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float'
  const names: Readonly<Record<string, string>> = { string: 'str', boolean: 'bool', object: 'dict' }
  return names[typeof value] ?? typeof value
}
