/** The log-writer thread by itself: one hand-over is handled once, however often the thread is woken. */
import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { FILE_DESCRIPTOR, LENGTH, logSlab, OFFSET_HIGH, OFFSET_LOW, SUBMITTED, SYNC } from './log-slab.ts'
import { siblingModule } from './sibling-module.ts'

const WRITES = 50

test('a wake-up without a new hand-over writes and answers nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kvorum-log-writer-'))
  const fd = openSync(join(folder, 'file'), 'w+')
  const slab = logSlab()
  const worker = new Worker(siblingModule('log-writer-worker', import.meta.url), { workerData: slab.shared })
  let answers = 0
  let answered: () => void = () => {}
  worker.on('message', (answer) => {
    assert.equal(answer, null)
    answers++
    answered()
  })
  try {
    for (let i = 0; i < WRITES; i++) {
      slab.bytes[0] = i
      slab.control.set([fd, 1, i, 0, 1], FILE_DESCRIPTOR)
      assert.deepEqual([FILE_DESCRIPTOR, LENGTH, OFFSET_LOW, OFFSET_HIGH, SYNC], [1, 2, 3, 4, 5])
      const done = new Promise<void>((resolve) => {
        answered = resolve
      })
      Atomics.add(slab.control, SUBMITTED, 1)
      Atomics.notify(slab.control, SUBMITTED)
      await done
      // Late wake-ups, as when the loop is held up between raising the number and waking the thread.
      for (let late = 0; late < 20; late++) Atomics.notify(slab.control, SUBMITTED)
    }
    assert.equal(answers, WRITES)
    assert.deepEqual(
      [...readFileSync(join(folder, 'file'))],
      Array.from({ length: WRITES }, (_, i) => i),
    )
  } finally {
    await worker.terminate()
    closeSync(fd)
    rmSync(folder, { recursive: true })
  }
})
