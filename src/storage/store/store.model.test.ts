/**
 * The store beside a sorted map, through everything that can happen to it. Each seed is a life of its own.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreModel } from '../../testing/storage/store-model.ts'

const SEEDS = 12
const STEPS = 400

/** Runs `life` once per seed; a failure names the seed. */
function lives(name: string, seeds: number, life: (model: StoreModel, seed: number) => void): void {
  test(name, () => {
    for (let seed = 1; seed <= seeds; seed++) {
      try {
        life(new StoreModel(seed), seed)
      } catch (error) {
        if (error instanceof Error) error.message = `seed ${seed}: ${error.message}`
        throw error
      }
    }
  })
}

function step(model: StoreModel): void {
  model.entry()
  const what = model.random.below(40)
  if (what < 4) model.checkKey(model.key())
  else if (what < 6) model.startScan()
  else if (what < 8) model.checkRange()
  else if (what === 8) model.pinSome()
  else if (what === 9) model.releasePins()
  else if (what < 20) model.fixture.world.runFor(model.random.below(20))
  model.checkPins()
}

lives('R2, R9: reads equal the model through seals, flushes and compactions', SEEDS, (model) => {
  for (let i = 0; i < STEPS; i++) step(model)
  model.waitForScans()
  model.checkAll()
  model.fixture.settle()
  model.checkPins()
  model.checkAll()
})

lives('a pinned state stays as it was, through writes, drops, flushes and compactions', SEEDS, (model) => {
  for (let i = 0; i < STEPS; i++) {
    step(model)
    const what = model.random.below(20)
    if (what === 0) model.pinState()
    else if (what < 6) model.startPage()
    else if (what === 6) model.releaseState()
    else if (what === 7 && model.random.below(20) === 0) model.restart()
  }
  model.waitForScans()
  assert(model.pages > 10)
})

lives('R9: after any crash the store is at a durable manifest, and replay gives the rest', SEEDS, (model) => {
  for (let i = 0; i < STEPS; i++) {
    step(model)
    if (model.random.below(50) === 0) model.restart()
  }
  model.restart()
})

lives('R6: jobs that fail for lack of space or broken disks lose nothing', SEEDS, (model) => {
  const { disk, world } = model.fixture
  for (let i = 0; i < STEPS; i++) {
    const what = model.random.below(80)
    if (what === 0) disk.setCapacity(disk.usedBytes() + model.random.below(20_000))
    else if (what === 1) disk.setCapacity(2 ** 40)
    else if (what === 2) disk.failNext({ operation: 'write', path: '.tbl', count: 1 + model.random.below(3) })
    else if (what === 3) disk.failNext({ operation: 'sync', path: '.tbl' })
    else if (what === 4) disk.failNext({ operation: 'write', path: 'manifest' })
    else if (what === 5) disk.failNext({ operation: 'remove' })
    else if (what === 6) model.restart()
    step(model)
    if (model.fixture.store.stalled) world.runFor(300)
  }
  disk.setCapacity(2 ** 40)
  disk.faults.clear()
  model.fixture.settle()
  model.checkAll()
})

lives(
  'a manifest whose durability is not known ends the process, and a start finds either state whole',
  SEEDS,
  (model) => {
    const { disk, world } = model.fixture
    for (let i = 0; i < STEPS; i++) {
      const what = model.random.below(60)
      if (what === 0) disk.failNext({ operation: 'syncFolder', skip: model.random.below(3) })
      else if (what === 1) disk.failNext({ operation: 'rename' })
      step(model)
      if (model.fixture.store.stalled) world.runFor(300)
      if (model.fixture.fatals.length > 0) model.restart()
    }
  },
)
