/**
 * KVStoreClient: the client class of KV-Store (docs/migrate/primary-secondary.md) for its primary/secondary clusters.
 * Only the primary answers; this client finds it, and finds it again when another node has become primary.
 */

import { setTimeout as pause } from 'node:timers/promises'
import { type HostPort, parseHostPort } from '../../lib/host-port.ts'
import { parseJsonObject } from '../../lib/json.ts'
import { JsonLines, LineError } from './json-lines.ts'

/** What JSON can hold. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }

export interface KVStoreClientOptions {
  /** Any node of the cluster; 127.0.0.1. */
  readonly host?: string
  /** 6379. */
  readonly port?: number
  /** Further nodes, 'host:port', for when the first does not answer; those of the cluster are learned by themselves. */
  readonly nodes?: readonly string[]
  /** Password of the cluster; none. */
  readonly password?: string
  /** Longest time in milliseconds that a call may take, finding the primary included; 10 000. */
  readonly timeoutMs?: number
}

/** A call was answered: with what it wanted. */
export interface KVStoreOk {
  readonly status: 'OK'
  readonly message?: string
  readonly value?: JsonValue
  readonly node_id?: string
  readonly role?: 'primary' | 'secondary'
  readonly election_term?: number
}

/** Or with why not. `outcome` is 'unknown' when a write may have been applied all the same. */
export interface KVStoreError {
  readonly status: 'ERROR'
  readonly message?: string
  readonly code?: string
  readonly outcome?: 'unknown'
}

export type KVStoreReply = KVStoreOk | KVStoreError

interface NodeEntry {
  readonly node_id: string
  readonly address: string
  readonly role: string
}

interface Attempt {
  readonly line: string
  /** May be sent again when its outcome is not known. */
  readonly isRead: boolean
}

const DEFAULT_PORT = 6379
const TIMEOUT_MS = 10_000
/** One node gets this long to accept a connection and say what it is. */
const PROBE_MS = 1_000
const RETRY_MS = 50
const NODES_MAX = 64

export class KVStoreClient {
  readonly #seeds: readonly string[]
  readonly #password: string
  readonly #timeoutMs: number
  /** Addresses learned from the cluster. */
  #learned: readonly string[] = []
  #primary: JsonLines | null = null
  #finding: Promise<JsonLines> | null = null
  #isConnected = false

  constructor(options: KVStoreClientOptions = {}) {
    const first = `${options.host ?? '127.0.0.1'}:${options.port ?? DEFAULT_PORT}`
    this.#seeds = [first, ...(options.nodes ?? [])]
    this.#password = options.password ?? ''
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS
  }

  /** Finds the primary. Rejects when there is none within the timeout, and at once when the password is wrong. */
  async connect(): Promise<void> {
    this.#isConnected = true
    await this.#find(performance.now() + this.#timeoutMs)
  }

  disconnect(): void {
    this.#isConnected = false
    this.#primary?.close()
    this.#primary = null
  }

  /** Stores any JSON value; get() gives an equal one. */
  async set(key: string, value: JsonValue): Promise<KVStoreReply> {
    return refusedKey(key) ?? this.#send({ line: `SET ${key} ${encode(value)}`, isRead: false })
  }

  /** `{ status: 'OK', value }`, or an error when there is no such key. */
  async get(key: string): Promise<KVStoreReply> {
    return refusedKey(key) ?? this.#send({ line: `GET ${key}`, isRead: true })
  }

  /** `{ status: 'OK' }`, or `{ status: 'ERROR' }` when there was no such key. */
  async delete(key: string): Promise<KVStoreReply> {
    return refusedKey(key) ?? this.#send({ line: `DELETE ${key}`, isRead: false })
  }

  ping(): Promise<KVStoreReply> {
    return this.#send({ line: 'PING', isRead: true })
  }

  /** Of the primary: its name, its role, its term. */
  status(): Promise<KVStoreReply> {
    return this.#send({ line: 'STATUS', isRead: true })
  }

