/**
 * All of a node's TLS: one certificate for its three ports, and its renewal while everything runs. A new certificate is
 * used only when all of it can be read and fits together; else the old one stays.
 */
import type { Socket } from 'node:net'
import { rawProblem } from '../../frontends/http/problem.ts'
import type { TlsPort, TlsPorts } from '../../frontends/security/tls-port.ts'
import type { Clock } from '../../lib/clock.ts'
import type { Logger } from '../../lib/logger.ts'
import { RefusalReporter } from '../../transport/refusal-reporter.ts'
import { timing } from '../../transport/timing.ts'
import type { NodeConfig } from '../config.ts'
import { TlsAcceptor } from './acceptor.ts'
import { TlsDialler } from './dialler.ts'
import { daysLeft, loadMaterial, type TlsMaterial, type TlsPaths } from './material.ts'
import type { PeerTls } from './peer-tls.ts'

/** From so many days before its end on a certificate is warned of. */
const WARN_DAYS = 30
const DAY_MS = 86_400_000
const WANTS_CERTIFICATE = 'this port wants a client certificate that the authority of this cluster has signed'

export class NodeTls {
  readonly ports: TlsPorts
  /** Null: nodes speak to each other in plain (--tls-peer off). */
  readonly peers: PeerTls | null
  readonly #logger: Logger
  readonly #clock: Clock
  readonly #users: { renew(material: TlsMaterial): void }[] = []
  #material: TlsMaterial

  /** Throws when the certificate, its key or the authority cannot be used. */
  constructor(config: NodeConfig, clock: Clock, logger: Logger) {
    this.#logger = logger
    this.#clock = clock
    this.#material = loadMaterial(pathsOf(config), config.tlsKeyPassphrase)
    const clients = new RefusalReporter(clock, (remote, reason) =>
      logger.warn('Refused a TLS client', { client: remote, reason }),
    )
    const onRefused = (remote: string, reason: string): void => clients.refused(remote, reason)
    const port = (mode: NodeConfig['tlsHttp'], protocol: string, refusal: string): TlsPort | null => {
      if (mode === 'off') return null
      const acceptor = this.#use(
        new TlsAcceptor({
          clock,
          material: this.#material,
          clients: config.tlsClients,
          handshakeMs: config.tlsHandshakeMs,
          protocol,
          refusal,
          onRefused,
        }),
      )
      const secure = (socket: Socket, done: (secured: Socket) => void): void => acceptor.secure(socket, done)
      return { takesPlain: mode === 'both', secure }
    }
    const httpRefusal = rawProblem('DENIED', 'Forbidden', WANTS_CERTIFICATE)
    this.ports = {
      redis: port(config.tlsRedis, '', `-DENIED ${WANTS_CERTIFICATE}\r\n`),
      http: port(config.tlsHttp, 'http/1.1', httpRefusal),
    }
    this.peers = config.tlsPeer === 'off' ? null : this.#peerTls(config.tlsPeer === 'both')
    this.#tellValidity()
  }

  /** When the certificate ends, in milliseconds since 1970. */
  get endsAtMs(): number {
    return this.#material.notAfter.getTime()
  }

  /** Days until the certificate ends. */
  get daysLeft(): number {
    return daysLeft(this.#material, this.#clock.wallMs())
  }

  /** Reads the files again. True when the certificate is another now; throws, and keeps the old, when it is no good. */
  renew(config: NodeConfig): boolean {
    const material = loadMaterial(pathsOf(config), config.tlsKeyPassphrase)
    if (daysLeft(material, this.#clock.wallMs()) < 0) {
      throw new Error(
        `The certificate in ${material.paths.cert} expired on ${material.notAfter.toISOString()}`,
      )
    }
    if (material.listsEndAtMs < this.#clock.wallMs()) throw new Error(listsEnded(material))
    const isNew = material.fingerprint !== this.#material.fingerprint
    this.#material = material
    if (!isNew) return false
    for (const user of this.#users) user.renew(material)
    this.#tellValidity()
    return true
  }

  #peerTls(takesPlain: boolean): PeerTls {
    const refusals = new RefusalReporter(this.#clock, (remote, reason) =>
      this.#logger.warn('Refused a connection between nodes', { remote, reason }),
    )
    const onRefused = (remote: string, reason: string): void => refusals.refused(remote, reason)
    const acceptor = new TlsAcceptor({
      clock: this.#clock,
      material: this.#material,
      clients: 'required',
      handshakeMs: timing.handshakeMs,
      protocol: '',
      refusal: '',
      onRefused,
    })
    return {
      takesPlain,
      acceptor: this.#use(acceptor),
      dialler: this.#use(new TlsDialler(this.#material)),
      onRefused,
    }
  }

  #use<T extends { renew(material: TlsMaterial): void }>(user: T): T {
    this.#users.push(user)
    return user
  }

  #tellValidity(): void {
    const days = this.daysLeft
    const fields = { file: this.#material.paths.cert, until: this.#material.notAfter.toISOString() }
    if (days < 0) this.#logger.error('The TLS certificate has expired', fields)
    else if (days < WARN_DAYS) this.#logger.warn(`The TLS certificate expires in ${days} days`, fields)
    else this.#logger.info('TLS is on', fields)
    this.#tellListsEnd()
  }

  #tellListsEnd(): void {
    const { listsEndAtMs } = this.#material
    const days = Math.floor((listsEndAtMs - this.#clock.wallMs()) / DAY_MS)
    if (days < 0) this.#logger.error(`${listsEnded(this.#material)}: every certificate is refused`)
    else if (days < WARN_DAYS) {
      this.#logger.warn(`The revocation list expires in ${days} days: then every certificate is refused`, {
        file: this.#material.paths.crl,
        until: new Date(listsEndAtMs).toISOString(),
      })
    }
  }
}

function listsEnded({ paths, listsEndAtMs }: TlsMaterial): string {
  return `The revocation list in ${paths.crl} expired on ${new Date(listsEndAtMs).toISOString()}`
}

function pathsOf(config: NodeConfig): TlsPaths {
  return { cert: config.tlsCert, key: config.tlsKey, ca: config.tlsCa, crl: config.tlsCrl }
}
