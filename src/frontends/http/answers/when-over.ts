/**
 * The end of an answer, whatever ends it. Node tells it of the response that is being sent; those that wait behind it
 * on the same connection (pipelining) hear nothing when the connection dies, and what they hold would be held for ever.
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

type Run = () => void

const runsOf = new WeakMap<ServerResponse, Run[]>()
const responsesOf = new WeakMap<Socket, Set<Run>>()

/** Calls `run` once: when the answer is sent, or its connection is gone. */
export function whenOver(response: ServerResponse, run: Run): void {
  if (response.req.socket.closed) return run()
  const runs = runsOf.get(response)
  if (runs === undefined) watch(response, [run])
  else runs.push(run)
}

/** One listener per answer, however much is to be done at its end. */
function watch(response: ServerResponse, runs: Run[]): void {
  const { socket } = response.req
  const responses = responsesOf.get(socket) ?? watched(socket)
  const finish = (): void => {
    if (!responses.delete(finish)) return
    runsOf.delete(response)
    for (const run of runs) run()
  }
  runsOf.set(response, runs)
  responses.add(finish)
  response.once('close', finish)
}

/** One listener per connection, however many answers it has. */
function watched(socket: Socket): Set<Run> {
  const responses = new Set<Run>()
  responsesOf.set(socket, responses)
  socket.once('close', () => {
    for (const finish of responses) finish()
  })
  return responses
}
