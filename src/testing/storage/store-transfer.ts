/**
 * Moves a snapshot from one store to another the way nodes do, for tests; may stop early or damage what it
 * carries.
 */
import type { SnapshotFile, StoreSnapshot } from '../../storage/store/types.ts'
import type { StoreFixture } from './store-fixture.ts'

export interface TransferOptions {
  /** Stop after this many files, in the middle of the next. */
  readonly files?: number
  /** Changes the first chunk that is sent. */
  readonly damage?: (bytes: Buffer) => Buffer
  /** Gets the names of files that were sent whole. */
  readonly sent?: string[]
}

const CHUNK_BYTES = 3_000

/** R10 step 1: after it (unless stopped early) the receiver can install the snapshot. */
export function receiveSnapshot(
  from: StoreFixture,
  to: StoreFixture,
  snapshot: StoreSnapshot,
  options: TransferOptions = {},
): void {
  const present = to.wait<readonly SnapshotFile[]>(
    (done) => to.store.filesPresent(snapshot.manifest, done),
    'files are listed',
  )
  const names = new Set(present.map((file) => file.name))
  let { damage } = options
  let left = options.files ?? Number.POSITIVE_INFINITY
  for (const { name, size } of snapshot.files) {
    if (names.has(name)) continue
    for (let offset = 0; offset < size; offset += CHUNK_BYTES) {
      const bytes = from.wait<Buffer>((done) => from.store.readFile(name, offset, CHUNK_BYTES, done), 'chunk')
      const chunk = damage === undefined ? bytes : damage(bytes)
      damage = undefined
      to.wait<void>((done) => to.store.receive(name, offset, chunk, done), 'chunk is received')
      if (left === 0) return
    }
    options.sent?.push(name)
    left--
  }
  if (left >= 0 && options.files === undefined) {
    to.wait<void>((done) => to.store.receiveComplete(snapshot.manifest, done), 'transfer is complete')
  }
}
