/** Gathers what metrics show of a node beside its status: histograms, traffic with its peers, clocks. */
import type { Log } from '../storage/log/types.ts'
import type { Transport } from '../transport/types.ts'
import type { Measurements } from './execute.ts'
import { judgeClocks } from './guards/clock-watch.ts'
import type { Replica } from './replica.ts'
import type { WatchHub } from './watches/watch-hub.ts'

/** `replica` is null before the node is formed: then there are no stages. */
export function measurements(
  log: Log,
  transport: Transport,
  watches: WatchHub,
  replica: Replica | null,
): Measurements {
  const { history } = watches
  const traffic = transport.traffic()
  const names = new Set<string>()
  return {
    stages: replica === null ? {} : stagesOf(replica),
    logSync: log.syncDurations,
    // Another incarnation of a member may be known under the same name: the newest counts.
    peers: traffic
      .toReversed()
      .filter(({ info }) => !names.has(info.name) && names.add(info.name))
      .map(({ info, rttMs, connections, framesDropped, bytesIn, bytesOut }) => {
        return { name: info.name, rttMs, connections, framesDropped, bytesIn, bytesOut }
      }),
    watches: { open: watches.size, historyBytes: history.bytes, oldestRevision: history.oldestRevision },
    clockSkewMs: judgeClocks(traffic.map((peer) => peer.clockOffsetMs)).skewMs,
  }
}

function stagesOf(replica: Replica): Measurements['stages'] {
  const { synced, committed, applied, replied } = replica.stages
  return { queued: replica.leaderSide.proposer.queued, synced, committed, applied, replied }
}
