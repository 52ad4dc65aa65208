/** The two ends of a connection, as CLIENT LIST, logs and the slow log show them: Redis' 'address:port'. */
import type { Socket } from 'node:net'

/** The client's end; '?' for what a socket that is gone does not tell. */
export function peerOf(socket: Socket): string {
  return endOf(socket.remoteAddress, socket.remotePort)
}

/** This node's end. */
export function localOf(socket: Socket): string {
  return endOf(socket.localAddress, socket.localPort)
}

function endOf(address = '?', port = 0): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
