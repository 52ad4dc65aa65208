/** The short form of fuzzing; the long one is `npm run fuzz`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openFixture } from '../doors/door-fixture.ts'
import { corpus } from './corpus.ts'
import { DoorFuzz } from './door-fuzz.ts'
import { ParserFuzz } from './parser-fuzz.ts'

const PARSER_CASES = 4_000
const DOOR_CASES = 150

test('the parser takes any bytes, however they are cut', () => {
  const fuzz = new ParserFuzz(1)
  for (const text of corpus) fuzz.judge(Buffer.from(text, 'latin1'))
  for (let i = 0; i < PARSER_CASES; i++) fuzz.step()
  assert.ok(fuzz.commands > PARSER_CASES / 2, `only ${fuzz.commands} commands were found`)
  assert.ok(fuzz.errors > PARSER_CASES / 20, `only ${fuzz.errors} streams were refused`)
})

test('a door outlives hostile connections and keeps nothing of them', async () => {
  const fixture = await openFixture()
  const fuzz = new DoorFuzz(fixture, 2)
  for (let i = 0; i < DOOR_CASES; i++) await fuzz.step()
  await fuzz.finish()
  await fixture.close()
})
