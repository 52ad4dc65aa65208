/**
 * SCAN without state of its own. The door keeps the cursors and asks for a page with the internal command
 * scanCommand(); the replica that answers it reads the range that scanPlan() names and gives scanPage() the
 * rows. The reply is an array of two: where the next page starts (a string for the next scanCommand(), null =
 * there is none), and the array of keys. A key that is there from the first page to the last is given exactly
 * once: pages go through the keys in order.
 */
import { type ByteString, toByteString } from '../lib/bytes.ts'
import type { Command } from '../protocol/commands.ts'
import { limits } from '../protocol/limits.ts'
import { arrayReply, bulkReply, errorReply, NULL_REPLY } from '../protocol/reply.ts'
import { NOT_AN_INTEGER, optionWord, SYNTAX_ERROR } from './arguments.ts'
import { internalCommands } from './command-table.ts'
import { globMatches } from './glob.ts'
import { parseInteger } from './integers.ts'
import { type KeyRange, recordRange, userKeyOf } from './keys.ts'
import { KeyRecord } from './records.ts'
import type { Engine } from './types.ts'

/** What SCAN answers to a cursor that is no number. */
export const INVALID_CURSOR_REPLY = errorReply('ERR invalid cursor')
const COUNT_DEFAULT = 10
const CURSOR_DIGITS_MAX = 20
const MATCH_ALL = '*'

/** What to read (at most `limit` rows) and how to pick from it. */
export interface ScanPlan extends KeyRange {
  readonly limit: number
  /** Null = every key. */
  readonly pattern: Buffer | null
  /** A type's name in lower case, null = every type. */
  readonly type: string | null
}

/** A row of the store (storage/store's Row). */
export interface ScanRow {
  readonly key: ByteString
  readonly value: Buffer
}

/**
 * A cursor as a client sends it, or null when it is none. Those above 2^53 are rounded: no node gives them
 * out.
 */
export function parseScanCursor(text: Buffer): number | null {
  if (text.length > CURSOR_DIGITS_MAX || !/^[0-9]+$/.test(toByteString(text))) return null
  return Number(toByteString(text))
}

/**
 * Asks for the page that starts at `resume` (empty: the first); `options` is what SCAN has behind its cursor.
 */
export function scanCommand(database: number, resume: Buffer, options: readonly Buffer[]): Command {
  return { spec: internalCommands.scan, database, args: [resume, ...options] }
}

/** Whether a command was made by scanCommand(). */
export function isScan(command: Command): boolean {
  return command.spec.code === internalCommands.scan.code
}

/** What to read for a scanCommand(); an error reply, with Redis' texts, when its options are wrong. */
export function scanPlan(engine: Engine, { database, args }: Command): ScanPlan | Buffer {
  let pattern: Buffer | null = null
  let type: string | null = null
  let limit = COUNT_DEFAULT
  for (let i = 1; i < args.length; i += 2) {
    const word = optionWord(args[i] as Buffer)
    const value = args[i + 1]
    if (value === undefined) return SYNTAX_ERROR
    if (word === 'MATCH') {
      pattern = toByteString(value) === MATCH_ALL ? null : value
    } else if (word === 'TYPE') {
      type = toByteString(value).toLowerCase()
    } else if (word === 'COUNT') {
      const count = parseInteger(value)
      if (count === null) return NOT_AN_INTEGER
      if (count < 1) return SYNTAX_ERROR
      limit = Math.min(Number(count), limits.scanRows)
    } else {
      return SYNTAX_ERROR
    }
  }
  const resume = toByteString(args[0] as Buffer)
  return { ...recordRange(engine.physicalDatabase(database), resume), limit, pattern, type }
}

/**
 * The reply of the page that `rows`, read as planned, make at `nowMs`: keys that are due by then are left
 * out.
 */
export function scanPage(plan: ScanPlan, rows: readonly ScanRow[], nowMs: number): Buffer {
  const keys: Buffer[] = []
  for (const row of rows) {
    const record = new KeyRecord(row.value)
    if (record.expiresAt !== 0 && record.expiresAt <= nowMs) continue
    if (plan.type !== null && plan.type !== record.typeName) continue
    const key = userKeyOf(row.key)
    if (plan.pattern === null || globMatches(plan.pattern, key)) keys.push(bulkReply(key))
  }
  return arrayReply([resumeReply(rows[plan.limit - 1]), arrayReply(keys)])
}

/**
 * The smallest key above the last one is itself with a zero byte; fewer rows than asked for were the last.
 */
function resumeReply(last: ScanRow | undefined): Buffer {
  return last === undefined ? NULL_REPLY : bulkReply(Buffer.concat([userKeyOf(last.key), Buffer.from([0])]))
}
