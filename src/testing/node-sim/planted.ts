/**
 * Known mistakes of whole nodes, planted to prove that the simulation would find them. They patch prototypes from
 * outside; the product has no switch for any of them. The core's own are in core-sim/planted.ts.
 */
import { Origin } from '../../cluster/clients/origin.ts'
import { Reign } from '../../cluster/leader/reign.ts'
import { ReplicaHost } from '../../cluster/replica-host.ts'
import { WatchHistory } from '../../cluster/watches/watch-history.ts'
import { CommandContext } from '../../engine/context.ts'
import { IdempotencyTable } from '../../engine/idempotency.ts'
import { ENGINE_LEVEL } from '../../engine/level.ts'
import { Session } from '../../engine/session.ts'
import { crc32 } from '../../lib/crc32.ts'
import { errors } from '../../protocol/errors.ts'
import { NULL_REPLY } from '../../protocol/reply.ts'
import {
  COMMIT_MARK,
  COMMIT_SIZE,
  decodeSegmentHeader,
  readCommit,
  SEGMENT_HEADER_SIZE,
  writeCommit,
} from '../../storage/log/format.ts'
import { GroupLog } from '../../storage/log/group.ts'
import { nextBatch } from '../../storage/log/scan.ts'
import { hashKey } from '../../storage/store/hash.ts'
import { Memtable } from '../../storage/store/memtable.ts'
import { patch } from '../patch.ts'
import { SimDisk } from '../sim/disk.ts'
import { SimDiskFile } from '../sim/disk-file.ts'
import type { SimFile } from '../sim/file.ts'
import { SimMount } from '../sim/mount.ts'

