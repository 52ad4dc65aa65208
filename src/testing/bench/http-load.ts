/**
 * A closed loop of HTTP/1.1 requests over plain sockets, one request at a time on each: as little work as possible
 * beside the server that is measured. Answers have a length, or chunks that arrive with their end, or neither and no
 * body.
 */
import { connect, type Socket } from 'node:net'

export interface HttpLoadOptions {
  readonly port: number
  readonly connections: number
  readonly requests: number
  /** The bytes of the n-th request. */
  readonly request: (n: number) => Buffer
}

export interface HttpLoadFigures {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const CHUNKS_END = '\r\n0\r\n\r\n'

export async function httpLoad(options: HttpLoadOptions): Promise<HttpLoadFigures> {
  const sockets = await Promise.all(Array.from({ length: options.connections }, () => open(options.port)))
  const latencies: number[] = []
  let next = 0
  const start = performance.now()
  try {
    await Promise.all(
      sockets.map((socket) =>
        loop(socket, () => (next < options.requests ? options.request(next++) : null), latencies),
      ),
    )
  } finally {
    for (const socket of sockets) socket.destroy()
  }
  const seconds = (performance.now() - start) / 1_000
  latencies.sort((a, b) => a - b)
  const at = (share: number): number =>
    Math.round((latencies[Math.floor(latencies.length * share)] ?? 0) * 100) / 100
  return { perSecond: Math.round(latencies.length / seconds), p50Ms: at(0.5), p99Ms: at(0.99) }
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.once('error', reject)
    socket.once('connect', () => resolve(socket))
  })
}

/** Sends one request after another until there is none; fails on an answer that is no success. */
function loop(socket: Socket, next: () => Buffer | null, latencies: number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    let sentAt = 0
    let text = ''
    const send = (): void => {
      const request = next()
      if (request === null) return resolve()
      sentAt = performance.now()
      socket.write(request)
    }
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the server closed the connection')))
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      if (!isComplete(text)) return
      if (text[9] !== '2') return reject(new Error(text.slice(0, 500)))
      latencies.push(performance.now() - sentAt)
      text = ''
      send()
    })
    send()
  })
}

function isComplete(text: string): boolean {
  const head = text.indexOf('\r\n\r\n')
  if (head < 0) return false
  const at = text.search(/content-length: /i)
  if (at >= 0 && at < head) return text.length >= head + 4 + Number.parseInt(text.slice(at + 16, at + 26), 10)
  return text.slice(0, head).toLowerCase().includes('chunked') ? text.endsWith(CHUNKS_END) : true
}
