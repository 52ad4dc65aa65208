/** The dialling side of an upgrade (transport/upgrade.ts) on a connected socket. */
import type { Socket } from 'node:net'
import { readUpgradeHead, upgradeRequest } from '../../transport/upgrade.ts'

/**
 * Asks the HTTP port at the other end of `socket` to speak the frames between nodes. `done` is called once: with null
 * when it agreed, whatever came behind being put back; not at all when the socket ends before (its owner sees that).
 */
export function askForUpgrade(socket: Socket, host: string, done: (error: Error | null) => void): void {
  let seen: Buffer = Buffer.alloc(0)
  const data = (chunk: Buffer): void => {
    seen = Buffer.concat([seen, chunk])
    const head = readUpgradeHead(seen, 'dialled')
    if (head.kind === 'more') return
    socket.removeListener('data', data)
    socket.pause()
    if (head.kind === 'tooLarge' || !head.isUpgrade)
      return done(new Error(`${host} does not take other nodes at its HTTP port`))
    if (head.rest.length > 0) socket.unshift(head.rest)
    done(null)
  }
  socket.on('data', data)
  socket.write(upgradeRequest(host))
}
