/** What a script returned as a reply, the way Redis converts it. */

import { limits } from '../../protocol/limits.ts'
import { arrayReply, bulkReply, integerReply, mapReply, NULL_REPLY, setReply } from '../../protocol/reply.ts'
import { CommandAborted } from '../abort.ts'
import { toInt64 } from '../lua/format.ts'
import type { Machine } from '../lua/machine.ts'
import { general } from '../lua/numbers.ts'
import { LuaTable } from '../lua/table.ts'
import type { LuaValue } from '../lua/values.ts'
import { errorBytes, exhausted, onOneLine } from './errors.ts'

/** Tables inside each other; Redis answers deeper ones with an error in their place. */
const DEPTH_MAX = 200
const TOO_DEEP = Buffer.from('-ERR reached lua stack limit\r\n')
const ONE = integerReply(1)
const TRUE = Buffer.from('#t\r\n')
const FALSE = Buffer.from('#f\r\n')

/** Converts the value of one script; throws CommandAborted when the reply would be too large. */
/** What one value counts for besides its bytes. */
const VALUE_STEPS = 6

export class ReplyWriter {
  readonly #machine: Machine
  readonly #protocol: 2 | 3
  readonly #sha: string
  #left: number = limits.scriptReplyBytes

  constructor(machine: Machine, protocol: 2 | 3, sha: string) {
    this.#machine = machine
    this.#protocol = protocol
    this.#sha = sha
  }

  reply(value: LuaValue, depth = 0): Buffer {
    this.#machine.spend(VALUE_STEPS)
    if (typeof value === 'string') return this.#counted(bulkReply(Buffer.from(value, 'latin1')))
    if (typeof value === 'number') return this.#counted(integerReply(toInt64(value)))
    if (typeof value === 'boolean') return this.#boolean(value)
    if (!(value instanceof LuaTable)) return this.#counted(NULL_REPLY)
    if (depth >= DEPTH_MAX) return this.#counted(TOO_DEEP)
    return this.#marked(value, depth) ?? this.#array(value, depth)
  }

  #counted(reply: Buffer): Buffer {
    this.#left -= reply.length
    if (this.#left < 0) {
      const problem = `the script's reply is larger than ${limits.scriptReplyBytes} bytes`
      throw new CommandAborted(exhausted(problem, this.#sha))
    }
    return reply
  }

  #boolean(value: boolean): Buffer {
    if (this.#protocol === 3) return this.#counted(value ? TRUE : FALSE)
    return this.#counted(value ? ONE : NULL_REPLY)
  }

  /** Tables with a field that says what they are. */
  #marked(table: LuaTable, depth: number): Buffer | null {
    if (table.fieldCount === 0) return null
    const error = textOf(table.get('err'))
    if (error !== null) return this.#counted(errorBytes(error))
    const status = textOf(table.get('ok'))
    if (status !== null) return this.#counted(Buffer.from(`+${onOneLine(status)}\r\n`, 'latin1'))
    const double = table.get('double')
    if (typeof double === 'number') return this.#counted(Buffer.from(`,${doubleText(double)}\r\n`))
    const map = table.get('map')
    if (map instanceof LuaTable) return this.#joined(mapReply, this.#fields(map, depth, true))
    const set = table.get('set')
    if (set instanceof LuaTable) return this.#joined(setReply, this.#fields(set, depth, false))
    const big = textOf(table.get('big_number'))
    if (big !== null) return this.#counted(Buffer.from(`(${onOneLine(big)}\r\n`, 'latin1'))
    return this.#verbatim(table.get('verbatim_string'))
  }

  #verbatim(inner: LuaValue): Buffer | null {
    if (!(inner instanceof LuaTable)) return null
    const [text, format] = [textOf(inner.get('string')), textOf(inner.get('format'))]
    if (text === null || format === null) return null
    const encoding = format.slice(0, 3).padEnd(3)
    return this.#counted(Buffer.from(`=${text.length + 4}\r\n${encoding}:${text}\r\n`, 'latin1'))
  }

  #fields(table: LuaTable, depth: number, hasValues: boolean): Buffer[] {
    const items: Buffer[] = []
    let key: LuaValue
    for (let field = this.#machine.next(table, undefined); field; field = this.#machine.next(table, key)) {
      key = field[0]
      items.push(this.reply(key, depth + 1))
      if (hasValues) items.push(this.reply(field[1], depth + 1))
    }
    return items
  }

  /** Items as one reply: they are copied, at each level of nesting again. */
  #joined(join: (items: Buffer[]) => Buffer, items: Buffer[]): Buffer {
    this.#machine.work(items.reduce((sum, item) => sum + item.length, 0))
    return join(items)
  }

  /** The values up to the first nil. */
  #array(table: LuaTable, depth: number): Buffer {
    const items: Buffer[] = []
    for (let i = 1; ; i++) {
      const value = table.get(i)
      if (value === undefined) return this.#joined(arrayReply, items)
      items.push(this.reply(value, depth + 1))
    }
  }
}

function textOf(value: LuaValue): string | null {
  return typeof value === 'string' ? value : null
}

function doubleText(value: number): string {
  return Number.isFinite(value) ? general(value, 17, false) : general(value, 17, false).replace('-nan', 'nan')
}
