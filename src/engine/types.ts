/**
 * What the engine offers the replica: committed commands plus what they read in, changes plus replies out;
 * deterministic on every replica. Pure: time comes in stamps, state through StateView and StateWriter.
 */
import type { ByteString } from '../lib/bytes.ts'
import type { Command, DecodedCommand } from '../protocol/commands.ts'
import type { Effects } from './effects.ts'
import type { SettingName } from './settings.ts'
import type { Tally } from './tally.ts'

/**
 * The store as the engine sees it (storage/store implements it). `get` may throw the store's MISS: the engine lets it
 * pass.
 */
export interface EngineStore {
  get(key: ByteString): Buffer | null
  put(key: ByteString, value: Buffer | null): void
  dropRange(from: ByteString, to: ByteString): void
}

export type ReadOutcome =
  | { readonly kind: 'reply'; readonly reply: Buffer }
  /** A key is due by `nowMs` but not by the applied stamp: ask the leader for a tick (R12), then run it again. */
  | { readonly kind: 'tick' }

export interface DueKey {
  readonly expiryRow: ByteString
  readonly physicalDatabase: number
  readonly key: Buffer
  readonly expiresAt: number
  readonly modRevision: number
}

/** The state that lives in memory and in the manifest's meta: databases, counters, revision, stamp, sessions. */
export interface Engine {
  /** The stamp of the last applied commands or tick entry, ms. */
  readonly stampMs: number
  readonly revision: number
  /** R7: part of the state; commands of a higher level are refused. */
  readonly engineLevel: number
  /** Applies a `level` entry; a lower level changes nothing. Throws tooNew() when this program does not know it. */
  raiseLevel(level: number): void

  /** Everything above as bytes, at an entry boundary; load() of them restores it. */
  save(): Buffer
  load(state: Buffer): void

  /** Starts a `commands` or `tick` entry: advances the stamp. */
  beginEntry(stampMs: number): void
  /**
   * Executes one command of a run against an overlay; on return its changes are in the store and its reply is in the
   * dedupe table. Throws MISS with nothing changed: fetch missedKeys and call again. A duplicate gives the stored
   * reply; below the floor or a closed session gives an error reply. takeExecutedMs() tells of it when `isTimed`:
   * the clock is not looked at for commands whose client is elsewhere.
   */
  executeWrite(command: DecodedCommand, session: number, sequence: number, isTimed?: boolean): Buffer
  /** The physical keys the last MISS wanted (all declared keys of that command that were touched). */
  readonly missedKeys: readonly ByteString[]
  /**
   * Who is told, within executeWrite(), of each command that did something, in log order and once each; null = nobody,
   * and nothing is built.
   */
  onEffects(listener: ((effects: Effects) => void) | null): void
  /** The classes of notices (notice-classes.ts) that effects shall hold; none at first. */
  wantNotices(classes: number): void
  /** The value that the cluster's clients gave a replicated setting; null when they never did. */
  setting(name: SettingName): string | null
  /** Physical keys that the command will read, as far as declared: for prefetch. */
  declaredKeys(command: DecodedCommand): ByteString[]

  /** Runs a read at `nowMs` (>= stampMs): throws MISS as above. */
  executeRead(command: Command, nowMs: number): ReadOutcome

  /** Applies a session entry: opens (closing older ones of the peer) unless that peer and boot id are open already. */
  openSession(index: number, peerId: number, bootId: string): void
  closeSessionsOf(peerId: number): void
  sessionOf(peerId: number, bootId: string): number | null
  /** Sequences below `floor` will never be asked for again. */
  advanceFloor(session: number, floor: number): void
  /** The stored reply for a retry that was resolved by a snapshot; null when it was not executed. */
  storedReply(session: number, sequence: number): Buffer | null

  /** Range of the expiry index that is due at `nowMs`: [from, to). */
  expiryRange(nowMs: number): { from: ByteString; to: ByteString }
  parseExpiryRow(key: ByteString, value: Buffer): DueKey | null
  /** The internal command that deletes those of `due` that are still due and unchanged (one revision). */
  expireCommand(due: readonly DueKey[]): { code: number; args: Buffer[] }

  /**
   * R6 as replicated state: while true, commands whose spec has the flag 'denyoom' answer DISK_FULL at apply, with no
   * effect; everything else goes on. Saved with the state; changed by the internal command that growthCommand() makes.
   */
  readonly growthRefused: boolean
  growthCommand(refused: boolean): { code: number; args: Buffer[] }

  /** The physical database that a logical one is now; for SCAN's ranges (scan.ts). */
  physicalDatabase(database: number): number

  /** Counted by this replica since its process started. */
  readonly tally: Tally
  /** Open sessions of nodes. */
  readonly sessionCount: number

  /** Keys and keys with an expiry per logical database, for DBSIZE and INFO keyspace. */
  keyspace(): readonly { database: number; keys: number; expires: number }[]
}
