/**
 * The replica's part of a manifest: the configuration with its members, and the engine's state, as of the manifest's
 * applied index.
 *
 *   0  4  format version (1)
 *   4  4  length of the JSON part
 *   8  -  JSON: { confState, members, removed, former }
 *      -  engine state (engine/engine.ts)
 */
import { assert } from '../../lib/assert.ts'
import { readU32, writeU32 } from '../../lib/bytes.ts'
import type { SavedConfiguration } from '../members/configuration.ts'

const VERSION = 1

export interface ReplicaMeta extends SavedConfiguration {
  readonly engine: Buffer
}

export function encodeMeta({ engine, confState, members, removed, former }: ReplicaMeta): Buffer {
  const json = Buffer.from(JSON.stringify({ confState, members, removed, former }))
  const head = Buffer.allocUnsafe(8)
  writeU32(head, 0, VERSION)
  writeU32(head, 4, json.length)
  return Buffer.concat([head, json, engine])
}

export function decodeMeta(bytes: Buffer): ReplicaMeta {
  assert(readU32(bytes, 0) === VERSION, () => `Meta version is ${readU32(bytes, 0)}, expected ${VERSION}`)
  const end = 8 + readU32(bytes, 4)
  const json = JSON.parse(bytes.toString('utf8', 8, end)) as Omit<ReplicaMeta, 'engine'>
  return { ...json, engine: bytes.subarray(end) }
}
