/** The forms of VikDB's answers: compact JSON with a line end, fields left out when empty. */
import type { FastifyReply } from 'fastify'
import type { Door } from '../../door.ts'
import { jsonText } from '../answers/json-pieces.ts'
import { sendJson, sendJsonPieces } from '../compat.ts'

export interface Success {
  readonly message?: string
  /** 0 is left out. */
  readonly count?: number
}

export function succeeded(reply: FastifyReply, { message, count }: Success = {}): FastifyReply {
  const body = {
    success: true,
    message,
    count: count === 0 ? undefined : count,
  }
  return sendJson(reply, 200, `${JSON.stringify(body)}\n`)
}

/** In base64; nothing is left out. */
export function sendValue(door: Door, reply: FastifyReply, value: Buffer): FastifyReply {
  const body = { success: true, value: value.length === 0 ? undefined : jsonText(value, 'base64') }
  return sendJsonPieces(door, reply, body, '\n')
}

export function failed(reply: FastifyReply, status: number, error: string): FastifyReply {
  if (status === 503 || status === 429) reply.header('retry-after', 1)
  return sendJson(reply, status, `${JSON.stringify({ success: false, error })}\n`)
}
