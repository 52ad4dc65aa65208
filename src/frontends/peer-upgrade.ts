/**
 * Another node that comes through a client port (transport/upgrade.ts): reads the head of its request, agrees, and
 * hands the socket over. Who it is, its handshake shows; without a place to hand it to, it is refused.
 */
import type { Socket } from 'node:net'
import { setPatientTimer } from '../lib/patient-timer.ts'
import { readUpgradeHead, upgradeAgreed, upgradeRefused } from '../transport/upgrade.ts'
import type { Door } from './door.ts'

/** How long the head may take; it is one small packet. */
const HEAD_MS = 2_000

/** Takes a paused socket whose bytes were put back. `leave` is called when it is a client's socket no more. */
export function takePeer(door: Door, socket: Socket, leave: () => void): void {
  const { acceptPeer } = door
  let seen: Buffer = Buffer.alloc(0)
  const cut = setPatientTimer(door.clock, HEAD_MS, () => socket.destroy())
  const fail = (): void => {
    socket.destroy()
  }
  const data = (chunk: Buffer): void => {
    seen = Buffer.concat([seen, chunk])
    const head = readUpgradeHead(seen, 'accepts')
    if (head.kind === 'more') return
    cut.cancel()
    socket.removeListener('data', data)
    socket.removeListener('end', fail)
    if (head.kind === 'tooLarge' || !head.isUpgrade || acceptPeer === null || door.isClosing) {
      socket.end(upgradeRefused, () => socket.destroy())
      return
    }
    socket.removeListener('error', fail)
    socket.removeListener('close', cancel)
    socket.pause()
    if (head.rest.length > 0) socket.unshift(head.rest)
    socket.write(upgradeAgreed)
    leave()
    acceptPeer(socket)
    socket.resume()
  }
  const cancel = (): void => cut.cancel()
  socket.on('close', cancel)
  socket.on('error', fail)
  socket.on('end', fail)
  socket.on('data', data)
  socket.resume()
}
