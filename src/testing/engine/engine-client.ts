/**
 * Drives an engine the way a replica does, without one: commands by their words, each write with the next
 * sequence of one session, missed keys fetched and the command run again. Replies come back as latin1 text,
 * ready to compare.
 */
import { checkCommand } from '../../engine/check-command.ts'
import { commandTable } from '../../engine/command-table.ts'
import { KvEngine } from '../../engine/engine.ts'
import { ENGINE_LEVEL } from '../../engine/level.ts'
import { transactionCommand, watchCommand } from '../../engine/transaction.ts'
import type { DueKey } from '../../engine/types.ts'
import { must } from '../../lib/assert.ts'
import { toByteString } from '../../lib/bytes.ts'
import type { Command, DecodedCommand } from '../../protocol/commands.ts'
import { errorReply } from '../../protocol/reply.ts'
import type { WatchedKey } from '../../protocol/transaction.ts'
import { MISS } from '../../storage/store/types.ts'
import { MapStore } from '../storage/map-store.ts'

const SESSION = 1
const PEER = 7

/** A part of a command; text stands for its latin1 bytes. */
export type Word = string | number | Buffer

/** One engine, its store, its session and its clock. */
export class EngineClient {
  readonly store: MapStore
  readonly engine: KvEngine
  /** The logical database of the next commands. */
  database = 0
  /** The clock: the stamp of the next write's entry and the time of the next read. */
  nowMs: number
  #sequence = 0

  /** Opens session 1; `nowMs` is the first stamp, `level` the engine level of the cluster. */
  constructor(store = new MapStore(), nowMs = 1_000_000, level = ENGINE_LEVEL) {
    this.store = store
    this.engine = new KvEngine(store)
    this.engine.raiseLevel(level)
    this.nowMs = nowMs
    this.engine.openSession(SESSION, PEER, 'boot')
  }

  /** Executes a command as a door would: checked first, reads as reads. */
  run(...words: Word[]): string {
    const command = this.command(...words)
    return toByteString(command === null ? errorReply('ERR unknown command') : this.execute(command))
  }

  /** The command of these words (the first is its name), or null when there is none of that name. */
  command(...words: Word[]): Command | null {
    const [name, ...args] = words.map(toBuffer)
    const word = toByteString(must(name, 'command name')).toLowerCase()
    const spec = commandTable.get(word)
    if (spec !== undefined) return { spec, database: this.database, args }
    const sub = commandTable.get(`${word}|${args[0]?.toString('latin1').toLowerCase()}`)
    return sub === undefined ? null : { spec: sub, database: this.database, args: args.slice(1) }
  }

  execute(command: Command): Buffer {
    const refused = checkCommand(command)
    if (refused !== null) return refused
    const { spec, database, args } = command
    return spec.kind === 'read' ? this.read(command) : this.write({ code: spec.code, database, args })
  }

  /** A transaction of commands given by their words, all in the current database. */
  transaction(commands: readonly (readonly Word[])[], watched: readonly WatchedKey[] = []): string {
    const { database } = this
    return this.transactionAcross(
      commands.map((words) => ({ database, words })),
      watched,
    )
  }

  /** A transaction whose commands work on databases of their own. */
  transactionAcross(
    commands: readonly { database: number; words: readonly Word[] }[],
    watched: readonly WatchedKey[] = [],
  ): string {
    const inner = commands.map(({ database, words }) => {
      return { ...must(this.command(...words), 'command of a transaction'), database }
    })
    return toByteString(this.execute(transactionCommand(watched, inner)))
  }

  /** What WATCH remembers of `keys`. */
  revisionsOf(...keys: string[]): string {
    return toByteString(this.execute(watchCommand(this.database, keys.map(toBuffer))))
  }

  /** Executes a write in an entry of its own, stamped with the clock. */
  write(command: DecodedCommand): Buffer {
    this.engine.beginEntry(this.nowMs)
    this.engine.advanceFloor(SESSION, this.#sequence)
    const sequence = this.#sequence++
    return this.#retry(() => this.engine.executeWrite(command, SESSION, sequence))
  }

  /** Executes a read at the clock; where the engine asks for a tick, it gets one (R12). */
  read(command: Command): Buffer {
    const outcome = this.#retry(() => this.engine.executeRead(command, this.nowMs))
    if (outcome.kind === 'reply') return outcome.reply
    this.engine.beginEntry(this.nowMs)
    return this.read(command)
  }

  /** What the expiry index says is due at the clock. */
  dueKeys(limit = 1000): DueKey[] {
    const { from, to } = this.engine.expiryRange(this.nowMs)
    const rows = this.store.range(from, to, limit)
    return rows.map(({ key, value }) => must(this.engine.parseExpiryRow(key, value), 'expiry row'))
  }

  /** Deletes what is due at the clock; the number of keys. */
  expireDue(limit = 1000): number {
    const due = this.dueKeys(limit)
    if (due.length === 0) return 0
    const reply = this.write({ database: 0, ...this.engine.expireCommand(due) })
    return Number(toByteString(reply).slice(1))
  }

  /** R2: after a miss, one fetch of the missed keys is enough. */
  #retry<T>(attempt: () => T): T {
    try {
      return attempt()
    } catch (error) {
      if (error !== MISS) throw error
      this.store.fetch(this.engine.missedKeys)
    }
    try {
      return this.#retry(attempt)
    } finally {
      this.store.release()
    }
  }
}

function toBuffer(word: Word): Buffer {
  return Buffer.isBuffer(word) ? word : Buffer.from(String(word), 'latin1')
}
