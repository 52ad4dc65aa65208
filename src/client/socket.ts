/** Opens the socket of a connection: TCP, or TLS over it. */
import { createConnection, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ServerUrl } from './url.ts'

/** How a client knows its server, and shows who it is itself. All PEM. */
export interface TlsOptions {
  /** Authorities to trust instead of those that Node.js knows. */
  readonly ca?: string | Buffer
  /** The client's own certificate and key, for servers that want one. */
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
}

export interface Beginning {
  readonly socket: Socket
  /** Emitted by the socket when it can be used. */
  readonly readyEvent: 'connect' | 'secureConnect'
}

export function beginConnection(server: ServerUrl, tls: TlsOptions): Beginning {
  const { host, port } = server
  if (server.tls !== true) return { socket: createConnection({ host, port }), readyEvent: 'connect' }
  const socket = connectTls({
    host,
    port,
    minVersion: 'TLSv1.2',
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: tls.key }),
  })
  return { socket, readyEvent: 'secureConnect' }
}

const REASONS: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'its certificate is not signed by an authority that is trusted here (--cacert)',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    'its certificate is not signed by an authority that is trusted here (--cacert)',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not signed by an authority that is trusted here (--cacert)',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS there',
}

/** Why a socket could not be opened, in words. */
export function whyNot(error: NodeJS.ErrnoException): string {
  return REASONS[error.code ?? ''] ?? (error.message || 'connection refused')
}
