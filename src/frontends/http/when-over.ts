/**
 * The end of an answer, whatever ends it. Node tells it of the response that is being sent; those that wait behind it
 * on the same connection (pipelining) hear nothing when the connection dies, and what they hold would be held for ever.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const waiting = new WeakMap<Socket, Set<() => void>>()

/** Calls `run` once: when the answer is sent, or its connection is gone. */
export function whenOver(response: ServerResponse, run: () => void): void {
  const { socket } = response.req
  if (socket.closed) return run()
  const runs = waiting.get(socket) ?? watched(socket)
  const finish = (): void => {
    if (runs.delete(finish)) run()
  }
  runs.add(finish)
  response.once('close', finish)
}

/** One listener per connection, however many answers it has. */
function watched(socket: Socket): Set<() => void> {
  const runs = new Set<() => void>()
  waiting.set(socket, runs)
  socket.once('close', () => {
    for (const finish of runs) finish()
  })
  return runs
}
