/** Replies of commands as values of Lua, the way Redis hands them to scripts. */
import type { Machine } from '../lua/machine.ts'
import type { LuaTable } from '../lua/table.ts'
import type { LuaValue } from '../lua/values.ts'
import { errorTable } from './errors.ts'

const CR = 0x0d

/** Reads one reply; `protocol` is what the script chose with redis.setresp(). */
export function valueOfReply(machine: Machine, reply: Buffer, protocol: 2 | 3): LuaValue {
  return new ReplyReader(machine, reply, protocol).value()
}

class ReplyReader {
  readonly #machine: Machine
  readonly #bytes: Buffer
  readonly #protocol: 2 | 3
  #at = 0

  constructor(machine: Machine, bytes: Buffer, protocol: 2 | 3) {
    this.#machine = machine
    this.#bytes = bytes
    this.#protocol = protocol
  }

  value(): LuaValue {
    const type = String.fromCharCode(this.#bytes[this.#at++] as number)
    const line = this.#line()
    switch (type) {
      case '+':
        return this.#single('ok', line)
      case '-':
        return errorTable(line)
      case ':':
        return Number(line)
      case '$':
        return line === '-1' ? this.#nothing() : this.#bulk(Number(line))
      case '*':
        return line === '-1' ? this.#nothing() : this.#array(Number(line))
      case '%':
        return this.#map(Number(line))
      case '~':
        return this.#set(Number(line))
      case '_':
        return this.#nothing()
      case '#':
        return this.#boolean(line === 't')
      case ',':
        return this.#double(line)
      case '(':
        return this.#protocol === 2 ? line : this.#single('big_number', line)
      case '=':
        return this.#verbatim(this.#bulk(Number(line)))
      default:
        throw new Error(`Cannot read a reply of type ${type}`)
    }
  }

  #line(): string {
    const end = this.#bytes.indexOf(CR, this.#at)
    const line = this.#bytes.toString('latin1', this.#at, end)
    this.#at = end + 2
    return line
  }

  #bulk(length: number): string {
    this.#machine.allocate(length)
    const text = this.#bytes.toString('latin1', this.#at, this.#at + length)
    this.#at += length + 2
    return text
  }

  /** No value is false in RESP2, so that it may be in a list; nil in RESP3. */
  #nothing(): LuaValue {
    return this.#protocol === 2 ? false : undefined
  }

  #single(field: string, value: LuaValue): LuaTable {
    const table = this.#machine.newTable()
    table.set(field, value)
    return table
  }

  #array(count: number): LuaTable {
    return this.#machine.listOf(Array.from({ length: count }, () => this.value()))
  }

  #map(count: number): LuaTable {
    if (this.#protocol === 2) return this.#array(2 * count)
    const map = this.#machine.newTable()
    for (let i = 0; i < count; i++) {
      const key = this.value()
      this.#machine.rawSet(map, key, this.value())
    }
    return this.#single('map', map)
  }

  #set(count: number): LuaTable {
    if (this.#protocol === 2) return this.#array(count)
    const set = this.#machine.newTable()
    for (let i = 0; i < count; i++) this.#machine.rawSet(set, this.value(), true)
    return this.#single('set', set)
  }

  #boolean(value: boolean): LuaValue {
    if (this.#protocol === 3) return value
    return value ? 1 : 0
  }

  #double(line: string): LuaValue {
    if (this.#protocol === 2) return line
    const number =
      line === 'inf' ? Number.POSITIVE_INFINITY : line === '-inf' ? Number.NEGATIVE_INFINITY : Number(line)
    return this.#single('double', number)
  }

  #verbatim(text: string): LuaValue {
    if (this.#protocol === 2) return text.slice(4)
    const inner = this.#machine.newTable()
    inner.set('string', text.slice(4))
    inner.set('format', text.slice(0, 3))
    return this.#single('verbatim_string', inner)
  }
}
