/** Why a TLS handshake failed, in words for the log: OpenSSL's are for those who know its source. */
import type { TLSSocket } from 'node:tls'

const REASONS: readonly (readonly [RegExp, string])[] = [
  [
    /WRONG_VERSION_NUMBER|HTTP_REQUEST|UNKNOWN_PROTOCOL|PACKET_LENGTH|BAD_RECORD_TYPE/,
    'it does not speak TLS',
  ],
  [/DID_NOT_RETURN_A_CERTIFICATE/, 'it showed no certificate'],
  [
    /ALERT_UNKNOWN_CA|ALERT_BAD_CERT|ALERT_CERT|CERTIFICATE_UNKNOWN/,
    "it does not accept this node's certificate",
  ],
  [/ALERT_CERTIFICATE_REQUIRED/, 'it wants a certificate'],
  [
    /UNSUPPORTED_PROTOCOL|VERSION_TOO_LOW|ALERT_PROTOCOL_VERSION/,
    'it speaks no version of TLS that is allowed here',
  ],
  [/NO_SHARED_CIPHER/, 'it shares no cipher with this node'],
  [/CERT_HAS_EXPIRED/, 'its certificate has expired'],
  [/CERT_NOT_YET_VALID/, 'its certificate is not valid yet (look at the clocks)'],
  [
    /SELF_SIGNED|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY/,
    'its certificate is not signed by the authority in --tls-ca',
  ],
  [/CERT_REVOKED/, 'its certificate is revoked'],
  [/CRL_HAS_EXPIRED/, 'the revocation list in --tls-crl has expired'],
  [/_CRL|CRL_/, 'the revocation list in --tls-crl cannot be used for its certificate'],
  [/INVALID_PURPOSE/, 'its certificate is for another purpose'],
  [/ECONNRESET|EPIPE|UNEXPECTED_EOF/, 'it closed the connection during the handshake'],
]

/** For a failure of either side's handshake. `socket` knows more when a certificate was refused. */
export function handshakeFailure(error: NodeJS.ErrnoException, socket: TLSSocket | null): string {
  const refusal = socket?.authorizationError as unknown
  const text = refusal ? String(refusal) : `${error.code ?? ''} ${error.message}`
  const known = REASONS.find(([pattern]) => pattern.test(text))
  return known === undefined ? text.trim() : known[1]
}
