/**
 * The client side of TLS between nodes: secures connections that were made, and resumes sessions with the peers it was
 * connected to before. Who the other side is, by name, is the transport's question (transport/network.ts, identity).
 */
import type { Socket } from 'node:net'
import { isIP } from 'node:net'
import {
  connect,
  createSecureContext,
  type PeerCertificate,
  type SecureContext,
  type TLSSocket,
} from 'node:tls'
import type { TlsMaterial } from './material.ts'

/** Peers whose last session is kept. */
const SESSIONS_MAX = 64

/** A session, and the certificate that was shown when it began: resuming it shows none. */
interface Session {
  readonly ticket: Buffer
  readonly cert: PeerCertificate
}

type Done = (error: Error | null, secured: TLSSocket, cert: PeerCertificate) => void

export class TlsDialler {
  #context: SecureContext
  readonly #sessions = new Map<string, Session>()

  constructor(material: TlsMaterial) {
    this.#context = createSecureContext(material.options)
  }

  /** Connections from now on use another certificate. */
  renew(material: TlsMaterial): void {
    this.#context = createSecureContext(material.options)
    this.#sessions.clear()
  }

  /** `done` is called once. On an error the socket is still the caller's to close, and there is no certificate. */
  secure(socket: Socket, host: string, done: Done): void {
    const key = `${host} ${socket.remotePort}`
    const session = this.#sessions.get(key)
    const secured = connect({
      socket,
      secureContext: this.#context,
      rejectUnauthorized: true,
      // The name is checked when the other side has said which member it is.
      checkServerIdentity: () => undefined,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(session === undefined ? {} : { session: session.ticket }),
    })
    const certificate = (): PeerCertificate =>
      session !== undefined && secured.isSessionReused() ? session.cert : secured.getPeerCertificate()
    const onError = (error: Error): void => {
      secured.off('secureConnect', onSecure)
      this.#sessions.delete(key)
      secured.on('error', () => {})
      done(error, secured, {} as PeerCertificate)
    }
    const onSecure = (): void => {
      secured.off('error', onError)
      done(null, secured, certificate())
    }
    secured.once('error', onError)
    secured.once('secureConnect', onSecure)
    secured.on('session', (ticket) => this.#keep(key, { ticket, cert: certificate() }))
  }

  #keep(key: string, session: Session): void {
    this.#sessions.delete(key)
    this.#sessions.set(key, session)
    if (this.#sessions.size <= SESSIONS_MAX) return
    for (const oldest of this.#sessions.keys()) return void this.#sessions.delete(oldest)
  }
}
