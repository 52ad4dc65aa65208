/** The forms of the Django store's answers: compact JSON, errors as Django REST Framework words them. */
import { isUtf8 } from 'node:buffer'
import type { FastifyReply } from 'fastify'
import type { ListingEntry } from '../../../cluster/clients/listing.ts'
import type { KvItem } from '../../../protocol/kv-reply.ts'
import { jsonText, type LongText } from '../answers/json-pieces.ts'
import { sendJson } from '../compat.ts'

/** Thrown by a route; `body` goes to the client as JSON. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: number
  readonly body: unknown

  constructor(status: number, body: unknown) {
    super(JSON.stringify(body))
    this.status = status
    this.body = body
  }
}

export function detail(status: number, text: string): Refusal {
  return new Refusal(status, { detail: text })
}

export function notFound(): Refusal {
  return detail(404, 'Not found.')
}

export function send(reply: FastifyReply, status: number, body: unknown): FastifyReply {
  return sendJson(reply, status, JSON.stringify(body))
}

/** An entry as this API shows it. Bytes that are no UTF-8, which only other doors can store, become U+FFFD. */
export function entryJson(key: string, value: string | LongText, item: KvItem): Record<string, unknown> {
  return {
    key,
    value,
    version: item.version,
    updated_at: new Date(item.updatedAt).toISOString(),
    created_at: new Date(item.createdAt).toISOString(),
  }
}

export function listedJson({ key, item }: ListingEntry): Record<string, unknown> {
  return entryJson(key.toString(), valueText(item), item)
}

/** Long values become text when they are sent. */
export function valueText({ value }: KvItem): string | LongText {
  if (value === null) return ''
  return isUtf8(value) ? jsonText(value, 'utf8') : value.toString()
}
