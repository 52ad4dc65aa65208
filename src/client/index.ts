/** The public entry point `kvorum`: a connection to any node, and what it returns and throws. */
export { type Argument, Connection, ConnectionError, type ConnectOptions } from './connection.ts'
export { ProtocolError, type Reply, ReplyError, replyText } from './reply.ts'
export type { TlsOptions } from './socket.ts'
export { formatServerUrl, parseServerUrl, type ServerUrl } from './url.ts'
