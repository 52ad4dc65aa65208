/**
 * What a failed start says to the person who typed it: which setting asked for what the system refused, and what to do.
 * Everything else is told in the words of the error itself.
 */
import { errorCode } from '../lib/coded-error.ts'
import type { NodeConfig } from './config.ts'

type PortConfig = Pick<NodeConfig, 'host' | 'redisPort' | 'httpPort' | 'peerPort' | 'onePort' | 'hasPeerPort'>
export type FailingConfig = PortConfig & Pick<NodeConfig, 'data'>

/** What Node.js tells of a failed call to the system. */
interface SystemError extends Error {
  readonly syscall?: string
  readonly path?: string
  readonly port?: number
}

const LISTEN_REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process uses that port; stop it, or take another port',
  EACCES: 'this user may not use that port; take one above 1023',
  EADDRNOTAVAIL: 'it is no address of this machine',
}

const FOLDER_REASONS: Readonly<Record<string, string>> = {
  EEXIST: 'a file is in its place',
  ENOTDIR: 'a file is in its place',
  ENOENT: 'it does not exist and cannot be made there',
  EACCES: 'this user may not read and write there',
  EPERM: 'the system does not let this user write there',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
}

/** 'Cannot listen on HOST:PORT (--flag): ...', 'Cannot use FOLDER (--data): ...', or the error's own message. */
export function startFailure(error: Error, config: FailingConfig): string {
  const { syscall = '', path, port } = error as SystemError
  const code = errorCode(error)
  if (syscall === 'getaddrinfo') return `Cannot listen on ${config.host} (--host): ${code}, it has no address`
  if (syscall === 'listen' && LISTEN_REASONS[code] !== undefined) {
    const flag = code === 'EADDRNOTAVAIL' ? '--host' : flagOfPort(port, config)
    const where = port === undefined ? config.host : `${config.host}:${port}`
    return `Cannot listen on ${where} (${flag}): ${LISTEN_REASONS[code]} (${code})`
  }
  const isInFolder = path !== undefined && (path.startsWith(config.data) || config.data.startsWith(path))
  if (isInFolder && FOLDER_REASONS[code] !== undefined)
    return `Cannot use ${config.data} (--data): ${FOLDER_REASONS[code]} (${error.message})`
  return error.message
}

function flagOfPort(port: number | undefined, config: PortConfig): string {
  if (config.hasPeerPort && port === config.peerPort) return '--peer-port'
  if (config.onePort) return '--addr'
  return port === config.httpPort ? '--http-port' : '--redis-port'
}
