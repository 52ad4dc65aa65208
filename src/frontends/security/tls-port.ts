/**
 * What a listener needs of TLS: told what a connection's first bytes are, and given a secured socket for a plain one.
 * Implemented by the server, which has the certificates.
 */
import type { Socket } from 'node:net'

export interface TlsPort {
  /** Plain text is served on the port, too (--tls-redis both, --tls-http both). */
  readonly takesPlain: boolean
  /**
   * Runs the handshake on a socket whose first bytes, if any came yet, were put back. `done` is called when it
   * succeeded; otherwise the socket is closed, and why is logged.
   */
  secure(socket: Socket, done: (secured: Socket) => void): void
}

export interface TlsPorts {
  readonly redis: TlsPort | null
  readonly http: TlsPort | null
}

export const NO_TLS: TlsPorts = { redis: null, http: null }
