/** One HTTP request on a connection of its own, and all of its answer: for tests that compare bytes. */
import { request } from 'node:http'

export interface Exchange {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

export interface ExchangeOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer
}

const LIMIT_MS = 15_000

export function exchange(
  url: string,
  { method = 'GET', headers = {}, body }: ExchangeOptions = {},
): Promise<Exchange> {
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      { method, headers: { ...headers }, agent: false, timeout: LIMIT_MS },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.once('error', reject)
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString()
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text })
        })
      },
    )
    call.once('timeout', () => call.destroy(new Error(`${method} ${url} took more than ${LIMIT_MS} ms`)))
    call.once('error', reject)
    call.end(body)
  })
}