  async #send(attempt: Attempt): Promise<KVStoreReply> {
    if (!this.#isConnected) return { status: 'ERROR', message: 'Not connected: call connect() first' }
    const endMs = performance.now() + this.#timeoutMs
    for (;;) {
      try {
        const primary = await this.#find(endMs)
        const reply = parseReply(await primary.ask(attempt.line, Math.max(1, endMs - performance.now())))
        if (!isNotPrimary(reply) || performance.now() >= endMs) return withOutcome(reply)
        this.#forget(primary)
      } catch (error) {
        if (error instanceof RefusedError) return error.reply
        if (!(error instanceof LineError)) throw error
        const isUnknown = error.sent && !attempt.isRead
        if (isUnknown)
          return { status: 'ERROR', message: `Outcome unknown: ${error.message}`, outcome: 'unknown' }
        if (!this.#isConnected || performance.now() >= endMs)
          return { status: 'ERROR', message: error.message }
      }
      await pause(RETRY_MS)
    }
  }

  /** A connection to the primary; calls made at the same time share the search. */
  #find(endMs: number): Promise<JsonLines> {
    if (this.#primary?.isOpen === true) return Promise.resolve(this.#primary)
    this.#finding ??= this.#search(endMs).finally(() => {
      this.#finding = null
    })
    return this.#finding
  }

  async #search(endMs: number): Promise<JsonLines> {
    let last = 'no node answers'
    do {
      for (const address of new Set([...this.#learned, ...this.#seeds])) {
        try {
          const found = await this.#probe(address)
          if (found !== null) return this.#adopt(found)
          last = 'no node is primary'
        } catch (error) {
          if (!(error instanceof LineError)) throw error
          last = error.message
        }
      }
      await pause(RETRY_MS)
    } while (this.#isConnected && performance.now() < endMs)
    throw new LineError(`There is no primary: ${last}`, false)
  }

  /** A connection to the node at `address` when it is the primary, else null; learns who else there is. */
  async #probe(address: string): Promise<JsonLines | null> {
    const { host, port } = partsOf(address)
    const lines = await JsonLines.open(host, port, PROBE_MS)
    try {
      if (this.#password !== '') await login(lines, this.#password)
      const status = parseReply(await lines.ask('STATUS', PROBE_MS))
      if (status.status === 'OK' && status.role === 'primary') return lines
      if (status.status === 'ERROR') throw refusalOf(status)
      this.#learned = await nodesOf(lines)
    } catch (error) {
      lines.close()
      throw error
    }
    lines.close()
    return null
  }

  #adopt(primary: JsonLines): JsonLines {
    if (!this.#isConnected) {
      primary.close()
      throw new LineError('the client has disconnected', false)
    }
    this.#primary = primary
    return primary
  }

  #forget(primary: JsonLines): void {
    if (this.#primary === primary) this.#primary = null
    primary.close()
  }
}

/** The node takes this client for a stranger: no other node will see it otherwise, and trying again is no use. */
class RefusedError extends Error {
  override readonly name = 'RefusedError'
  readonly reply: KVStoreError

  constructor(reply: KVStoreError) {
    super(reply.message ?? 'the node refuses this client')
    this.reply = reply
  }
}

const FINAL: ReadonlySet<string> = new Set([
  'UNAUTHENTICATED',
  'WRONG_PASSWORD',
  'TOO_MANY_ATTEMPTS',
  'DENIED',
])

function refusalOf(reply: KVStoreError): Error {
  if (FINAL.has(reply.code ?? '')) return new RefusedError(reply)
  return new LineError(reply.message ?? 'the node refuses', false)
}

async function login(lines: JsonLines, password: string): Promise<void> {
  const reply = parseReply(await lines.ask(`AUTH ${password}`, PROBE_MS))
  if (reply.status === 'ERROR') throw refusalOf(reply)
}

/** A node that cannot know what became of a write says so in its code. */
function withOutcome(reply: KVStoreReply): KVStoreReply {
  if (reply.status === 'OK' || reply.code !== 'UNKNOWN_OUTCOME') return reply
  return { ...reply, outcome: 'unknown' }
}

/** The addresses of the cluster's nodes, the primary first. */
async function nodesOf(lines: JsonLines): Promise<string[]> {
  const reply = parseJsonObject<{ nodes: NodeEntry[] }>(await lines.ask('NODES', PROBE_MS))
  const nodes = Array.isArray(reply?.nodes) ? reply.nodes.slice(0, NODES_MAX) : []
  const known = nodes.filter((node) => typeof node.address === 'string' && node.address !== '')
  return known
    .sort((a, b) => Number(b.role === 'primary') - Number(a.role === 'primary'))
    .map((node) => node.address)
}

function parseReply(line: string): KVStoreReply {
  const reply = parseJsonObject<KVStoreReply>(line)
  if (reply?.status === 'OK' || reply?.status === 'ERROR') return reply as KVStoreReply
  throw new LineError(
    `the node does not speak this protocol (start it with --inline json): ${line.slice(0, 80)}`,
    true,
  )
}

function isNotPrimary(reply: KVStoreReply): boolean {
  return reply.status === 'ERROR' && /not primary/i.test(reply.message ?? '')
}

/** A key is one word of a line. */
function refusedKey(key: string): KVStoreError | null {
  if (key !== '' && !/\s/.test(key)) return null
  return {
    status: 'ERROR',
    message: `Cannot use the key ${JSON.stringify(key)}: wanted a word without white space`,
  }
}

/** A string travels as it is when it would come back as that string, else as JSON: '42' must not become a number. */
function encode(value: JsonValue): string {
  if (typeof value !== 'string' || value === '' || value.trim() !== value || /[\n\r]/.test(value)) {
    return JSON.stringify(value)
  }
  try {
    JSON.parse(value)
    return JSON.stringify(value)
  } catch {
    return value
  }
}

function partsOf(address: string): HostPort {
  const parts = parseHostPort(address)
  if (parts === null) throw new LineError(`Cannot use '${address}': wanted host:port`, false)
  return parts
}
