/**
 * SYNC of the plain line protocol: everything this node holds, as one line of JSON. It is one moment of the data,
 * read in pages while the client takes what came before: never more than a page is in memory.
 */

import type { ListingEntry, ListingPage, PinnedSnapshot } from '../../cluster/clients/listing.ts'
import type { Consistency } from '../../cluster/execute.ts'
import { limits } from '../../protocol/limits.ts'
import { bestConsistency, isUnconfirmed } from '../freshness.ts'
import type { TextStream } from './language.ts'

const PAGE_BYTES = 256 * 1024
const FIRST_KEY = Buffer.alloc(0)
const NANOSECONDS = '000000'
const ID_PREFIX = '00000000-0000-0000-0000-'

/** Writes 'SNAPSHOT:' and the line; when it cannot be completed it breaks the connection: a part is not all. */
export function sendSnapshot(out: TextStream): void {
  openSnapshot(out, bestConsistency(out.client.door.executor))
}

/** What nobody can confirm is asked of this node alone. */
function openSnapshot(out: TextStream, consistency: Consistency): void {
  const { door } = out.client
  const session = door.executor.openSession()
  const options = door.executeOptions(session, door.clock.monotonicMs(), consistency)
  door.openSnapshot({ ...options, database: 0 }, (snapshot, error) => {
    door.executor.closeSession(session)
    if (snapshot !== null) {
      out.whenGone(() => snapshot.release())
      out.write('SNAPSHOT:\n{"data":{', () => sendPage(out, { snapshot, from: FIRST_KEY, isFirst: true }))
    } else if (consistency !== 'stale' && isUnconfirmed(error)) openSnapshot(out, 'stale')
    else out.fail(error ?? 'NOT_READY')
  })
}

interface Place {
  readonly snapshot: PinnedSnapshot
  readonly from: Buffer
  readonly isFirst: boolean
}

function sendPage(out: TextStream, { snapshot, from, isFirst }: Place): void {
  const page = {
    from,
    to: null,
    reverse: false,
    limit: limits.pageKeys,
    maxBytes: PAGE_BYTES,
    keysOnly: false,
  }
  snapshot.page(page, (found) => {
    if (typeof found === 'string') {
      snapshot.release()
      return out.cut()
    }
    const { next } = found
    const text = pageText(found, isFirst)
    if (next !== null) return out.write(text, () => sendPage(out, { snapshot, from: next, isFirst: false }))
    snapshot.release()
    out.write(`${text}}}\n`, () => out.end())
  })
}

function pageText({ entries }: ListingPage, isFirst: boolean): string {
  const text = entries.map(entryText).join(',')
  return isFirst || text === '' ? text : `,${text}`
}

/** That system had nanoseconds and UUIDs here: these are the time and the revision of the change. */
function entryText({ key, item }: ListingEntry): string {
  const data = JSON.stringify(item.value?.toString() ?? '')
  const id = ID_PREFIX + item.modRevision.toString(16).padStart(12, '0')
  const entry = `{"data":${data},"timestamp":${item.updatedAt}${NANOSECONDS},"msg_id":"${id}"}`
  return `${JSON.stringify(key.toString())}:${entry}`
}
