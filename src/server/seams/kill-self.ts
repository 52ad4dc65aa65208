/**
 * The last resort against a hung disk (R4): SIGKILL to this process. An ordinary exit joins its threads, and
 * one that hangs in the kernel never comes.
 */

/** Within this long a signal that is delivered at all has ended the process. */
const KILLED_MS = 100

export function killSelf(): never {
  process.kill(process.pid, 'SIGKILL')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, KILLED_MS)
  // The first process of a container is not killed by signals from inside; the trap at the end of abort() ends it.
  process.abort()
}
