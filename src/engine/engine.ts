/**
 * The state machine of one shard: executes committed commands and reads against the store, deterministically,
 * and owns the state beside it: databases, revision, stamp, sessions. Pure: time comes in stamps, records
 * through EngineStore.
 */

import { assert } from '../lib/assert.ts'
import { ByteReader } from '../lib/byte-reader.ts'
import { ByteWriter } from '../lib/byte-writer.ts'
import type { ByteString } from '../lib/bytes.ts'
import type { Command, DecodedCommand } from '../protocol/commands.ts'
import { errorCodeReply, errorReply, isErrorReply } from '../protocol/reply.ts'
import { decodeInner } from '../protocol/transaction.ts'
import { CommandAborted } from './abort.ts'
import { wrongArity } from './arguments.ts'
import { hasArity } from './check-command.ts'
import { declaredKeys } from './command-keys.ts'
import {
  type CommandRow,
  commandRow,
  commandTable,
  INTERNAL_CODE_MAX,
  internalCommands,
} from './command-table.ts'
import { encodeGrowth } from './commands/housekeeping.ts'
import { type BeginOptions, CommandContext } from './context.ts'
import { DATABASE_COUNT } from './databases.ts'
import type { Effects } from './effects.ts'
import { encodeDueKey, expiryRangeUntil, parseExpiryRow } from './expiry-index.ts'
import type { KeyRange } from './keys.ts'
import { CREATIONS_LEVEL, ENGINE_LEVEL, FIRST_LEVEL } from './level.ts'
import { ABOVE_WINDOW_REPLY, BELOW_FLOOR_REPLY, CLOSED_SESSION_REPLY, Sessions } from './sessions.ts'
import type { SettingName } from './settings.ts'
import type { Tally } from './tally.ts'
import { tooNew } from './too-new.ts'
import type { DueKey, Engine, EngineStore, ReadOutcome } from './types.ts'

/** Version 1 had neither idempotency keys nor settings, 2 knew flushes of all databases only, 3 no creations. */
const STATE_VERSION = 4
/** What a cluster below CREATIONS_LEVEL writes. */
const STATE_VERSION_BEFORE = 3
const TICK: ReadOutcome = { kind: 'tick' }
const UPGRADING = errorCodeReply('UPGRADING')
const DISK_FULL = errorCodeReply('DISK_FULL')
const ENTRY_FULL = errorCodeReply('OVERLOADED', 'too much would be written at once')
const NOT_IN_TRANSACTION = errorReply('ERR command is not possible inside MULTI')

/** The engine over a store; a new one is in the state before the first log entry. */
export class KvEngine implements Engine {
  readonly #context: CommandContext
  readonly #sessions = new Sessions()
  readonly #begin: BeginOptions
  #stampMs = 0
  #revision = 0
  readonly #levelMax: number
  #engineLevel = FIRST_LEVEL
  #missedKeys: readonly ByteString[] = []
  #onEffects: ((effects: Effects) => void) | null = null
  readonly #stopwatchMs: () => number
  #executedMs = 0

