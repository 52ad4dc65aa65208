/**
 * Measures one store on the real disk: load, overwrites, reads from memory and from disk, ranges; speed,
 * memory, write and space amplification. Run by hand: node dist/testing/store-bench.js [keys] [folder].
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { SeededRandom } from '../lib/random.ts'
import { jobCatalogModule } from '../server/job-catalog.ts'
import { RealClock } from '../server/seams/real-clock.ts'
import { RealDisk } from '../server/seams/real-disk.ts'
import { RealJobs } from '../server/seams/real-jobs.ts'
import { openStore } from '../storage/store/store.ts'
import { MISS, type Store } from '../storage/store/types.ts'

const KEYS = Number(process.argv[2] ?? 2_000_000)
const VALUE_SIZE = 128
const ENTRY_COMMANDS = 1_000
const MiB = 2 ** 20

const random = new SeededRandom(1)
let index = 0
let slowestTurnMs = 0

function promised<T>(action: (done: (error: Error | null, value: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    action((error, value) => (error === null ? resolve(value) : reject(error)))
  })
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** 16 bytes, in no order. */
function keyOf(number: number): string {
  const mixed = Math.imul(number, 0x9e3779b1) >>> 0
  return `k${mixed.toString(36).padStart(7, '0')}${String(number).padStart(8, '0')}`
}

/** Applies `count` puts the way a replica does: entries of 1 000, a turn each, waiting when stalled. */
async function write(store: Store, count: number, pick: (i: number) => number): Promise<void> {
  const value = random.bytes(VALUE_SIZE)
  for (let done = 0; done < count; ) {
    const start = performance.now()
    for (let i = 0; i < ENTRY_COMMANDS && done < count; i++) store.put(keyOf(pick(done++)), value)
    store.endEntry(++index, 1)
    if (store.shouldSeal(0) && !store.stalled) store.seal(Buffer.alloc(0))
    slowestTurnMs = Math.max(slowestTurnMs, performance.now() - start)
    do await turn()
    while (store.stalled && store.shouldSeal(0))
  }
}

async function settle(store: Store): Promise<void> {
  let written = -1
  for (;;) {
    const { sealedMemtables, bytesCompacted, bytesFlushed } = store.status()
    if (sealedMemtables === 0 && written === bytesCompacted + bytesFlushed) return
    written = bytesCompacted + bytesFlushed
    await new Promise((resolve) => setTimeout(resolve, 5_000))
  }
}

async function measure(name: string, count: number, work: () => Promise<void>): Promise<void> {
  slowestTurnMs = 0
  const start = performance.now()
  const cpu = process.cpuUsage()
  await work()
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  const rate = Math.round((count / ms) * 1_000).toLocaleString('en')
  const perOp = ((user + system) / count).toFixed(2)
  const slow = slowestTurnMs > 0 ? `, slowest turn ${slowestTurnMs.toFixed(1)} ms` : ''
  const rss = Math.round(process.memoryUsage.rss() / MiB)
  console.log(`${name}: ${rate}/s, ${perOp} us CPU each (all threads)${slow}, RSS ${rss} MiB`)
}

function report(store: Store, writtenBytes: number, liveBytes: number): void {
  const status = store.status()
  const writeFactor = (status.bytesFlushed + status.bytesCompacted) / writtenBytes
  const spaceFactor = status.tableBytes / liveBytes
  const mib = (bytes: number): string => `${(bytes / MiB).toFixed(1)} MiB`
  const amplification = `write amplification ${writeFactor.toFixed(2)}, space ${spaceFactor.toFixed(2)}`
  const memory = `index and filters ${mib(status.indexBytes)}, cache ${mib(status.cacheBytes)}`
  const disk = `runs ${status.sortedRuns}, tables ${status.tables}, ${mib(status.tableBytes)} on disk`
  console.log(`  ${disk}, ${amplification}, ${memory}`)
}

/** Gets of keys that `pick` chooses, in batches of 64 as a replica fetches them. */
async function readAll(store: Store, count: number, pick: () => number): Promise<void> {
  let misses = 0
  let lastTurn = performance.now()
  for (let i = 0; i < count; i += 64) {
    const missed: string[] = []
    for (let j = 0; j < 64; j++) {
      const key = keyOf(pick())
      try {
        if (store.get(key) === null) throw new Error(`Lost ${key}`)
      } catch (error) {
        if (error !== MISS) throw error
        missed.push(key)
      }
    }
    if (missed.length === 0 && performance.now() - lastTurn < 5) continue
    misses += missed.length
    const pin =
      missed.length === 0 ? null : await promised<{ release(): void }>((done) => store.fetch(missed, done))
    pin?.release()
    await turn()
    lastTurn = performance.now()
  }
  console.log(`  ${((100 * misses) / count).toFixed(1)} % of gets missed`)
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(process.argv[3] ?? tmpdir(), 'kvorum-store-bench-'))
  const jobs = new RealJobs(jobCatalogModule)
  const options = {
    folder,
    jobs,
    disk: new RealDisk(),
    clock: new RealClock(),
    filePrefix: 'bench',
    pendingInstall: null,
    onFatal: (error: Error) => {
      throw error
    },
    log: (level: string, message: string, fields?: object) => console.log(level, message, fields),
  }
  let store = await promised<Store>((done) => openStore(options, done))
  const recordBytes = 16 + VALUE_SIZE
  const liveBytes = KEYS * recordBytes

  await measure('load', KEYS, () => write(store, KEYS, (i) => i))
  await settle(store)
  report(store, liveBytes, liveBytes)
  await measure('overwrite', KEYS, () => write(store, KEYS, () => random.below(KEYS)))
  await settle(store)
  report(store, 2 * liveBytes, liveBytes)
  const hot = Math.min(KEYS, 10_000)
  await measure('get, hot keys (first pass)', 500_000, () => readAll(store, 500_000, () => random.below(hot)))
  await measure('get, hot keys (cached)', 2_000_000, () => readAll(store, 2_000_000, () => random.below(hot)))
  await measure('get, all keys', 500_000, () => readAll(store, 500_000, () => random.below(KEYS)))
  await measure('get, absent keys', 1_000_000, async () => {
    for (let i = 0; i < 1_000_000; i++) {
      try {
        store.get(keyOf(KEYS + random.below(KEYS)))
      } catch (error) {
        if (error !== MISS) throw error
      }
    }
  })
  await measure('rows in ranges of 100', 500_000, async () => {
    for (let i = 0; i < 5_000; i++) {
      await promised((done) => store.fetchRange(keyOf(random.below(KEYS)), null, 100, done))
    }
  })
  const opened = performance.now()
  await new Promise<void>((resolve) => store.close(resolve))
  store = await promised<Store>((done) => openStore(options, done))
  console.log(`reopened in ${Math.round(performance.now() - opened)} ms`)
  report(store, 2 * liveBytes, liveBytes)
  await new Promise<void>((resolve) => store.close(resolve))
  jobs.close()
  rmSync(folder, { recursive: true })
}

await main()
