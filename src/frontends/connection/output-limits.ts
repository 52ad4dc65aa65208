/**
 * How much may wait for a client that does not take it, as Redis' client-output-buffer-limit: so much at once, and a
 * part of it for so long. There is no replica among clients, and no buffer without a bound (R20): limits.ts has the
 * largest hard limit, and what holds until CONFIG SET.
 */
import type { Clock } from '../../lib/clock.ts'
import { limits } from '../../protocol/limits.ts'

/** Who gets replies alone, and who gets bytes without asking. */
export type OutputClass = 'normal' | 'pubsub'

export interface OutputLimit {
  /** Beyond it the client is closed. */
  readonly hardBytes: number
  /** Beyond it for `softSeconds` the client is closed; 0 = there is none. */
  readonly softBytes: number
  readonly softSeconds: number
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1e3,
  kb: 2 ** 10,
  m: 1e6,
  mb: 2 ** 20,
  g: 1e9,
  gb: 2 ** 30,
}
const CLASSES: Readonly<Record<string, OutputClass | 'replica'>> = {
  normal: 'normal',
  pubsub: 'pubsub',
  slave: 'replica',
  replica: 'replica',
}
const FIELDS = 4

export class OutputLimits {
  normal: OutputLimit = { hardBytes: limits.replyQueueBytesMax, softBytes: 0, softSeconds: 0 }
  pubsub: OutputLimit = {
    hardBytes: limits.pushBytes,
    softBytes: limits.pushSoftBytes,
    softSeconds: limits.pushSoftMs / 1000,
  }

  /** As CONFIG GET shows it. */
  toString(): string {
    const words = ({ hardBytes, softBytes, softSeconds }: OutputLimit): string =>
      `${hardBytes} ${softBytes} ${softSeconds}`
    return `normal ${words(this.normal)} slave 0 0 0 pubsub ${words(this.pubsub)}`
  }

  /** Takes what parseOutputLimits() accepts. */
  set(text: string): void {
    const changes = parseOutputLimits(text)
    if (typeof changes === 'string') return
    for (const [name, limit] of changes) this[name] = limit
  }
}

/** The classes that `text` changes ('normal 64mb 0 0 pubsub 32mb 8mb 60'), or why it cannot, in Redis' words. */
export function parseOutputLimits(text: string): Map<OutputClass, OutputLimit> | string {
  const words = text.trim().split(/\s+/)
  if (words.length % FIELDS !== 0) return 'Wrong number of arguments in buffer limit configuration.'
  const changes = new Map<OutputClass, OutputLimit>()
  for (let i = 0; i < words.length; i += FIELDS) {
    const [word = '', hard = '', soft = '', seconds = ''] = words.slice(i, i + FIELDS)
    const name = CLASSES[word.toLowerCase()]
    if (name === undefined) return 'Invalid client class specified in buffer limit configuration.'
    const [hardBytes, softBytes] = [parseBytes(hard), parseBytes(soft)]
    if (hardBytes === null || softBytes === null || !/^[0-9]{1,9}$/.test(seconds)) {
      return 'Error in hard, soft or soft_seconds setting in buffer limit configuration.'
    }
    const why = refusalOf(name, hardBytes, softBytes)
    if (why !== null) return why
    if (name !== 'replica') changes.set(name, { hardBytes, softBytes, softSeconds: Number(seconds) })
  }
  return changes
}

function refusalOf(name: OutputClass | 'replica', hardBytes: number, softBytes: number): string | null {
  if (name === 'replica') {
    return hardBytes === 0 && softBytes === 0 ? null : 'there are no replicas here: replica must be 0 0 0'
  }
  if (hardBytes >= 1 && hardBytes <= limits.replyQueueBytesMax) return null
  return `every client is bounded here: a hard limit is 1 to ${limits.replyQueueBytesMax} bytes`
}

/** A number with one of Redis' units, in bytes; null when it is none. */
function parseBytes(text: string): number | null {
  const [, digits = '', unit = ''] = /^([0-9]{1,15})([a-z]{0,2})$/i.exec(text) ?? []
  const factor = UNITS[unit.toLowerCase()]
  return digits === '' || factor === undefined ? null : Number(digits) * factor
}

const NEVER = Number.POSITIVE_INFINITY

/** Looks at what waits for one client. */
export class OutputWatch {
  readonly #clock: Clock
  /** When more than the soft limit began to wait. */
  #slowSinceMs = NEVER

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** False when the client, for whom `bytes` wait now, must be closed. */
  allows(bytes: number, { hardBytes, softBytes, softSeconds }: OutputLimit): boolean {
    if (bytes > hardBytes) return false
    if (softBytes === 0 || bytes <= softBytes) {
      this.#slowSinceMs = NEVER
      return true
    }
    const nowMs = this.#clock.monotonicMs()
    if (this.#slowSinceMs === NEVER) this.#slowSinceMs = nowMs
    return nowMs - this.#slowSinceMs < softSeconds * 1000
  }
}