  /**
   * `stopwatchMs` measures how long commands take; it has no part in what they do. `levelMax` below the default stands
   * for an older program.
   */
  constructor(store: EngineStore, stopwatchMs: () => number = () => 0, levelMax: number = ENGINE_LEVEL) {
    this.#stopwatchMs = stopwatchMs
    this.#levelMax = levelMax
    this.#context = new CommandContext(store, internalCommands.noop, runInner, (name) =>
      this.#findCommand(name),
    )
    this.#begin = {
      spec: internalCommands.noop,
      database: 0,
      nowMs: 0,
      stampMs: 0,
      revision: 0,
      writable: false,
    }
  }

  get stampMs(): number {
    return this.#stampMs
  }

  get revision(): number {
    return this.#revision
  }

  get engineLevel(): number {
    return this.#engineLevel
  }

  get growthRefused(): boolean {
    return this.#context.growthRefused
  }

  get tally(): Tally {
    return this.#context.tally
  }

  get sessionCount(): number {
    return this.#sessions.count
  }

  get missedKeys(): readonly ByteString[] {
    return this.#missedKeys
  }

  save(): Buffer {
    const writer = new ByteWriter()
    const hasCreations = this.#engineLevel >= CREATIONS_LEVEL
    writer.u32(hasCreations ? STATE_VERSION : STATE_VERSION_BEFORE)
    writer.u32(this.#engineLevel)
    writer.u64(this.#stampMs)
    writer.u64(this.#revision)
    writer.u8(this.growthRefused ? 1 : 0)
    this.#context.databases.save(writer)
    this.#context.presence.deletions.save(writer)
    if (hasCreations) this.#context.presence.creations.save(writer)
    this.#context.idempotency.save(writer)
    this.#context.settings.save(writer)
    this.#sessions.save(writer)
    // As long as it is, not as the writer has grown: the store keeps it.
    return Buffer.from(writer.finish())
  }

  load(state: Buffer): void {
    const reader = new ByteReader(state)
    const version = reader.u32()
    assert(version >= 1, () => `Engine state has version ${version}`)
    if (version > STATE_VERSION) throw tooNew(`engine state of version ${version}`)
    this.#adoptLevel(reader.u32())
    this.#stampMs = reader.u64()
    this.#revision = reader.u64()
    this.#context.growthRefused = reader.u8() === 1
    this.#context.databases.load(reader)
    this.#context.presence.deletions.load(reader, version)
    if (version > STATE_VERSION_BEFORE) this.#context.presence.creations.load(reader)
    else this.#context.presence.creations.forget()
    this.#context.idempotency.load(version === 1 ? null : reader)
    this.#context.settings.load(version === 1 ? null : reader)
    this.#sessions.load(reader)
    reader.end()
  }

  raiseLevel(level: number): void {
    const before = this.#engineLevel
    if (level > before) this.#adoptLevel(level)
    if (before < CREATIONS_LEVEL && level >= CREATIONS_LEVEL)
      this.#context.presence.creations.begin(this.#revision)
  }

  /** How long the last command executed, in milliseconds, when it was timed; then 0 until the next. */
  takeExecutedMs(): number {
    const ms = this.#executedMs
    this.#executedMs = 0
    return ms
  }

  /** A stamp that is not later leaves the time as it is: it never goes back (R12). */
  beginEntry(stampMs: number): void {
    if (stampMs > this.#stampMs) this.#stampMs = Math.floor(stampMs)
    this.#context.beginEntry()
  }

  executeWrite(command: DecodedCommand, sessionId: number, sequence: number, isTimed = false): Buffer {
    const session = this.#sessions.get(sessionId)
    if (session === null) return CLOSED_SESSION_REPLY
    const kept = session.replyOf(sequence)
    if (kept !== null) return kept
    const state = session.stateOf(sequence)
    if (state !== 'fresh') return state === 'below' ? BELOW_FLOOR_REPLY : ABOVE_WINDOW_REPLY
    const reply = this.#run(commandRow(command.code), command, this.#stampMs, true, isTimed)
    session.record(sequence, reply)
    const { effects } = this.#context
    if (this.#onEffects !== null && !effects.isEmpty) {
      effects.tell(this.#onEffects, this.#revision, this.#stampMs)
    }
    return reply
  }

  onEffects(listener: ((effects: Effects) => void) | null): void {
    this.#onEffects = listener
    this.#context.effects.isOn = listener !== null
    if (listener === null) this.wantNotices(0)
  }

  setting(name: SettingName): string | null {
    return this.#context.settings.get(name)
  }

  wantNotices(classes: number): void {
    this.#context.effects.wanted = classes
  }

  declaredKeys(command: DecodedCommand): ByteString[] {
    return declaredKeys(this.#context, command)
  }

  executeRead(command: Command, nowMs: number): ReadOutcome {
    const { code } = command.spec
    const { database, args } = command
    const row = commandRow(code)
    assert(row.kind === 'read', () => `Cannot execute ${row.name} as a read`)
    const now = Math.max(Math.floor(nowMs), this.#stampMs)
    const reply = this.#run(row, { code, database, args }, now, false, true)
    return this.#context.needsTick ? TICK : { kind: 'reply', reply }
  }

  openSession(index: number, peerId: number, bootId: string): void {
    this.#sessions.open(index, peerId, bootId)
  }

  closeSessionsOf(peerId: number): void {
    this.#sessions.closeOf(peerId)
  }

  sessionOf(peerId: number, bootId: string): number | null {
    return this.#sessions.find(peerId, bootId)?.id ?? null
  }

  advanceFloor(session: number, floor: number): void {
    this.#sessions.get(session)?.advanceFloor(floor)
  }

  storedReply(session: number, sequence: number): Buffer | null {
    return this.#sessions.get(session)?.replyOf(sequence) ?? null
  }

  expiryRange(nowMs: number): KeyRange {
    return expiryRangeUntil(nowMs)
  }

  /** Rows of flushed databases are due keys too: the expire command removes them, without a revision. */
  parseExpiryRow(key: ByteString, value: Buffer): DueKey | null {
    return parseExpiryRow(key, value)
  }

  expireCommand(due: readonly DueKey[]): { code: number; args: Buffer[] } {
    return { code: internalCommands.expire.code, args: due.map(encodeDueKey) }
  }

  growthCommand(refused: boolean): { code: number; args: Buffer[] } {
    return { code: internalCommands.growth.code, args: [encodeGrowth(refused)] }
  }

  keyspace(): readonly { database: number; keys: number; expires: number }[] {
    const { databases } = this.#context
    const rows: { database: number; keys: number; expires: number }[] = []
    for (let database = 0; database < DATABASE_COUNT; database++) {
      rows.push({ database, keys: databases.keysOf(database), expires: databases.expiresOf(database) })
    }
    return rows.filter((row) => row.keys > 0)
  }

  /** The id of the physical database behind a logical one: what SCAN's ranges are made of. */
  physicalDatabase(database: number): number {
    return this.#context.databases.idOf(database)
  }

  /** A command of a level that the cluster has not reached. */
  #isAhead(row: CommandRow): Buffer {
    if (row.level > this.#levelMax) throw tooNew(`command ${row.code}`)
    return UPGRADING
  }

  #adoptLevel(level: number): void {
    if (level > this.#levelMax) throw tooNew(`engine level ${level}`)
    this.#engineLevel = level
  }

  /** For scripts: what clients may send, as far as the cluster's level has it. */
  #findCommand(name: string): CommandRow | null {
    const row = commandTable.get(name)
    return row !== undefined && row.level <= this.#engineLevel ? row : null
  }

  /** Runs one command; on a miss, or any other failure, nothing of it remains (R2). */
  #run(row: CommandRow, command: DecodedCommand, nowMs: number, writable: boolean, isTimed: boolean): Buffer {
    const context = this.#context
    const begin = this.#begin
    begin.spec = row
    begin.database = command.database
    begin.nowMs = nowMs
    begin.stampMs = this.#stampMs
    begin.revision = this.#revision + 1
    begin.writable = writable
    const sinceMs = isTimed ? this.#stopwatchMs() : 0
    context.begin(begin)
    let reply: Buffer
    try {
      reply = row.level > this.#engineLevel ? this.#isAhead(row) : execute(context, row, command.args)
    } catch (error) {
      context.rollBack()
      if (error instanceof CommandAborted) return error.reply
      this.#missedKeys = [...new Set([...this.declaredKeys(command), ...context.touched()])]
      throw error
    }
    if (context.commit()) this.#revision++
    this.#executedMs = isTimed ? this.#stopwatchMs() - sinceMs : 0
    return reply
  }
}

/** Inside a transaction: one of its commands, which may fail without harm to the others. */
function runInner(context: CommandContext, command: DecodedCommand): Buffer {
  const row = commandRow(command.code)
  if (row.code <= INTERNAL_CODE_MAX) return NOT_IN_TRANSACTION
  context.spec = row
  context.database = command.database
  return execute(context, row, command.args)
}

function execute(context: CommandContext, row: CommandRow, args: readonly Buffer[]): Buffer {
  if (!hasArity(row, args.length)) return wrongArity(row)
  if (context.growthRefused && grows(row, args)) return DISK_FULL
  if (context.entryIsFull && writesRecords(row)) return ENTRY_FULL
  const staged = context.staged
  const reply = row.execute(context, args)
  // As in Redis, what a script did before it failed stays.
  assert(
    !isErrorReply(reply) || context.staged === staged || row.group === 'scripting',
    () => `Failed ${row.name} left changes behind`,
  )
  return reply
}

/** R20: also what leaves a value as it is writes its record anew. The cluster's own commands always go on. */
function writesRecords({ code, kind, flags }: CommandRow): boolean {
  if (flags.includes('denyoom')) return true
  return kind === 'write' && (code > INTERNAL_CODE_MAX || code === internalCommands.kv.code)
}

/** R6: a transaction grows when one of its commands does, and is then refused as a whole. */
function grows(row: CommandRow, args: readonly Buffer[]): boolean {
  if (row.code !== internalCommands.exec.code) return row.flags.includes('denyoom')
  return decodeInner(args).some((command) => commandRow(command.code).flags.includes('denyoom'))
}
