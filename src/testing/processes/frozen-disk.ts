/**
 * A disk that can be made to hang: a file with a filesystem of its own, which the kernel freezes. Whoever writes to it
 * or syncs it then waits inside the kernel, and no signal ends it, until it is thawed. Linux and root only.
 */
import { execFile } from 'node:child_process'
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

export class FreezableDisk {
  readonly folder: string
  readonly #image: string
  #isFrozen = false

  private constructor(folder: string) {
    this.folder = folder
    this.#image = `${folder}.img`
  }

  /** Mounts a new filesystem of `bytes` at `folder`, which is made; null when this machine does not let us. */
  static async mount(folder: string, bytes: number): Promise<FreezableDisk | null> {
    const disk = new FreezableDisk(folder)
    await mkdir(folder, { recursive: true })
    await writeFile(disk.#image, '')
    await truncate(disk.#image, bytes)
    try {
      await run('mkfs.ext4', ['-q', '-F', disk.#image])
      await run('mount', ['-o', 'loop', disk.#image, folder])
      return disk
    } catch {
      await rm(disk.#image, { force: true })
      return null
    }
  }

  async freeze(): Promise<void> {
    await run('fsfreeze', ['--freeze', this.folder])
    this.#isFrozen = true
  }

  async thaw(): Promise<void> {
    if (!this.#isFrozen) return
    await run('fsfreeze', ['--unfreeze', this.folder])
    this.#isFrozen = false
  }

  /** Processes on it must have ended. */
  async unmount(): Promise<void> {
    await this.thaw()
    await run('umount', ['-l', this.folder])
    await rm(this.#image, { force: true })
  }
}
