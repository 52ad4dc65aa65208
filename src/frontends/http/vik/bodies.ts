/**
 * Bodies of VikDB's API, read as its JSON decoder did: names of fields in any case, of two the last one; unknown fields
 * are skipped, missing ones are empty.
 */
import { limits } from '../../../protocol/limits.ts'
import { decodeStandard, illegalAt } from './base64.ts'
import type { Bounds } from './range.ts'

/** A request that cannot be executed as it stands; the message goes to the client. */
export class FormError extends Error {
  override readonly name = 'FormError'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

type Fields = Readonly<Record<string, unknown>>

const MAX_ITEMS = limits.requestArguments / 2

export function decodeBody(body: Buffer): Fields {
  if (body.length === 0) throw invalid('EOF')
  let value: unknown
  try {
    value = JSON.parse(body.toString())
  } catch (error) {
    throw invalid((error as Error).message)
  }
  if (value === null) return {}
  if (typeof value !== 'object' || Array.isArray(value)) throw invalid('wanted an object')
  return value as Fields
}

export function textField(fields: Fields, name: string): string {
  const value = fieldOf(fields, name) ?? ''
  if (typeof value !== 'string') throw invalid(`field ${name}: wanted a string`)
  return value
}

/** As many keys as values, decoded. */
export function decodeBatch(body: Buffer): { readonly keys: Buffer[]; readonly values: Buffer[] } {
  const fields = decodeBody(body)
  const keys = listField(fields, 'keys')
  const values = listField(fields, 'values')
  if (keys.length !== values.length) {
    throw new FormError(400, 'keys and values arrays must have the same length')
  }
  if (keys.length > MAX_ITEMS) throw new FormError(413, `a batch has at most ${MAX_ITEMS} keys`)
  const decode = (what: string) => (text: string, at: number) => bytesOf(text, `${what} at index ${at}`)
  return { keys: keys.map(decode('key')), values: values.map(decode('value')) }
}

/** The bounds of POST /kv/range. */
export function rangeFields(body: Buffer): Bounds {
  const fields = decodeBody(body)
  const start = textField(fields, 'start_key')
  const end = textField(fields, 'end_key')
  if (start === '') throw new FormError(400, 'start_key is required')
  return { start: bytesOf(start, 'start_key'), end: end === '' ? null : bytesOf(end, 'end_key') }
}

function bytesOf(text: string, what: string): Buffer {
  const bytes = decodeStandard(text)
  if (typeof bytes === 'number') throw new FormError(400, `invalid base64 ${what}: ${illegalAt(bytes)}`)
  return bytes
}

function listField(fields: Fields, name: string): readonly string[] {
  const value = fieldOf(fields, name) ?? []
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw invalid(`field ${name}: wanted an array of strings`)
  }
  return value
}

/** Programs that send `Value` were understood: taking it for an unknown field would store nothing in its place. */
function fieldOf(fields: Fields, name: string): unknown {
  const given = Object.keys(fields).findLast((key) => key.toLowerCase() === name)
  return given === undefined ? undefined : fields[given]
}

function invalid(reason: string): FormError {
  return new FormError(400, `invalid request body: ${reason}`)
}
