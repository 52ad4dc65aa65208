/**
 * The simulation of whole nodes: a few seeds are clean, seeds that once found bugs too, runs are deterministic, and
 * planted mistakes are found. Longer runs are a matter of the simulation program.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { corpus } from './corpus.ts'
import { type NodeSimParams, WITHOUT_LEVELS, WITHOUT_WATCHERS } from './params.ts'
import { type NodeMistake, plantNodeMistake } from './planted.ts'
import { runNodeSeeds } from './seeds.ts'
import { runNodeSeed } from './simulation.ts'

test('R1-R17: whole nodes keep their promises under faults, in a few seeds', () => {
  const { failures, totals } = runNodeSeeds({ from: 2, count: 5, checkEvery: 0 })
  for (const { seed, violation } of failures) assert.fail(`seed ${seed}: ${violation}`)
  assert.equal(totals.undecided, 0)
  assert.ok((totals.acknowledged ?? 0) > 1_000)
})

test('seeds that found bugs pass', () => {
  for (const { seed, found } of corpus)
    assert.equal(runNodeSeed(seed, { params: WITHOUT_WATCHERS }).violation, null, `seed ${seed}: ${found}`)
})

test('a seed gives the same events every time', () => {
  assert.equal(runNodeSeed(4).hash, runNodeSeed(4).hash)
})

/**
 * A mistake, the seeds to try one after the other until one finds it, and what the report of its discovery says. What a
 * seed does changes with every change of the product's timing.
 */
const planted: readonly (readonly [NodeMistake, readonly number[], RegExp])[] = [
  ['readWithoutRound', [1], /Order on a connection|Not linearizable|Stale reads/],
  ['expiresUnconditionally', [3], /Not linearizable/],
  ['duplicatesExecuted', [33, 16, 20, 23], /Not linearizable|executed twice|Order on a connection/],
  ['readsOvertaken', [4], /Order on a connection/],
  ['acknowledgedBeforeSync', [5], /damaged|lost|missing|without the committed entry/],
  ['tornTailTaken', [167], /damaged/],
]

/** Mistakes that only the clients can find which copy the keyspace or repeat their writes. */
const plantedForWatchers: typeof planted = [
  ['idempotencyKeysNotKept', [2], /Write \d+ of once0 found revision/],
  ['pinsForgetOverwritten', [1], /Two histories/],
  ['watchSkipsRest', [4], /Two histories|comes after/],
]

const plantedForLevels: typeof planted = [['levelNotAsked', [13], /is at engine level 2, n\d knows 1/]]

const plantedForScripts: typeof planted = [
  ['scriptsNotInState', [3, 2, 1], /does not know script|lacks a script/],
]

/** Mistakes that want records which are not in memory. */
const plantedForMisses: typeof planted = [
  ['scriptsIgnoreMisses', [11, 2], /Not linearizable|different engine states/],
]

const LITTLE_MEMORY: Partial<NodeSimParams> = {
  watchers: 0,
  idempotentWriters: 0,
  olderPrograms: 0,
  otherProgramMs: 0,
  scripters: 2,
  nodes: 3,
  faultyMs: 1_000,
  clients: 2,
  thinkMs: 10,
  valueBytes: 2_000,
  killMs: 300,
  memtableBytes: 8 * 1024,
  cacheBytes: 16 * 1024,
}

function tryAll(mistakes: typeof planted, params: Partial<NodeSimParams>): void {
  for (const [mistake, seeds, finding] of mistakes) tryOne(mistake, seeds, finding, params)
}

function tryOne(
  mistake: NodeMistake,
  seeds: readonly number[],
  finding: RegExp,
  params: Partial<NodeSimParams>,
): void {
  test(`the planted mistake ${mistake} is found`, () => {
    const undo = plantNodeMistake(mistake)
    try {
      let found: string | null = null
      for (const seed of seeds) found ??= runNodeSeed(seed, { params }).violation
      assert.match(found ?? 'no violation', finding)
    } finally {
      undo()
    }
  })
}

tryAll(planted, WITHOUT_WATCHERS)
tryAll(plantedForWatchers, WITHOUT_LEVELS)
tryAll(plantedForLevels, {})
tryAll(plantedForScripts, {})
tryAll(plantedForMisses, LITTLE_MEMORY)
