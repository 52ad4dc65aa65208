/**
 * A headless Chromium (Debian's) that reads a watch by EventSource: a page of this test, on an origin of its own, sends
 * every event back to the test.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from './programs.ts'

/** What the page tells: 'open', the data of an event, or of an error the reader's state (2 = it has given up). */
export type PageMessage =
  | { readonly kind: 'open' }
  | { readonly kind: 'event' | 'error'; readonly data: string }

export class BrowserPage {
  readonly messages: PageMessage[] = []
  readonly #server: Server
  #end: () => Promise<void> = async () => {}

  private constructor(server: Server) {
    this.#server = server
  }

  /** The page is served from now on; no browser runs yet. */
  static async serve(): Promise<BrowserPage> {
    const server = createServer()
    const page = new BrowserPage(server)
    server.on('request', (request, response) => {
      response.setHeader('content-type', 'text/html')
      if (request.method !== 'POST') return response.end(PAGE)
      // The page tells the next thing behind the answer: so they come in order.
      return void bodyOf(request).then((text) => {
        page.messages.push(JSON.parse(text))
        response.end()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return page
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Starts the browser, which opens an EventSource at `url`. */
  async open(url: string): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), 'kvorum-browser-'))
    const flags = [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--no-first-run',
    ]
    const place = `${this.origin}/?watch=${encodeURIComponent(url)}`
    const child = spawn(
      findProgram('chromium') ?? 'chromium',
      [...flags, `--user-data-dir=${folder}`, place],
      {
        stdio: 'ignore',
        detached: true,
      },
    )
    const ended = new Promise((resolve) => child.once('exit', resolve))
    this.#end = async () => {
      // The browser and the processes it made: a group of their own.
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      await ended
      await rm(folder, { recursive: true, force: true, maxRetries: 10 })
    }
  }

  async close(): Promise<void> {
    await this.#end()
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}

const PAGE = `<!doctype html><script>
let told = Promise.resolve()
const post = (message) => fetch('/', { method: 'POST', body: JSON.stringify(message) })
const tell = (message) => { told = told.then(() => post(message)) }
const source = new EventSource(new URLSearchParams(location.search).get('watch'))
source.onopen = () => tell({ kind: 'open' })
source.onmessage = ({ data }) => tell({ kind: 'event', data })
source.onerror = () => tell({ kind: 'error', data: String(source.readyState) })
</script>`
