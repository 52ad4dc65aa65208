/**
 * The loop's side of the log-writer thread: write + fdatasync, in order, one in flight. One thread serves one
 * Disk and is started by the first write. Waking it is an Atomics.notify, its answer a posted message:
 * Atomics.waitAsync in its place measured no different.
 */
import { Worker } from 'node:worker_threads'
import { assert, must } from '../../lib/assert.ts'
import { codedError } from '../../lib/coded-error.ts'
import type { Callback } from '../../storage/disk.ts'
import {
  FILE_DESCRIPTOR,
  LENGTH,
  type LogAnswer,
  logSlab,
  OFFSET_HIGH,
  OFFSET_LOW,
  SLAB_BYTES,
  SUBMITTED,
  SYNC,
} from './log-slab.ts'
import { siblingModule } from './sibling-module.ts'

interface LogWrite {
  readonly fd: number
  readonly offset: number
  readonly chunks: readonly Buffer[]
  readonly done: Callback
}

/** How far the write in flight has been handed over. */
interface Progress {
  chunk: number
  /** Within that chunk. */
  chunkOffset: number
  /** Of the whole write. */
  bytes: number
}

export class LogWriter {
  readonly #slab = logSlab()
  readonly #queue: LogWrite[] = []
  #worker: Worker | null = null
  #progress: Progress = { chunk: 0, chunkOffset: 0, bytes: 0 }
  #closed = false
  /** Why the thread is gone: what it had half done is not known, so nothing is tried again (R6). */
  #death: Error | null = null

  /** The chunks must not change until `done`. */
  write(fd: number, offset: number, chunks: readonly Buffer[], done: Callback): void {
    assert(!this.#closed, 'Cannot write: the log writer was closed')
    if (this.#death !== null) {
      const death = this.#death
      setImmediate(() => done(death))
      return
    }
    this.#queue.push({ fd, offset, chunks, done })
    if (this.#queue.length > 1) return
    this.#worker ??= this.#start()
    // Only a write in flight keeps the process alive.
    this.#worker.ref()
    this.#submit()
  }

  /** Stops the thread; writes in flight must be done. A thread that hangs in the kernel is not waited for. */
  close(): void {
    assert(
      this.#queue.length === 0,
      () => `Cannot close the log writer: ${this.#queue.length} writes are queued`,
    )
    this.#closed = true
    void this.#worker?.terminate()
    this.#worker = null
  }

  #start(): Worker {
    const worker = new Worker(siblingModule('log-writer-worker', import.meta.url), {
      workerData: this.#slab.shared,
      name: 'log-writer',
    })
    worker.on('message', this.#onAnswer)
    worker.on('error', (error) => this.#onDeath(error.message))
    worker.on('exit', () => this.#onDeath('it ended'))
    return worker
  }

  /** Hands over what fits of the first write. */
  #submit(): void {
    const { control } = this.#slab
    const write = must(this.#queue[0], 'log write')
    const offset = write.offset + this.#progress.bytes
    const length = this.#fill(write.chunks)
    control[FILE_DESCRIPTOR] = write.fd
    control[LENGTH] = length
    control[OFFSET_HIGH] = Math.floor(offset / 2 ** 31)
    control[OFFSET_LOW] = offset % 2 ** 31
    control[SYNC] = this.#progress.chunk === write.chunks.length ? 1 : 0
    Atomics.add(control, SUBMITTED, 1)
    Atomics.notify(control, SUBMITTED)
  }

  /** Copies the next bytes into the slab; returns how many. */
  #fill(chunks: readonly Buffer[]): number {
    const progress = this.#progress
    const { bytes } = this.#slab
    let length = 0
    while (progress.chunk < chunks.length && length < SLAB_BYTES) {
      const chunk = must(chunks[progress.chunk], 'chunk')
      const copied = chunk.copy(bytes, length, progress.chunkOffset)
      length += copied
      progress.chunkOffset += copied
      if (progress.chunkOffset < chunk.length) break
      progress.chunk++
      progress.chunkOffset = 0
    }
    progress.bytes += length
    return length
  }

  readonly #onAnswer = (answer: LogAnswer): void => {
    const write = must(this.#queue[0], 'log write')
    if (answer === null && this.#progress.chunk < write.chunks.length) {
      this.#submit()
      return
    }
    this.#queue.shift()
    this.#progress = { chunk: 0, chunkOffset: 0, bytes: 0 }
    if (this.#queue.length > 0) this.#submit()
    else this.#worker?.unref()
    write.done(answer === null ? null : Object.assign(new Error(answer.message), { code: answer.code }))
  }

  #onDeath(cause: string): void {
    this.#death ??= codedError('EIO', `the log-writer thread is gone: ${cause}`)
    this.#worker = null
    for (const write of this.#queue.splice(0)) write.done(this.#death)
  }
}
