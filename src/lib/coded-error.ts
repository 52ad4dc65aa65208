/**
 * Errors that cross a seam carry the `code` of the operating system (ENOENT, EIO, ENOSPC, ECONNRESET…) or one
 * of our own (CANCELLED): callers decide by code, never by text.
 */
import { AssertionError } from './assert.ts'

export interface CodedError extends Error {
  code: string
}

export function codedError(code: string, message: string): CodedError {
  return Object.assign(new Error(`${code}: ${message}`), { code })
}

/** The error's code, or '' when it has none. */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return ''
  return typeof error.code === 'string' ? error.code : ''
}

/** True for what only a fault of this program throws: it must end the process, and never be retried. */
export function isBug(error: unknown): boolean {
  if (error instanceof AssertionError) return true
  return (error instanceof TypeError || error instanceof ReferenceError) && errorCode(error) === ''
}
