/**
 * Known mistakes of whole nodes, planted to prove that the simulation would find them. They patch prototypes from
 * outside; the product has no switch for any of them. The core's own are in core-sim/planted.ts.
 */
import { Origin } from '../../cluster/origin.ts'
import { ReplicaHost } from '../../cluster/replica-host.ts'
import { CommandContext } from '../../engine/context.ts'
import { Session } from '../../engine/session.ts'
import { errors } from '../../protocol/errors.ts'
import { GroupLog } from '../../storage/log/group.ts'
import { SimDiskFile } from '../sim-disk-file.ts'
import { SimMount } from '../sim-mount.ts'

/** Replaces a method and returns what puts the old one back. */
function patch<T extends object, K extends keyof T>(
  target: T,
  name: K,
  make: (original: T[K]) => T[K],
): () => void {
  const descriptor = Object.getOwnPropertyDescriptor(target, name)
  if (descriptor === undefined) throw new TypeError(`Nothing to patch: ${String(name)}`)
  Object.defineProperty(target, name, { ...descriptor, value: make(descriptor.value as T[K]) })
  return () => Object.defineProperty(target, name, descriptor)
}

const MISTAKES = {
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

export type NodeMistake = keyof typeof MISTAKES

export const nodeMistakes = Object.keys(MISTAKES) as readonly NodeMistake[]

/** Plants the mistake everywhere in this process; returns what takes it out again. */
export function plantNodeMistake(name: NodeMistake): () => void {
  return MISTAKES[name]()
}
