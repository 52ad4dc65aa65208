/** The commands of the simulation's clients, and what their replies mean: an answer, or how certain a refusal is. */
import { commandTable } from '../../engine/command-table.ts'
import { must } from '../../lib/assert.ts'
import type { Command } from '../../protocol/commands.ts'
import { type ErrorCode, errors } from '../../protocol/errors.ts'
import type { KeyOutput } from '../checkers/linearizability-models.ts'
import { Violation } from './invariants.ts'

export function command(name: string, ...words: readonly (string | number)[]): Command {
  const spec = must(commandTable.get(name), `command ${name}`)
  return { spec, database: 0, args: words.map((word) => Buffer.from(String(word), 'latin1')) }
}

/** `none`: surely without effect. `unknown`: perhaps with. */
export type Outcome = 'answer' | 'none' | 'unknown'

/**
 * What an error says of the effect; any error that no client of this simulation can have deserved is a violation.
 * `isAnswer`: errors that the command itself may end with.
 */
export function outcomeOf(
  reply: Buffer,
  error: ErrorCode | null,
  isAnswer: (text: string) => boolean = () => false,
): Outcome {
  if (error !== null) return errors[error].effect === 'none' ? 'none' : 'unknown'
  if (reply[0] !== 0x2d) return 'answer'
  const text = reply.toString('latin1', 1, reply.length - 2)
  if (isAnswer(text)) return 'answer'
  if (text.startsWith('OOM ')) return 'none'
  if (text.startsWith('UNKNOWN ')) return 'unknown'
  if (text === errors.REPLY_NOT_KEPT.resp) return 'unknown'
  throw new Violation(`A command was answered '${text}'`)
}

export type Parsed = string | number | null | readonly Parsed[]

/** The RESP3 value at the start of `reply`. */
export function parseReply(reply: Buffer): Parsed {
  return parseAt(reply.toString('latin1'), 0)[0]
}

function parseAt(text: string, at: number): [Parsed, number] {
  const end = text.indexOf('\r\n', at)
  const head = text.slice(at + 1, end)
  const next = end + 2
  switch (text[at]) {
    case '$': {
      const length = Number(head)
      return length < 0 ? [null, next] : [text.slice(next, next + length), next + length + 2]
    }
    case '*':
      return parseItems(text, Number(head), next)
    case ':':
      return [Number(head), next]
    default:
      return [head, next]
  }
}

function parseItems(text: string, count: number, start: number): [Parsed, number] {
  if (count < 0) return [null, start]
  const items: Parsed[] = []
  let at = start
  for (let i = 0; i < count; i++) {
    const [item, next] = parseAt(text, at)
    items.push(item)
    at = next
  }
  return [items, at]
}

/** Replies as the models give them. */
export const asValue = (parsed: Parsed): KeyOutput => ({ kind: 'value', value: textOf(parsed) })
export const asNumber = (parsed: Parsed): KeyOutput => ({ kind: 'number', number: parsed as number })
export const asFlag = (parsed: Parsed): KeyOutput => ({ kind: 'flag', flag: parsed === 1 || parsed === 'OK' })
export const asDone = (): KeyOutput => ({ kind: 'done' })

/**
 * A value that no other call makes: `id` and its size before a '#', ballast behind it. Histories hold what stands
 * before the '#'.
 */
export function ballasted(id: number, size: number): string {
  return `${id}.${size}#${'abcdefghij'[id % 10]?.repeat(size)}`
}

/** The part of a value that histories hold; a value that nobody wrote like this is a violation. */
export function withoutBallast(value: string): string {
  const mark = value.indexOf('#')
  if (mark < 0) return value
  const name = value.slice(0, mark)
  const [id = 0, size = 0] = name.split('.').map(Number)
  if (value !== ballasted(id, size)) throw new Violation(`A value is damaged: ${value.slice(0, 40)}`)
  return name
}

function textOf(parsed: Parsed): string | null {
  return parsed === null ? null : withoutBallast(String(parsed))
}
