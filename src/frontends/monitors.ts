/**
 * MONITOR: the connections that watch every command which arrives at this node, in the order of arrival. Without one,
 * a command costs a look at `size`. A monitor that does not read is closed by its own connection (output-limits.ts).
 */
import type { Clock } from '../lib/clock.ts'
import type { CommandSpec } from '../protocol/commands.ts'
import type { Client } from './client.ts'
import { showableWords } from './security/secrets.ts'

const PRINTABLE_FROM = 0x20
const PRINTABLE_TO = 0x7e
const ESCAPES: Readonly<Record<number, string>> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  13: '\\r',
  34: '\\"',
  92: '\\\\',
}

export class Monitors {
  readonly #clock: Clock
  readonly #clients = new Set<Client>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#clients.size
  }

  has(client: Client): boolean {
    return this.#clients.has(client)
  }

  add(client: Client): void {
    this.#clients.add(client)
  }

  delete(client: Client): void {
    this.#clients.delete(client)
  }

  /** Administrative commands are not shown, as in Redis. */
  show(client: Client, spec: CommandSpec, args: readonly Buffer[]): void {
    if (spec.flags.includes('admin')) return
    const line = Buffer.from(this.#line(client, spec, args), 'latin1')
    for (const monitor of this.#clients) monitor.push(line)
  }

  #line({ database, peer }: Client, spec: CommandSpec, args: readonly Buffer[]): string {
    const time = (this.#clock.wallMs() / 1000).toFixed(6)
    const words = showableWords(spec.name, args).map(quoted)
    return `+${time} [${database} ${peer}] ${words.join(' ')}\r\n`
  }
}

/** As Redis writes bytes for people: quoted, everything else than printable ASCII escaped. */
function quoted(word: Buffer): string {
  let text = '"'
  for (const byte of word) {
    const short = ESCAPES[byte]
    if (short !== undefined) text += short
    else if (byte >= PRINTABLE_FROM && byte <= PRINTABLE_TO) text += String.fromCharCode(byte)
    else text += `\\x${byte.toString(16).padStart(2, '0')}`
  }
  return `${text}"`
}
