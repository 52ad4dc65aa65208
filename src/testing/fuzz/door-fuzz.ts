/**
 * Fuzzing of a whole door: mutated requests over real sockets, cut off or not, while another client must be served as
 * ever. After all of them nothing may be left: no connection, nothing in execution.
 */
import assert from 'node:assert/strict'
import { SeededRandom } from '../../lib/random.ts'
import { type DoorFixture, eventually, RawClient } from '../doors/door-fixture.ts'
import { corpus } from './corpus.ts'
import { chunks, mutate } from './mutate.ts'

/** Bytes that would do what they say to the whole door. */
const MEANT = /shutdown|pause|sleep|maxclients|config|kill|monitor/i

export class DoorFuzz {
  readonly #fixture: DoorFixture
  readonly #random: SeededRandom
  readonly #inputs = corpus.map((text) => Buffer.from(text, 'latin1'))
  #witness: RawClient | null = null
  cases = 0

  constructor(fixture: DoorFixture, seed: number) {
    this.#fixture = fixture
    this.#random = new SeededRandom(seed)
  }

  /** One hostile connection, and a look whether others are served. */
  async step(): Promise<void> {
    this.cases++
    const random = this.#random
    const bytes = mutate(random, this.#pick(), this.#pick())
    if (MEANT.test(bytes.toString('latin1'))) return
    const client = await RawClient.open(this.#fixture.doors.redisPort)
    for (const part of chunks(random, bytes).slice(0, 50)) client.send(part)
    const end = random.below(4)
    if (end === 0) client.destroy()
    else if (end === 1) client.socket.end()
    await this.#lookAround()
    client.destroy()
  }

  /** Everything is gone. */
  async finish(): Promise<void> {
    this.#witness?.destroy()
    const { door } = this.#fixture.doors
    await eventually(() => door.clients.all.size === 0 && door.inFlight.commands === 0)
    assert.equal(door.inFlight.bytes, 0)
  }

  async #lookAround(): Promise<void> {
    this.#witness ??= await RawClient.open(this.#fixture.doors.redisPort)
    this.#witness.send('*1\r\n$4\r\nPING\r\n')
    assert.equal(await this.#witness.take(7), '+PONG\r\n')
  }

  #pick(): Buffer {
    return this.#inputs[this.#random.below(this.#inputs.length)] as Buffer
  }
}
