/**
 * Fuzzing of the RESP and inline parsers. What must hold for any bytes: nothing is thrown, parsing ends, the result
 * does not depend on how the bytes were cut, what is kept is no more than what came; what was encoded comes
 * out again.
 */
import assert from 'node:assert/strict'
import { NameTable } from '../../frontends/resp/names.ts'
import { Parsed, RespParser } from '../../frontends/resp/parser.ts'
import { SeededRandom } from '../../lib/random.ts'
import { encodeWords } from '../doors/door-fixture.ts'
import { corpus } from './corpus.ts'
import { chunks, mutate } from './mutate.ts'

const NAMES = new NameTable([
  ['get', 'get'],
  ['set', 'set'],
  ['ping', 'ping'],
])

/** What a stream of bytes came to. */
interface Outcome {
  /** Name and arguments of each command, one character per byte. */
  readonly commands: readonly string[][]
  readonly error: string
}

export class ParserFuzz {
  readonly #seed: number
  readonly #random: SeededRandom
  readonly #inputs: Buffer[] = corpus.map((text) => Buffer.from(text, 'latin1'))
  cases = 0
  commands = 0
  errors = 0

  constructor(seed: number) {
    this.#seed = seed
    this.#random = new SeededRandom(seed)
  }

  /** One case; throws with the bytes that did it. */
  step(): void {
    this.cases++
    const bytes =
      this.#random.below(8) === 0 ? this.#sound() : mutate(this.#random, this.#pick(), this.#pick())
    this.judge(bytes)
  }

  /** Judges one input, e.g. of the corpus. */
  judge(bytes: Buffer): void {
    try {
      const whole = parse([bytes], bytes.length)
      const cut = parse(chunks(this.#random, bytes), bytes.length)
      assert.deepEqual(cut, whole, 'the result depends on the cuts')
      this.commands += whole.commands.length
      if (whole.error !== '') this.errors++
    } catch (error) {
      const text = `seed ${this.#seed}, case ${this.cases}, input ${JSON.stringify(bytes.toString('latin1'))}`
      throw new Error(text, { cause: error })
    }
  }

  /** A stream of commands that must come out as they went in. */
  #sound(): Buffer {
    const random = this.#random
    const count = 1 + random.below(5)
    const commands = Array.from({ length: count }, () =>
      Array.from({ length: 1 + random.below(6) }, () =>
        random.bytes(random.below(random.below(9) === 0 ? 40_000 : 40)),
      ),
    )
    const bytes = Buffer.concat(commands.map(encodeWords))
    const expected = commands.map((words) => words.map((word) => word.toString('latin1')))
    assert.deepEqual(parse(chunks(random, bytes), bytes.length), { commands: expected, error: '' })
    return bytes
  }

  #pick(): Buffer {
    return this.#inputs[this.#random.below(this.#inputs.length)] as Buffer
  }
}

/** `size` is that of all chunks together. */
function parse(parts: readonly Buffer[], size: number): Outcome {
  const parser = new RespParser(NAMES)
  const commands: string[][] = []
  let kept = 0
  for (const part of parts) {
    parser.push(part)
    // Every command takes at least one byte: a parser that goes on without taking any does not end.
    for (let left = size + 1; ; left--) {
      assert.ok(left > 0, 'parsing does not end')
      const parsed = parser.next()
      if (parsed === Parsed.error) return { commands, error: parser.error }
      if (parsed === Parsed.more) break
      const name = parser.entry ?? parser.name.toString('latin1')
      kept += parser.bytes
      assert.ok(kept <= size, 'more bytes of arguments than came')
      commands.push([name, ...parser.args.map((arg) => arg.toString('latin1'))])
    }
  }
  return { commands, error: '' }
}
