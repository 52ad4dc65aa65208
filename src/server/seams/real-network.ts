/** The real Network: TCP through node:net. */
import { createConnection, createServer } from 'node:net'
import { codedError } from '../../lib/coded-error.ts'
import type { Callback } from '../../storage/disk.ts'
import type { Address, Connection, Listener, Network } from '../../transport/network.ts'
import { RealConnection } from './real-connection.ts'

export class RealNetwork implements Network {
  /** Port 0 takes a free one. */
  listen(address: Address, onConnection: (connection: Connection) => void, done: Callback<Listener>): void {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      onConnection(new RealConnection(socket))
    })
    const onError = (error: Error): void => done(error, undefined as never)
    server.once('error', onError)
    server.listen({ ...address, exclusive: true }, () => {
      server.off('error', onError)
      // Out of descriptors while accepting: that connection is lost, the listener is not.
      server.on('error', () => {})
      const bound = server.address()
      const port = typeof bound === 'object' && bound !== null ? bound.port : address.port
      const close = (closed: Callback): void => {
        // The server's own callback waits for the connections too; they are not the listener's.
        server.close()
        setImmediate(() => closed(null))
      }
      done(null, { port, close })
    })
  }

  connect(address: Address, timeoutMs: number, done: Callback<Connection>): void {
    const socket = createConnection({ ...address, allowHalfOpen: true, noDelay: true })
    const settle = (error: Error | null): void => {
      clearTimeout(timer)
      socket.off('error', settle)
      socket.off('connect', onConnect)
      if (error === null) {
        done(null, new RealConnection(socket))
        return
      }
      // An error of the dying socket has no listener any more, and is nobody's business.
      socket.on('error', () => {})
      socket.destroy()
      done(error, undefined as never)
    }
    const onConnect = (): void => settle(null)
    const timer = setTimeout(() => {
      settle(codedError('ETIMEDOUT', `connect to ${address.host}:${address.port}`))
    }, timeoutMs)
    socket.once('error', settle)
    socket.once('connect', onConnect)
  }
}
