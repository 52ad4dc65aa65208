/** What follows from a node's settings: its low-water mark, and what it says of itself to other nodes. */
import { ENGINE_LEVEL } from '../engine/level.ts'
import type { Member } from '../protocol/members.ts'
import type { HelloInfo } from '../transport/types.ts'
import type { NodeSettings } from './node-options.ts'

/**
 * R6's reserve: two log segments, one flush, one compaction output (as large as a flush); and as much again, so that it
 * is not the last moment.
 */
export function lowSpaceBytes(settings: NodeSettings): number {
  return 2 * (2 * settings.segmentBytes + 2 * settings.memtableBytes)
}

/** What a node says of itself to others. */
export function helloOf(self: Member, bootId: string, clusterId: string, settings: NodeSettings): HelloInfo {
  const { redisAddress, httpAddress, engineLevel = ENGINE_LEVEL } = settings
  return {
    name: self.name,
    incarnation: self.incarnation,
    bootId,
    clusterId,
    redisAddress,
    httpAddress,
    engineLevel,
    wallMs: 0,
  }
}
