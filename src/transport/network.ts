/**
 * The Network seam between nodes (and for simulated clients): ordered byte streams that may close at any
 * time. Real (TCP, later TLS) in server/, simulated in testing/; both pass one conformance suite. Callbacks
 * run in a later turn, never inside the call.
 */
import type { Callback } from '../storage/disk.ts'

export interface Address {
  host: string
  port: number
  /** The peer door is reached through the HTTP port there, by Upgrade (upgrade.ts). Means nothing to listen(). */
  isHttp?: boolean
}

/** What the other end of a connection has proven about itself (TLS). */
export interface PeerIdentity {
  /** Whether its certificate is one of a node and covers this host name, address or node name. */
  covers(name: string): boolean
}

export interface Connection {
  readonly remote: string
  /** Null when the other end has proven nothing. */
  readonly identity?: PeerIdentity | null
  /** Set exactly one handler of each kind right after the connection is made. */
  onData(handler: (bytes: Buffer) => void): void
  /** Called once, whatever ended the connection. */
  onClose(handler: (error: Error | null) => void): void
  /** Called when bufferedBytes fell to zero after having been above it. */
  onDrain(handler: () => void): void
  /** Queues bytes. They leave at the end of the turn, in one write. The bytes must not change any more. */
  write(bytes: Buffer): void
  /** Bytes accepted by write() and not yet handed to the kernel. */
  readonly bufferedBytes: number
  pause(): void
  resume(): void
  /** Sends what is buffered, then closes. */
  end(): void
  /** Closes at once (RST where the transport can). */
  destroy(): void
}

export interface Listener {
  readonly port: number
  close(done: Callback): void
}

export interface Network {
  listen(address: Address, onConnection: (connection: Connection) => void, done: Callback<Listener>): void
  /** `done` gets an error when the connection cannot be made within `timeoutMs`. */
  connect(address: Address, timeoutMs: number, done: Callback<Connection>): void
}
