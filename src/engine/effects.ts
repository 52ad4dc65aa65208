/**
 * Effects: what one committed write did, for those who watch (watches, pub/sub, invalidation). Staged beside the
 * command's overlay and dropped with it, so a command that runs again tells once (R2), and a duplicate of the dedupe
 * table tells nothing. The same log gives the same effects in the same order on every replica. Without a listener
 * nothing is staged.
 */
import { type NoticeClass, noticeClasses } from './notice-classes.ts'

/**
 * A change of one key. A command changes a key once, however often it wrote it, unless a flush or a swap of databases
 * lies between. Buffers may be views of a log entry: copy what is kept.
 */
export interface RecordChange {
  readonly kind: 'put' | 'delete' | 'expire'
  readonly database: number
  readonly key: Buffer
  /** The encoded record (records.ts) that is there now; null when there is none. */
  readonly record: Buffer | null
  /** The key was absent, or due, before this command. */
  readonly created: boolean
  /** The place of this change among the command's, from 0. */
  readonly sub: number
}

/** Databases were emptied or exchanged as a whole. */
export interface DatabaseChange {
  readonly kind: 'flush' | 'swap'
  readonly database: number
  /** With which it was exchanged; the same as `database` for a flush. */
  readonly other: number
  readonly sub: number
}

export type KeyChange = RecordChange | DatabaseChange

/** A keyspace notice, as Redis names the event. */
export interface Notice {
  readonly class: NoticeClass
  readonly event: string
  readonly database: number
  readonly key: Buffer
  /** Its place among the command's notices and messages. */
  readonly order: number
}

/** A PUBLISH; `sharded` messages go to the subscribers of SSUBSCRIBE, others to all others. */
export interface Message {
  readonly channel: Buffer
  readonly payload: Buffer
  readonly sharded: boolean
  readonly order: number
}

/** What one command did. Valid during the call that hands it over. */
export interface Effects {
  /** The revision after the command: that of its changes when there are any. */
  readonly revision: number
  readonly stampMs: number
  readonly changes: readonly KeyChange[]
  readonly notices: readonly Notice[]
  readonly messages: readonly Message[]
  /** A replicated setting (settings.ts) was set. */
  readonly settingsChanged: boolean
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
/** `existed`: there was a record before this command, due or not; who watches was told of it. */
type StagedRecordChange = Mutable<RecordChange> & { existed: boolean }
type StagedChange = StagedRecordChange | Mutable<DatabaseChange>

const NOTHING: readonly never[] = []
/** Nobody pushes onto it. */
const NO_CHANGES: StagedChange[] = []
const NO_BYTES = Buffer.alloc(0)

/** What the command in execution has done so far. */
export class EffectsStage {
  /** Somebody listens; else nothing is staged. */
  isOn = false
  /** Bits of the classes of notices that somebody wants. */
  wanted = 0
  #changes: StagedChange[] = NO_CHANGES
  /** Most commands change one key: the first change and its list are used again by every command. */
  readonly #first: StagedRecordChange = firstChange()
  readonly #onlyFirst: StagedChange[] = [this.#first]
  readonly #told: Mutable<Effects> = {
    revision: 0,
    stampMs: 0,
    changes: NOTHING,
    notices: NOTHING,
    messages: NOTHING,
    settingsChanged: false,
  }
  #notices: Notice[] = []
  #messages: Message[] = []
  #settingsChanged = false
  #isEmpty = true
  #hasRepeats = false
  #order = 0

  get isEmpty(): boolean {
    return this.#isEmpty
  }

  /** `existed`: a record was there, due or not. `repeated`: this command changed the record before. */
  change(
    kind: RecordChange['kind'],
    database: number,
    key: Buffer,
    record: Buffer | null,
    created: boolean,
    existed: boolean,
    repeated: boolean,
  ): void {
    if (!this.isOn) return
    this.#isEmpty = false
    if (repeated) this.#hasRepeats = true
    const sub = this.#changes.length
    if (sub > 0) return this.#stage({ kind, database, key, record, created, existed, sub })
    const first = this.#first
    first.kind = kind
    first.database = database
    first.key = key
    first.record = record
    first.created = created
    first.existed = existed
    first.sub = 0
    this.#changes = this.#onlyFirst
  }

  databases(kind: DatabaseChange['kind'], database: number, other: number): void {
    if (!this.isOn) return
    this.#isEmpty = false
    this.#stage({ kind, database, other, sub: this.#changes.length })
  }

  notice(noticeClass: NoticeClass, event: string, database: number, key: Buffer): void {
    if ((this.wanted & noticeClasses[noticeClass]) === 0) return
    this.#isEmpty = false
    this.#notices.push({ class: noticeClass, event, database, key, order: this.#order++ })
  }

  message(channel: Buffer, payload: Buffer, sharded: boolean): void {
    if (!this.isOn) return
    this.#isEmpty = false
    this.#messages.push({ channel, payload, sharded, order: this.#order++ })
  }

  settings(): void {
    if (!this.isOn) return
    this.#isEmpty = false
    this.#settingsChanged = true
  }

  /** Tells what was staged, and forgets it. */
  tell(listener: (effects: Effects) => void, revision: number, stampMs: number): void {
    const told = this.#told
    told.revision = revision
    told.stampMs = stampMs
    told.changes = this.#hasRepeats ? onePerKey(this.#changes) : this.#changes
    told.notices = this.#notices.length === 0 ? NOTHING : this.#notices
    told.messages = this.#messages.length === 0 ? NOTHING : this.#messages
    told.settingsChanged = this.#settingsChanged
    listener(told)
    this.clear()
  }

  /** Forgets what was staged. */
  clear(): void {
    if (this.#isEmpty) return
    this.#changes = NO_CHANGES
    this.#told.changes = NOTHING
    this.#first.key = NO_BYTES
    this.#first.record = null
    if (this.#notices.length > 0) this.#notices = []
    if (this.#messages.length > 0) this.#messages = []
    this.#settingsChanged = false
    this.#isEmpty = true
    this.#hasRepeats = false
    this.#order = 0
  }

  #stage(change: StagedChange): void {
    if (this.#changes.length === 0) this.#changes = [change]
    else if (this.#changes === this.#onlyFirst) this.#changes = [this.#first, change]
    else this.#changes.push(change)
  }
}

function firstChange(): StagedRecordChange {
  return { kind: 'put', database: 0, key: NO_BYTES, record: null, created: false, existed: false, sub: 0 }
}

/**
 * Leaves the last change of each key between two changes of databases. What came and went is no change, unless it took
 * the place of a record that was due: that one was told, and is gone now.
 */
function onePerKey(changes: readonly StagedChange[]): KeyChange[] {
  const kept: (StagedChange | null)[] = []
  const places = new Map<string, number>()
  for (const change of changes) {
    if ('other' in change) {
      places.clear()
    } else {
      const id = `${change.database}:${change.key.toString('latin1')}`
      const place = places.get(id)
      if (place !== undefined) {
        const first = kept[place] as StagedRecordChange
        change.existed = first.existed
        change.created = first.created && change.record !== null
        kept[place] = null
      }
      places.set(id, kept.length)
    }
    kept.push(change)
  }
  const left = kept.filter((change) => change !== null && !cameAndWent(change)) as StagedChange[]
  left.forEach((change, sub) => {
    change.sub = sub
  })
  return left
}

function cameAndWent(change: StagedChange): boolean {
  return !('other' in change) && change.record === null && !change.existed
}
