/**
 * The LogReader of a simulated node. It answers 'pending' and null at random and keeps the promise that follows from
 * them: a call to entriesFetched() or snapshotReady() a little later.
 */
import type { Random } from '../../lib/random.ts'
import type { LogReader, SnapshotMeta } from '../../raft/types.ts'
import type { LogImage } from './log-image.ts'
import type { SimNode, World } from './node.ts'

export function simReader(node: SimNode, world: World, random: Random): LogReader {
  const { visibleAtOnce, notInMemory } = world.params
  const log: LogImage = visibleAtOnce ? node.disk.visible : node.disk.durable
  const misses = (): boolean => notInMemory > 0 && random.float() < notInMemory
  let fetched = false
  return {
    firstIndex: () => log.base.index + 1,
    lastIndex: () => log.lastIndex,
    term: (index) => log.term(index),
    entries(low, high, maxBytes) {
      if (low <= log.base.index) return 'compacted'
      if (!fetched && misses()) {
        fetched = true
        node.later(random.float() * 5, () => node.call((core) => core.entriesFetched()))
        return 'pending'
      }
      fetched = false
      return log.slice(low, high, maxBytes)
    },
    snapshot(): SnapshotMeta | null {
      const { manifest } = node.disk
      if (misses() || manifest.index < log.base.index) {
        node.later(random.float() * 5, () => {
          node.compact()
          node.call((core) => core.snapshotReady())
        })
        return null
      }
      world.offerSnapshot(manifest)
      return { index: manifest.index, term: manifest.term, confState: manifest.conf }
    },
  }
}
