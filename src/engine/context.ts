/**
 * What a command sees while it executes: one moment of the keyspace, and an overlay that takes its changes.
 * Nothing reaches the store before commit(), and rollBack() leaves no trace, so a command that misses a
 * record can simply run again (R2). One object serves all commands of an engine, one after the other.
 */
import { assert } from '../lib/assert.ts'
import { type ByteString, toByteString } from '../lib/bytes.ts'
import type { CommandSpec, DecodedCommand } from '../protocol/commands.ts'
import { Databases } from './databases.ts'
import { EffectsStage, type RecordChange } from './effects.ts'
import { IdempotencyTable } from './idempotency.ts'
import type { NoticeClass } from './notice-classes.ts'
import { Presence } from './presence.ts'
import { encodeRecord, KeyRecord, type RecordHeader, RecordType } from './records.ts'
import { Settings } from './settings.ts'
import { Staging } from './staging.ts'
import { Tally } from './tally.ts'
import { TouchedKeys } from './touched-keys.ts'
import type { DueKey, EngineStore } from './types.ts'

/**
 * Executes one command; the reply is RESP3 bytes (protocol/reply.ts). A reply that is an error changed
 * nothing.
 */
export type Execute = (context: CommandContext, args: readonly Buffer[]) => Buffer

/** How a transaction runs one of its commands; given by the engine, which knows the command table. */
export type RunInner = (context: CommandContext, command: DecodedCommand) => Buffer

/** Finds what clients may send by its name in small letters, 'container|sub' included; given by the engine as well. */
export type FindCommand = (name: string) => CommandSpec | null

/** The one moment of the keyspace that a command sees, and what it changes. */
export class CommandContext {
  readonly databases = new Databases()
  readonly presence = new Presence()
  readonly idempotency = new IdempotencyTable()
  readonly effects = new EffectsStage()
  readonly settings = new Settings()
  readonly tally = new Tally()
  readonly #store: EngineStore
  readonly #runInner: RunInner
  /** For scripts, which call commands by name. */
  readonly findCommand: FindCommand

  /** The command that executes: its name appears in error texts. */
  spec: CommandSpec
  /** The logical database it works on. */
  database = 0
  /** The time: the entry's stamp for writes, the read's time for reads (R12). */
  nowMs = 0
  /** Keys due by this are invisible (R12); nowMs for writes. */
  #stampMs = 0
  #writable = false
  /** R6: commands that grow data are refused. Replicated state. */
  growthRefused = false
  /** Set when a read met a key that is due by nowMs but not by the stamp. */
  needsTick = false

  /** The revision that this command's changes carry. */
  #revision = 0
  #changed = false
  readonly #staging = new Staging()

  readonly #touched = new TouchedKeys()
  /** Bytes of the records that this command looked at, each time: what scripts are bounded by. */
  readBytes = 0
  /** Bytes that commands wrote, or went through beyond their words and replies: time, for scripts. */
  scannedBytes = 0
  /** Steps that scripts took in this command: those of one transaction share what a script may take. */
  scriptSteps = 0

