/**
 * The last resort against a hung disk (R4): SIGKILL to this process. An ordinary exit joins its threads, and
 * one that hangs in the kernel never comes.
 */

export function killSelf(): never {
  process.kill(process.pid, 'SIGKILL')
  // The signal is being delivered; nothing may run meanwhile.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}
