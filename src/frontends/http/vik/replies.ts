/** The forms of VikDB's answers: compact JSON with a line end, fields left out when empty. */
import type { FastifyReply } from 'fastify'
import { sendJson } from '../compat.ts'

export interface Success {
  readonly message?: string
  /** Base64; '' is left out. */
  readonly value?: string
  /** 0 is left out. */
  readonly count?: number
}

export function succeeded(reply: FastifyReply, { message, value, count }: Success = {}): FastifyReply {
  const body = {
    success: true,
    message,
    value: value === '' ? undefined : value,
    count: count === 0 ? undefined : count,
  }
  return sendJson(reply, 200, `${JSON.stringify(body)}\n`)
}

export function failed(reply: FastifyReply, status: number, error: string): FastifyReply {
  if (status === 503) reply.header('retry-after', 1)
  return sendJson(reply, status, `${JSON.stringify({ success: false, error })}\n`)
}
