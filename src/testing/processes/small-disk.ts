/**
 * A really small filesystem for a node: a tmpfs, and a file that takes and gives back its space. Root only.
 */
import { execFile } from 'node:child_process'
import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const BLOCK = 64 * 1024

export class SmallDisk {
  readonly folder: string

  private constructor(folder: string) {
    this.folder = folder
  }

  /** Mounts `bytes` at `folder`, which is made; null when this machine does not let us. */
  static async mount(folder: string, bytes: number): Promise<SmallDisk | null> {
    await mkdir(folder, { recursive: true })
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'kvorum-test', folder])
      return new SmallDisk(folder)
    } catch {
      return null
    }
  }

  /** Takes up to `bytes` of it, less when there is no more. */
  async fill(bytes = Number.POSITIVE_INFINITY): Promise<void> {
    const file = await open(join(this.folder, 'filler'), 'a')
    const block = Buffer.alloc(BLOCK, 1)
    try {
      for (let done = 0; done < bytes; done += BLOCK) await file.write(block)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    } finally {
      await file.close()
    }
  }

  /** Gives everything back that fill() took. */
  async free(): Promise<void> {
    await rm(join(this.folder, 'filler'), { force: true })
  }

  async unmount(): Promise<void> {
    await run('umount', ['-l', this.folder])
  }
}
