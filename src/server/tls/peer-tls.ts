/** TLS between nodes: both directions of it, and what a node's certificate says of its owner. */
import type { Socket } from 'node:net'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import type { PeerIdentity } from '../../transport/network.ts'
import type { TlsAcceptor } from './acceptor.ts'
import type { TlsDialler } from './dialler.ts'

/** What the network seam needs for TLS. */
export interface PeerTls {
  /** Plain text is taken, and dialled where a peer speaks no TLS (--tls-peer both). */
  readonly takesPlain: boolean
  readonly acceptor: TlsAcceptor
  readonly dialler: TlsDialler
  /** A dial or a connection failed, for a reason that somebody should know. */
  readonly onRefused: (remote: string, reason: string) => void
}

/** Extended key usage of certificates that may serve (RFC 5280, 4.2.1.12): a client's has it not. */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'

/** What the other end has proven by this certificate, whose chain is verified already. */
export function identityOf(cert: PeerCertificate): PeerIdentity {
  return { covers: (name) => isOfNode(cert) && coversName(cert, name) }
}

function isOfNode(cert: PeerCertificate): boolean {
  return cert.ext_key_usage === undefined || cert.ext_key_usage.includes(SERVER_AUTH)
}

/** The common name does not count. */
function coversName(cert: PeerCertificate, name: string): boolean {
  return cert.subjectaltname !== undefined && checkServerIdentity(name, cert) === undefined
}

/** Calls back with the first bytes of a connection, which are put back, or not at all. */
export function peek(
  socket: Socket,
  enough: (bytes: Buffer) => boolean,
  then: (bytes: Buffer) => void,
): void {
  let seen: Buffer = Buffer.alloc(0)
  const onData = (bytes: Buffer): void => {
    seen = seen.length === 0 ? bytes : Buffer.concat([seen, bytes])
    if (!enough(seen)) return
    socket.off('data', onData)
    socket.pause()
    socket.unshift(seen)
    then(seen)
  }
  socket.on('data', onData)
}
