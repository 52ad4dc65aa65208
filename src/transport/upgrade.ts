/**
 * How a connection between nodes begins on an HTTP port (RFC 9110, section 7.8): the dialler asks to upgrade, the other
 * side agrees, and from then on both speak the frames of frame.ts as on a peer port. Pure: bytes in, bytes out.
 */

/** The path of the request; nothing else is ever served there. */
export const UPGRADE_PATH = '/.kvorum/peer'
/** Head of a request or response of an upgrade, in bytes. */
export const UPGRADE_HEAD_MAX = 4 * 1024

const TOKEN = 'kvorum-peer'
const HEAD_END = Buffer.from('\r\n\r\n')
/** The first line of the request: what tells it from other HTTP. */
const REQUEST_LINE = `GET ${UPGRADE_PATH} HTTP/1.1`
const AGREED = 'HTTP/1.1 101 '

/** Is this the first line (without its end) of a request to upgrade? */
export function isUpgradeLine(line: Buffer): boolean {
  return line.length === REQUEST_LINE.length && line.toString('latin1') === REQUEST_LINE
}

/** What the dialler sends; `host` is 'host:port' as it was dialled. */
export function upgradeRequest(host: string): Buffer {
  return Buffer.from(`${REQUEST_LINE}\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: ${TOKEN}\r\n\r\n`)
}

export const upgradeAgreed = Buffer.from(
  `${AGREED}Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${TOKEN}\r\n\r\n`,
)

const REFUSAL = 'The other nodes reach this one at its peer port.\n'
/** For a node whose peers have a port of their own, and for what is no upgrade. */
export const upgradeRefused = Buffer.from(
  `HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: ${REFUSAL.length}\r\n` +
    `Connection: close\r\n\r\n${REFUSAL}`,
)

/** `rest`: what came behind the head. */
export type UpgradeHead =
  | { readonly kind: 'more' }
  | { readonly kind: 'head'; readonly isUpgrade: boolean; readonly rest: Buffer }
  | { readonly kind: 'tooLarge' }

/** Reads the head of a request (`side` accepts) or of a response (`side` dialled) from the bytes so far. */
export function readUpgradeHead(bytes: Buffer, side: 'accepts' | 'dialled'): UpgradeHead {
  const end = bytes.indexOf(HEAD_END)
  if (end < 0) return { kind: bytes.length > UPGRADE_HEAD_MAX ? 'tooLarge' : 'more' }
  const [first = '', ...headers] = bytes.toString('latin1', 0, end).split('\r\n')
  const isAwaited = side === 'accepts' ? first === REQUEST_LINE : first.startsWith(AGREED)
  const isUpgrade = isAwaited && headers.some((header) => header.toLowerCase() === `upgrade: ${TOKEN}`)
  return { kind: 'head', isUpgrade, rest: bytes.subarray(end + HEAD_END.length) }
}