const MISTAKES = {
  /** R7: the engine level is raised without asking what the members know. */
  levelNotAsked: () =>
    patch(
      Reign.prototype,
      'proposeLevel',
      (propose) =>
        function (this: Reign) {
          propose.call(this, ENGINE_LEVEL)
        },
    ),
  /** Log writes count as durable before they are synced. */
  acknowledgedBeforeSync: () =>
    patch(
      SimDiskFile.prototype,
      'writeSync',
      () =>
        function (this: SimDiskFile, offset, chunks, done) {
          this.write(offset, chunks, done)
        },
    ),
  /** R6: a failed log sync is taken for a success. */
  syncErrorIgnored: () =>
    patch(
      SimDiskFile.prototype,
      'writeSync',
      (writeSync) =>
        function (this: SimDiskFile, offset, chunks, done) {
          writeSync.call(this, offset, chunks, () => done(null, undefined))
        },
    ),
  /** Names are not made durable: a file may be gone, or an old one back, after the loss of power. */
  foldersNotSynced: () =>
    patch(
      SimMount.prototype,
      'syncFolder',
      () =>
        function (this: SimMount, folder, done) {
          this.list(folder, (error) => done(error, undefined))
        },
    ),
  /** R13: the dedupe table is left out of what a restart or a snapshot brings. */
  dedupeTableNotKept: () =>
    patch(Session, 'load', (load) => (reader) => {
      const { id, peerId, bootId } = load(reader)
      return new Session(id, peerId, bootId)
    }),
  /** R13: a command that arrives twice is executed twice. */
  duplicatesExecuted: () => patch(Session.prototype, 'replyOf', () => () => null),
  /** R12: the expire command deletes without looking whether the key is due and unchanged. */
  expiresUnconditionally: () =>
    patch(
      CommandContext.prototype,
      'expire',
      () =>
        function (this: CommandContext, due) {
          const database = this.databases.logicalOf(due.physicalDatabase)
          if (database < 0) return false
          this.database = database
          return this.remove(due.key)
        },
    ),
  /** R3: reads are answered from the local state, without a round. */
  readWithoutRound: () =>
    patch(
      ReplicaHost.prototype,
      'execute',
      (execute) =>
        function (this: ReplicaHost, command, options, done) {
          execute.call(this, command, { ...options, consistency: 'stale' }, done)
        },
    ),
  /** R3: a write overtakes the reads ahead of it on its connection. */
  readsOvertaken: () => patch(Origin.prototype, 'readsBefore', () => () => null),
  /** R10: a snapshot is installed without its record in the log. */
  installRecordLost: () =>
    patch(
      GroupLog.prototype,
      'install',
      () =>
        function (this: GroupLog, _record, _hardState, done) {
          done()
        },
    ),
  /** R5: a torn tail is taken as data: after a loss of power the checksum fits whatever is there. */
  tornTailTaken: () =>
    patch(
      SimDisk.prototype,
      'crash',
      (crash) =>
        function (this: SimDisk, keep) {
          crash.call(this, keep)
          for (const file of this.folders.files()) makeTornTailWhole(file)
        },
    ),
  /** R13: an idempotency key is forgotten by every state that is loaded. */
  idempotencyKeysNotKept: () => {
    let isForgetful = false
    const undoLoad = patch(
      IdempotencyTable.prototype,
      'load',
      (load) =>
        function (this: IdempotencyTable, reader) {
          isForgetful = true
          load.call(this, reader)
        },
    )
    const undoRecall = patch(
      IdempotencyTable.prototype,
      'recall',
      (recall) =>
        function (this: IdempotencyTable, context, request) {
          return isForgetful ? { kind: 'fresh' } : recall.call(this, context, request)
        },
    )
    return () => {
      undoLoad()
      undoRecall()
    }
  },
  /** A watch that resumes inside a revision begins behind it. */
  watchSkipsRest: () =>
    patch(
      WatchHistory.prototype,
      'seek',
      (seek) =>
        function (this: WatchHistory, revision) {
          return seek.call(this, revision + 1, -1)
        },
    ),
  /** Overwritten records of a pinned memtable are forgotten. */
  pinsForgetOverwritten: () =>
    patch(
      Memtable.prototype,
      'findAt',
      () =>
        function (this: Memtable, key) {
          return this.find(key, hashKey(key))
        },
    ),
  /** What EVALSHA knows is kept in each process, and not in the state. */
  scriptsNotInState: () => {
    const kept = new WeakMap<CommandContext, Map<string, Buffer | null>>()
    const rowsOf = (context: CommandContext): Map<string, Buffer | null> => {
      const rows = kept.get(context) ?? new Map<string, Buffer | null>()
      kept.set(context, rows)
      return rows
    }
    const isScript = (key: string): boolean => key.startsWith('\0\0\0\0\x04')
    const undoRow = patch(
      CommandContext.prototype,
      'row',
      (row) =>
        function (this: CommandContext, key) {
          return isScript(key) ? (rowsOf(this).get(key) ?? null) : row.call(this, key)
        },
    )
    const undoSetRow = patch(
      CommandContext.prototype,
      'setRow',
      (setRow) =>
        function (this: CommandContext, key, value) {
          if (isScript(key)) rowsOf(this).set(key, value)
          else setRow.call(this, key, value)
        },
    )
    return () => {
      undoRow()
      undoSetRow()
    }
  },
  /** R2: a script takes a record that is not in memory for one that is not there. */
  scriptsIgnoreMisses: () =>
    patch(
      CommandContext.prototype,
      'runInner',
      (runInner) =>
        function (this: CommandContext, command) {
          const isScript = this.spec.group === 'scripting'
          try {
            return runInner.call(this, command)
          } catch (error) {
            if (isScript) return NULL_REPLY
            throw error
          }
        },
    ),
  /** R15, R16: "not applied" is said of what was forwarded. */
  unknownCalledNone: () => {
    const table = errors as unknown as Record<'UNKNOWN_OUTCOME', { effect: string }>
    const { effect } = table.UNKNOWN_OUTCOME
    table.UNKNOWN_OUTCOME.effect = 'none'
    return () => {
      table.UNKNOWN_OUTCOME.effect = effect
    }
  },
} satisfies Record<string, () => () => void>

/** Gives the last, torn batch of a log segment the commit frame that its present bytes would have. */
function makeTornTailWhole(file: SimFile): void {
  const bytes = file.read(0, file.size)
  const header = decodeSegmentHeader(bytes)
  if (header === null) return
  let end = SEGMENT_HEADER_SIZE
  for (let commit = nextBatch(bytes, end, header); commit !== null; commit = nextBatch(bytes, end, header)) {
    end = commit.offset + COMMIT_SIZE
  }
  for (let mark = bytes.indexOf(COMMIT_MARK, end); mark >= 0; mark = bytes.indexOf(COMMIT_MARK, mark + 1)) {
    const torn = readCommit(bytes, mark - 8, header)
    if (torn === null || torn.offset - torn.batchBytes !== end) continue
    const batchCrc = crc32(bytes.subarray(end, torn.offset), header.salt)
    writeCommit(bytes, torn.offset, { ...torn, batchCrc }, header.salt)
    file.write(torn.offset, bytes.subarray(torn.offset, torn.offset + COMMIT_SIZE))
    file.sync()
    return
  }
}

export type NodeMistake = keyof typeof MISTAKES

/** Plants the mistake everywhere in this process; returns what takes it out again. */
export function plantNodeMistake(name: NodeMistake): () => void {
  return MISTAKES[name]()
}
