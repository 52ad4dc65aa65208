/**
 * `npm run fuzz -- [--minutes N] [--seed N]`: fuzzes the RESP and inline parsers and a whole door until the time is up.
 * Prints what it did; ends with status 1 and the input when something was found.
 */
import { parseArgs } from 'node:util'
import { openFixture } from './doors/door-fixture.ts'
import { DoorFuzz } from './fuzz/door-fuzz.ts'
import { ParserFuzz } from './fuzz/parser-fuzz.ts'

/** Parser cases for each case with sockets. */
const BATCH = 200
const REPORT_MS = 60_000

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '1' }, seed: { type: 'string', default: '' } },
})
const seed = values.seed === '' ? Date.now() % 1e9 : Number(values.seed)
const endMs = performance.now() + Number(values.minutes) * 60_000
const fixture = await openFixture()
const parser = new ParserFuzz(seed)
const door = new DoorFuzz(fixture, seed)
const baseMiB = rssMiB()
let reportMs = performance.now() + REPORT_MS
console.log(`seed ${seed}, ${values.minutes} minutes`)
while (performance.now() < endMs) {
  for (let i = 0; i < BATCH; i++) parser.step()
  await door.step()
  if (performance.now() < reportMs) continue
  reportMs += REPORT_MS
  report()
}
await door.finish()
await fixture.close()
report()

function report(): void {
  const found = `${parser.commands} commands, ${parser.errors} refused`
  console.log(
    `${parser.cases} streams (${found}), ${door.cases} connections, RSS ${baseMiB} -> ${rssMiB()} MiB`,
  )
}

function rssMiB(): number {
  return Math.round(process.memoryUsage().rss / 2 ** 20)
}
