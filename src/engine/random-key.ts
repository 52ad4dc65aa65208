/**
 * RANDOMKEY without state of its own. The door draws a number and asks with randomKeyCommand(); the replica that
 * answers it seeks a place in the database's range (Store.seek), reads some rows from there and gives them to
 * pickRandomKey(). Every row of the store is about as likely to be the place: a key behind a gap of deleted ones, or
 * one with several versions that are not merged yet, comes up more often.
 */
import type { ByteString } from '../lib/bytes.ts'
import { readU32, writeU32 } from '../lib/bytes.ts'
import type { Command } from '../protocol/commands.ts'
import { bulkReply } from '../protocol/reply.ts'
import { internalCommands } from './command-table.ts'
import { type KeyRange, recordRange, userKeyOf } from './keys.ts'
import { KeyRecord } from './records.ts'
import type { ScanRow } from './scan.ts'
import type { Engine } from './types.ts'

/** `draw` is a uniform integer in [0, 2^32). */
export function randomKeyCommand(database: number, draw: number): Command {
  const arg = Buffer.allocUnsafe(4)
  writeU32(arg, 0, draw)
  return { spec: internalCommands.randomKey, database, args: [arg] }
}

/** Whether a command was made by randomKeyCommand(). */
export function isRandomKey(command: Command): boolean {
  return command.spec.code === internalCommands.randomKey.code
}

/** The records among which to choose, and the fraction in [0, 1) that the command brought. */
export function randomKeyPlan(engine: Engine, { database, args }: Command): KeyRange & { fraction: number } {
  const fraction = readU32(args[0] as Buffer, 0) / 2 ** 32
  return { ...recordRange(engine.physicalDatabase(database), ''), fraction }
}

/** The reply, or null when none of `rows` has a key that lives at `nowMs`. */
export function pickRandomKey(rows: readonly ScanRow[], nowMs: number, fraction: number): Buffer | null {
  const living = rows.filter(({ value }) => {
    const { expiresAt } = new KeyRecord(value)
    return expiresAt === 0 || expiresAt > nowMs
  })
  // The fraction's leading digits chose the place: what follows them is as good as new here.
  const row = living[Math.floor(((fraction * 65_536) % 1) * living.length)]
  return row === undefined ? null : bulkReply(userKeyOf(row.key))
}

/** The first place behind `key`. */
export function placeBehind(key: ByteString): ByteString {
  return `${key}\0`
}
