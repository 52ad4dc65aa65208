/**
 * Calls something when the running callback is done and before the next one begins, as queueMicrotask does, but without
 * the asynchronous context that Node.js makes for each of its calls and that nobody reads here.
 */
const done = Promise.resolve()

/** `run` must not throw: that ends the process. */
export function atEndOfTurn(run: () => void): void {
  void done.then(run)
}
