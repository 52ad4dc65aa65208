/** Where something listens, as text: 'host:port', with brackets around an IPv6 host. */

export interface HostPort {
  /** Without brackets. */
  readonly host: string
  readonly port: number
}

const FORM = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/

/** Null when `text` is no host with a port of 1 to 65535. */
export function parseHostPort(text: string): HostPort | null {
  const match = FORM.exec(text)
  if (match === null) return null
  const port = Number(match[3])
  return port >= 1 && port <= 65_535 ? { host: match[1] ?? (match[2] as string), port } : null
}

/** The host as it stands before ':port' and in URLs. */
export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
