/** Errors as scripts see them, tables with a field `err`, and as clients get them. */

import { errorReply } from '../../protocol/reply.ts'
import { numberText } from '../lua/numbers.ts'
import { LuaTable } from '../lua/table.ts'
import type { LuaError, LuaValue } from '../lua/values.ts'

const [CR, LF, SPACE] = [0x0d, 0x0a, 0x20]

/** {err = text} */
export function errorTable(text: string): LuaTable {
  const table = new LuaTable()
  table.set('err', text)
  return table
}

/** The table of an error that a script makes, as Redis has it: a single word gets the general code. */
export function errorTableOf(text: string): LuaTable {
  let end = text.length
  while (end > 0 && (text[end - 1] === '\r' || text[end - 1] === '\n')) end--
  const line = text.slice(text.startsWith('-') ? 1 : 0, end)
  return errorTable(line.includes(' ') ? line : `ERR ${line}`)
}

/** An error reply of bytes. */
export function errorBytes(text: string): Buffer {
  return Buffer.from(`-${onOneLine(text)}\r\n`, 'latin1')
}

/** What Redis makes of a text that must be a line: it ends at a zero byte, and line ends are spaces. */
export function onOneLine(text: string): string {
  const end = text.indexOf('\0')
  const bytes = Buffer.from(end < 0 ? text : text.slice(0, end), 'latin1')
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] === CR || bytes[at] === LF) bytes[at] = SPACE
  }
  return bytes.toString('latin1')
}

/** The reply to a script that ended with an error it did not catch. */
export function uncaught({ value, line }: LuaError, sha: string): Buffer {
  return errorBytes(`${onOneLine(uncaughtText(value))} script: ${sha}, on @user_script:${line}.`)
}

function uncaughtText(value: LuaValue): string {
  if (typeof value === 'string') return `ERR ${value}`
  if (value instanceof LuaTable) {
    const text = value.get('err')
    return typeof text === 'string' ? text : 'ERR unknown error'
  }
  return `ERR ${typeof value === 'number' ? numberText(value) : String(value ?? 'nil')}`
}

/** Why a script ended without any effect. */
export function exhausted(problem: string, sha: string): Buffer {
  return errorReply(`ERR ${problem}; nothing that it did was kept. script: ${sha}`)
}
