/** HTTP requests as tests make them: one connection each, the answer as a whole, bytes as they came. */
import { request } from 'node:http'

export interface HttpAnswer {
  readonly status: number
  /** Repeated ones joined. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
  readonly text: string
  /** The body as JSON; fails when it is none. */
  json<T = Record<string, unknown>>(): T
}

export interface HttpOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  /** An object is sent as JSON. */
  readonly body?: string | Buffer | object
  readonly host?: string
  /** Milliseconds without a byte after which it fails; two minutes when not said. */
  readonly limitMs?: number
}

const LIMIT_MS = 120_000

export function httpRequest(port: number, path: string, options: HttpOptions = {}): Promise<HttpAnswer> {
  const { method = 'GET', headers = {}, host = '127.0.0.1', limitMs = LIMIT_MS } = options
  const { body, type } = bodyOf(options.body)
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        port,
        host,
        path,
        method,
        agent: false,
        timeout: limitMs,
        headers: { ...type, ...headers, 'content-length': body.length },
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const bytes = Buffer.concat(chunks)
          const text = bytes.toString()
          const headers = Object.fromEntries(
            Object.entries(response.headers).map(([name, value]) => [name, String(value)]),
          )
          const status = response.statusCode ?? 0
          resolve({ status, headers, body: bytes, text, json: () => JSON.parse(text) })
        })
      },
    )
    sent.on('timeout', () => sent.destroy(new Error(`${method} ${path}: nothing for ${limitMs} ms`)))
    sent.on('error', reject)
    sent.end(body)
  })
}

function bodyOf(body: HttpOptions['body']): { body: Buffer; type: Record<string, string> } {
  if (body === undefined) return { body: Buffer.alloc(0), type: {} }
  if (typeof body === 'string' || Buffer.isBuffer(body)) return { body: Buffer.from(body), type: {} }
  return { body: Buffer.from(JSON.stringify(body)), type: { 'content-type': 'application/json' } }
}
