/**
 * The log-writer thread: waits for a hand-over, writes it, syncs when told to, answers. It blocks in the
 * kernel so that nothing else does: the loop goes on, and the thread pool stays free for reads.
 */
import { fdatasyncSync, writeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { must } from '../../lib/assert.ts'
import { errorCode } from '../../lib/coded-error.ts'
import {
  FILE_DESCRIPTOR,
  LENGTH,
  type LogAnswer,
  logSlab,
  OFFSET_HIGH,
  OFFSET_LOW,
  SUBMITTED,
  SYNC,
} from './log-slab.ts'

const { control, bytes } = logSlab(workerData as SharedArrayBuffer)
const port = must(parentPort, 'parent of the log writer')

function word(index: number): number {
  return must(control[index], 'control word')
}

function handle(): LogAnswer {
  const fd = word(FILE_DESCRIPTOR)
  const length = word(LENGTH)
  const offset = word(OFFSET_HIGH) * 2 ** 31 + word(OFFSET_LOW)
  try {
    for (let at = 0; at < length; ) at += writeSync(fd, bytes, at, length - at, offset + at)
    if (word(SYNC) === 1) fdatasyncSync(fd)
    return null
  } catch (error) {
    return { code: errorCode(error), message: error instanceof Error ? error.message : String(error) }
  }
}

/**
 * A wake-up alone means nothing: the loop raises SUBMITTED first and wakes the thread after that, so a thread that
 * saw the number in between is woken once more, in vain. Handling that would write a slab that is being filled anew.
 */
for (let handled = 0; ; handled = (handled + 1) | 0) {
  while (Atomics.load(control, SUBMITTED) === handled) Atomics.wait(control, SUBMITTED, handled)
  port.postMessage(handle())
}
