/** Sends large answers piece by piece, as their clients take them. */
import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { type Answers, LARGE_BYTES } from './answers.ts'

/** What fits one piece goes out whole, with its length. `pieces` has one at least. */
export function sendPieces(answers: Answers, reply: FastifyReply, pieces: Iterator<Buffer>): FastifyReply {
  const first = pieces.next()
  const second = pieces.next()
  if (second.done === true) return reply.send(first.value)
  return reply.send(streamOf(answers, reply, [first.value, second.value], pieces))
}

/** Bytes as they are. */
export function sendBytes(answers: Answers, reply: FastifyReply, bytes: Buffer): FastifyReply {
  if (bytes.length < LARGE_BYTES || reply.request.method === 'HEAD') return reply.send(bytes)
  reply.header('content-length', bytes.length)
  return reply.send(streamOf(answers, reply, [], slices(bytes)))
}

/** Piece by piece, each in its turn: a client that takes all at once does not hold up the others. */
function streamOf(answers: Answers, reply: FastifyReply, made: Buffer[], pieces: Iterator<Buffer>): Readable {
  const give = (): void => {
    if (stream.destroyed) return
    // Those before are taken.
    answers.sent(reply.raw)
    try {
      stream.push(made.shift() ?? nextOf(pieces))
    } catch (error) {
      stream.destroy(error as Error)
    }
  }
  const stream = new Readable({ highWaterMark: 1, read: () => answers.turns.add(give) })
  return stream
}

function nextOf(pieces: Iterator<Buffer>): Buffer | null {
  const { done, value } = pieces.next()
  return done === true ? null : value
}

function* slices(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += LARGE_BYTES) yield bytes.subarray(at, at + LARGE_BYTES)
}