  /** The last key located and what was found: a write after a read of the same key looks it up once. */
  #lastKey: Buffer | null = null
  #lastDatabase = 0
  #lastPhysicalKey: ByteString = ''
  #lastRecord: KeyRecord | null = null
  readonly #header: RecordHeader = {
    type: RecordType.string,
    createRevision: 0,
    modRevision: 0,
    version: 0,
    createdAt: 0,
    updatedAt: 0,
    expiresAt: 0,
  }

  constructor(store: EngineStore, spec: CommandSpec, runInner: RunInner, findCommand: FindCommand) {
    this.findCommand = findCommand
    this.#store = store
    this.#runInner = runInner
    this.spec = spec
  }

  // --- For commands: records of the current database ---

  /** The record of `key`, or null when there is none or it is due (R12). */
  read(key: Buffer): KeyRecord | null {
    const record = this.#visible(this.#locate(key))
    if (!this.#writable) this.tally.looked(record !== null)
    return record
  }

  /**
   * Creates or replaces the record of `key` (R11: createRevision, version and createdAt live on while the key
   * does). `expiresAt` in ms, 0 = never; a time that is past leaves a record that is due. A change of a value passes on
   * the record's content type; a new value has none unless one is given.
   */
  put(
    key: Buffer,
    type: RecordType,
    value: Buffer,
    expiresAt: number,
    contentType: Buffer | null = null,
  ): void {
    assert(this.#writable, 'Cannot put a record: the command is a read')
    const before = this.#locate(key)
    const alive = this.#visible(before)
    const header = this.#header
    header.type = type
    header.createRevision = alive === null ? this.#revision : alive.createRevision
    header.modRevision = this.#revision
    header.version = alive === null ? 1 : alive.version + 1
    header.createdAt = alive === null ? this.#stampMs : alive.createdAt
    header.updatedAt = this.#stampMs
    header.expiresAt = expiresAt
    this.#replace('put', before, alive, expiresAt, encodeRecord(header, value, contentType))
  }

  /** Deletes the record of `key`; false when there is none or it is due. */
  remove(key: Buffer): boolean {
    assert(this.#writable, 'Cannot delete a record: the command is a read')
    const before = this.#locate(key)
    if (this.#visible(before) === null) return false
    this.#replace('delete', before, before, 0, null)
    return true
  }

  /** The revision of the state as the command leaves it, with what it changed so far (R11). */
  get revision(): number {
    return this.#changed ? this.#revision : this.#revision - 1
  }

  /** A system row (database 0), or null. */
  row(physicalKey: ByteString): Buffer | null {
    return this.#load(physicalKey)
  }

  /** Puts or, with null, takes away a system row: no change of the keyspace, so no revision. */
  setRow(physicalKey: ByteString, value: Buffer | null): void {
    assert(this.#writable, 'Cannot put a row: the command is a read')
    this.#staging.setRow(physicalKey, value)
  }

  /** Records in the current database, as DBSIZE counts them (R11). */
  get keyCount(): number {
    return this.databases.keysOf(this.database)
  }

  /** Empties one database in O(1); no effect when it is empty. */
  flush(database: number): void {
    assert(this.#writable, 'Cannot flush: the command is a read')
    if (this.databases.keysOf(database) === 0) return
    this.#staging.drop(this.databases.replace(database))
    this.effects.databases('flush', database, database)
    this.presence.flush(database)
    this.#changed = true
    this.#lastKey = null
  }

  /** Exchanges two databases in O(1); no effect when they are the same one or both are empty. */
  swap(a: number, b: number): void {
    assert(this.#writable, 'Cannot swap databases: the command is a read')
    if (a === b || (this.databases.keysOf(a) === 0 && this.databases.keysOf(b) === 0)) return
    this.databases.swap(a, b)
    this.effects.databases('swap', a, b)
    this.presence.swap(a, b)
    this.#changed = true
    this.#lastKey = null
  }

  /** Lets `run` work on another database. */
  within<T>(database: number, run: () => T): T {
    const own = this.database
    this.database = database
    const result = run()
    this.database = own
    return result
  }

  /** Tells what happened to a key of the current database, as Redis names it; once the change is certain. */
  notify(noticeClass: NoticeClass, event: string, key: Buffer): void {
    if (this.effects.wanted !== 0) this.effects.notice(noticeClass, event, this.database, key)
  }

  // --- For transactions, WATCH and expiry ---

  /** R11: the modRevision of a key of any database; 0 when absent or due. */
  modRevisionOf(database: number, key: Buffer): number {
    return this.within(database, () => this.read(key)?.modRevision ?? 0)
  }

  /**
   * What WATCH remembers of a key: its modRevision, or, when it is absent or due, the negated revision of the state
   * that says so.
   */
  watchTokenOf(database: number, key: Buffer): number {
    return this.modRevisionOf(database, key) || 1 - this.#revision
  }

  /** True when the key has changed since watchTokenOf() gave `token`; coming and going are a change too. */
  hasChangedSince(database: number, key: Buffer, token: number): boolean {
    const modRevision = this.modRevisionOf(database, key)
    if (token > 0 || modRevision !== 0) return modRevision !== token
    return this.within(database, () => {
      const due = this.#locate(key)
      if (due !== null) return due.modRevision > -token
      return this.presence.mayHaveComeAndGone(database, this.#lastPhysicalKey, -token)
    })
  }

  /**
   * Runs one command of a transaction inside this one; `spec` and `database` are this command's again
   * afterwards.
   */
  runInner(command: DecodedCommand): Buffer {
    const { spec, database } = this
    const reply = this.#runInner(this, command)
    this.spec = spec
    this.database = database
    return reply
  }

  /**
   * R12: deletes the record if it is due by the stamp and unchanged; removes the row of a flushed database.
   */
  expire(due: DueKey): boolean {
    assert(this.#writable, 'Cannot expire a record: the command is a read')
    const database = this.databases.logicalOf(due.physicalDatabase)
    if (database < 0) {
      this.#staging.setRow(due.expiryRow, null)
      return false
    }
    this.database = database
    const record = this.#locate(due.key)
    if (record === null || record.modRevision !== due.modRevision) return false
    if (record.expiresAt === 0 || record.expiresAt > this.#stampMs) return false
    this.#replace('expire', record, record, 0, null)
    this.tally.expired()
    return true
  }

  // --- For the engine ---

  /** An entry begins: what its commands write is counted anew. */
  beginEntry(): void {
    this.#staging.beginEntry()
  }

  /** R20: the entry has written as much as one entry may; commands that grow data are refused until the next. */
  get entryIsFull(): boolean {
    return this.#staging.entryIsFull
  }

  /** Starts a command. A write's nowMs is the stamp; `revision` is the one its changes would carry. */
  begin(options: BeginOptions): void {
    this.spec = options.spec
    this.database = options.database
    this.nowMs = options.nowMs
    this.#stampMs = options.stampMs
    this.#revision = options.revision
    this.#writable = options.writable
    this.#lastKey = null
    this.#lastRecord = null
    this.#touched.begin()
    this.readBytes = 0
    this.scannedBytes = 0
    this.scriptSteps = 0
    this.#changed = false
    this.needsTick = false
    this.tally.begin()
  }

  /** Writes the overlay to the store, each key once; true when the keyspace changed (R11: one revision). */
  commit(): boolean {
    this.#staging.commit(this.#store, this.presence, this.#revision)
    this.presence.commit(this.#revision)
    this.databases.commit()
    this.idempotency.commit()
    if (!this.needsTick) this.tally.commit()
    return this.#changed
  }

  /** Drops everything the command did. */
  rollBack(): void {
    this.#staging.rollBack()
    this.presence.rollBack()
    this.#lastKey = null
    this.databases.rollBack()
    this.idempotency.rollBack()
    this.effects.clear()
  }

  /** Changes staged so far: an error reply must leave it as it was. */
  get staged(): number {
    return this.#staging.size
  }

  /** Physical keys that this command asked the store for. */
  touched(): ByteString[] {
    return this.#touched.all()
  }

  // --- Inside ---

  /** The record as it is stored, due or not. */
  #locate(key: Buffer): KeyRecord | null {
    if (key === this.#lastKey && this.database === this.#lastDatabase) return this.#lastRecord
    const physicalKey = this.databases.prefixOf(this.database) + toByteString(key)
    const bytes = this.#load(physicalKey)
    this.readBytes += bytes?.length ?? 0
    this.#lastKey = key
    this.#lastDatabase = this.database
    this.#lastPhysicalKey = physicalKey
    this.#lastRecord = bytes === null ? null : new KeyRecord(bytes)
    return this.#lastRecord
  }

  #load(physicalKey: ByteString): Buffer | null {
    const staged = this.#staging.get(physicalKey)
    if (staged !== undefined) return staged
    this.#touched.add(physicalKey)
    return this.#store.get(physicalKey)
  }

  #visible(record: KeyRecord | null): KeyRecord | null {
    if (record === null) return null
    const expiresAt = record.expiresAt
    if (expiresAt === 0 || expiresAt > this.nowMs) return record
    if (expiresAt <= this.#stampMs) return null
    this.needsTick = true
    return record
  }

  /**
   * Puts `bytes` in the place of the record located last (`alive`: what a command saw of it), and keeps counters and
   * expiry rows in step.
   */
  #replace(
    kind: RecordChange['kind'],
    before: KeyRecord | null,
    alive: KeyRecord | null,
    expiresAt: number,
    bytes: Buffer | null,
  ): void {
    const expiredAt = before === null ? 0 : before.expiresAt
    this.scannedBytes += bytes?.length ?? 0
    const repeated = this.#staging.setRecord(this.#lastPhysicalKey, before, bytes)
    if (alive === null && bytes !== null) this.#staging.created(this.#lastPhysicalKey, this.database)
    if (this.effects.isOn) this.#stageChange(kind, before, alive, bytes, repeated)
    this.#changed = true
    const keysChange = (bytes === null ? 0 : 1) - (before === null ? 0 : 1)
    this.databases.count(this.database, keysChange, (expiresAt === 0 ? 0 : 1) - (expiredAt === 0 ? 0 : 1))
    if (expiresAt !== 0 || expiredAt !== 0) {
      const id = this.databases.idOf(this.database)
      this.#staging.moveExpiry(this.#lastPhysicalKey, id, expiredAt, expiresAt, this.#revision)
    }
    this.#lastKey = null
  }

  #stageChange(
    kind: RecordChange['kind'],
    before: KeyRecord | null,
    alive: KeyRecord | null,
    bytes: Buffer | null,
    repeated: boolean,
  ): void {
    const key = this.#lastKey as Buffer
    if (kind === 'expire' || (before !== null && alive === null)) this.notify('x', 'expired', key)
    if (kind === 'put' && alive === null) this.notify('n', 'new', key)
    this.effects.change(kind, this.database, key, bytes, alive === null, before !== null, repeated)
  }
}

/** What distinguishes one execution from another. */
export interface BeginOptions {
  spec: CommandSpec
  database: number
  nowMs: number
  stampMs: number
  revision: number
  writable: boolean
}
