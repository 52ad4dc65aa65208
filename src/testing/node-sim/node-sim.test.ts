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

/** A mistake, the seeds to try, and what the report of its discovery says. */
const planted: readonly (readonly [NodeMistake, number, RegExp])[] = [
  ['readWithoutRound', 1, /Order on a connection|Not linearizable|Stale reads/],
  ['expiresUnconditionally', 3, /Not linearizable/],
  ['duplicatesExecuted', 9, /Not linearizable|executed twice|Order on a connection/],
  ['readsOvertaken', 4, /Order on a connection/],
  ['acknowledgedBeforeSync', 5, /damaged|lost|missing|without the committed entry/],
  ['tornTailTaken', 167, /damaged/],
]

/** Mistakes that only the clients can find which copy the keyspace or repeat their writes. */
const plantedForWatchers: typeof planted = [
  ['idempotencyKeysNotKept', 2, /Write \d+ of once0 found revision/],
  ['pinsForgetOverwritten', 1, /Two histories/],
  ['watchSkipsRest', 4, /Two histories|comes after/],
]

const plantedForLevels: typeof planted = [['levelNotAsked', 13, /is at engine level 2, n\d knows 1/]]

function tryAll(mistakes: typeof planted, params: Partial<NodeSimParams>): void {
  for (const [mistake, seed, finding] of mistakes) tryOne(mistake, seed, finding, params)
}

function tryOne(mistake: NodeMistake, seed: number, finding: RegExp, params: Partial<NodeSimParams>): void {
  test(`the planted mistake ${mistake} is found`, () => {
    const undo = plantNodeMistake(mistake)
    try {
      const { violation } = runNodeSeed(seed, { params })
      assert.match(violation ?? 'no violation', finding)
    } finally {
      undo()
    }
  })
}

tryAll(planted, WITHOUT_WATCHERS)
tryAll(plantedForWatchers, WITHOUT_LEVELS)
tryAll(plantedForLevels, {})
