/**
 * The data folder: one process at a time (the lock), one node for ever (IDENTITY). The lock is a claim file
 * per process, LOCK-<pid>: each process first writes its own claim and then looks for others, so of two that
 * start together at least one sees the other and gives up. A claim counts while its process is alive on this
 * boot of the machine; what kill -9 or a power failure leaves behind is recognised and removed.
 */
import { assert } from '../lib/assert.ts'
import { codedError } from '../lib/coded-error.ts'
import { crc32 } from '../lib/crc32.ts'
import type { Random } from '../lib/random.ts'
import { folderOf, readFileIfPresent, writeFileAtomically } from './atomic-file.ts'
import type { Callback, Disk } from './disk.ts'
import { type Step, steps } from './steps.ts'

const FORMAT_VERSION = 1
const IDENTITY = 'IDENTITY'
const INCARNATION_BYTES = 16
const MADE_NAME_DIGITS = 8
/** What a node keeps in its folder; there without IDENTITY, the folder has lost it. */
const CONTENTS = ['log', 'store']

/** Who this folder belongs to (R8): written once, before anything else is. */
export interface Identity {
  readonly formatVersion: number
  /** The operator's name of the node. */
  readonly node: string
  /** 16 random bytes as hex: another one for every folder that was ever begun. */
  readonly incarnation: string
  /** ISO 8601. */
  readonly created: string
}

export interface DataFolderOptions {
  readonly disk: Disk
  readonly folder: string
  /** '': whoever the folder belongs to; a new folder's node gets a name of its own. */
  readonly node: string
  readonly random: Random
  readonly wallMs: number
  readonly pid: number
  /** Differs for each boot of the machine: process ids begin anew then. */
  readonly bootId: string
  /** Does a process with this id exist? */
  readonly isAlive: (pid: number) => boolean
}

export interface DataFolder {
  readonly identity: Identity
  /** True when this call made the identity: the folder was new. */
  readonly isNew: boolean
  /** Removes the lock. */
  release(done: () => void): void
}

/**
 * Locks the folder (made when missing) and reads or makes its identity. Errors: LOCKED (names the pid),
 * CORRUPT, UNSUPPORTED, WRONG_NODE, system errors. After an error nothing is locked.
 */
export function openDataFolder(options: DataFolderOptions, done: Callback<DataFolder>): void {
  const { disk, folder, pid } = options
  const claim = `${folder}/${claimName(pid)}`
  const release = (released: () => void): void => disk.remove(claim, () => released())
  let opened: { identity: Identity; isNew: boolean } | null = null
  const fail = (error: Error): void => release(() => done(error, undefined as never))
  steps(
    [
      (next) => disk.makeFolder(folder, next),
      (next) => disk.syncFolder(folderOf(folder), next),
      (next) => writeFileAtomically(disk, claim, Buffer.from(`${pid} ${options.bootId}\n`), next),
      (next) => checkClaims(options, next),
      (next) =>
        openIdentity(options, (error, found) => {
          opened = found
          next(error)
        }),
    ],
    (error) => {
      if (error !== null) {
        fail(error)
        return
      }
      assert(opened !== null, 'The identity was read or made')
      done(null, { ...(opened as { identity: Identity; isNew: boolean }), release })
    },
  )
}

function claimName(pid: number): string {
  return `LOCK-${pid}`
}

/** The pid of a claim file's name, or 0. */
function claimant(name: string): number {
  const match = /^LOCK-(\d+)$/.exec(name)
  return match === null ? 0 : Number(match[1])
}

function checkClaims(options: DataFolderOptions, done: Callback): void {
  const { disk, folder, pid } = options
  disk.list(folder, (error, names) => {
    if (error !== null) {
      done(error)
      return
    }
    const others = names.map(claimant).filter((other) => other > 0 && other !== pid)
    const checks = others.map(
      (other): Step =>
        (next) =>
          checkClaim(options, other, next),
    )
    steps(checks, done)
  })
}

/** Refuses when the claim's process lives; removes the claim when it does not. */
function checkClaim(options: DataFolderOptions, other: number, done: Callback): void {
  const { disk, folder } = options
  const path = `${folder}/${claimName(other)}`
  readFileIfPresent(disk, path, (error, bytes) => {
    if (error !== null || bytes === null) {
      done(error)
      return
    }
    const bootId = /^\d+ (.*)\n$/.exec(bytes.toString())?.[1]
    if (bootId === options.bootId && options.isAlive(other)) {
      const what =
        `data folder ${folder} is in use by process ${other}; stop that process or use another folder ` +
        `(if process ${other} is not a node: remove ${path})`
      done(codedError('LOCKED', what))
      return
    }
    disk.remove(path, (failure) => done(failure !== null && !isMissing(failure) ? failure : null))
  })
}

function isMissing(error: Error): boolean {
  return 'code' in error && error.code === 'ENOENT'
}

type Opened = { identity: Identity; isNew: boolean } | null

function openIdentity(options: DataFolderOptions, done: Callback<Opened>): void {
  const { disk, folder } = options
  const path = `${folder}/${IDENTITY}`
  readFileIfPresent(disk, path, (error, bytes) => {
    if (error !== null) done(error, null)
    else if (bytes === null) makeIdentity(options, path, done)
    else {
      const identity = decodeIdentity(bytes)
      const refusal = identity === null ? damaged(path) : refuse(identity, options)
      if (refusal !== null || identity === null) done(refusal, null)
      // A killed process may have left a name that is not durable yet.
      else disk.syncFolder(folder, (failure) => done(failure, { identity, isNew: false }))
    }
  })
}

function makeIdentity(options: DataFolderOptions, path: string, done: Callback<Opened>): void {
  const { disk, folder, node, random, wallMs } = options
  disk.list(folder, (error, names) => {
    const present = names?.filter((name) => CONTENTS.includes(name)) ?? []
    if (error !== null || present.length > 0) {
      const what =
        `${path} is missing, but ${folder} holds ${present.join(' and ')}: ` +
        'restore it, or begin with an empty folder'
      done(error ?? codedError('CORRUPT', what), null)
      return
    }
    const incarnation = random.bytes(INCARNATION_BYTES).toString('hex')
    const identity = {
      formatVersion: FORMAT_VERSION,
      node: node === '' ? `node-${incarnation.slice(0, MADE_NAME_DIGITS)}` : node,
      incarnation,
      created: new Date(wallMs).toISOString(),
    }
    writeFileAtomically(disk, path, encodeIdentity(identity), (failure) =>
      done(failure, { identity, isNew: true }),
    )
  })
}

/** One line of JSON; `checksum` is the CRC-32 (hex) of the same line without it. */
export function encodeIdentity(identity: Identity): Buffer {
  const { formatVersion, node, incarnation, created } = identity
  const fields = { formatVersion, node, incarnation, created }
  const checksum = crc32(Buffer.from(JSON.stringify(fields)))
    .toString(16)
    .padStart(8, '0')
  return Buffer.from(`${JSON.stringify({ ...fields, checksum })}\n`)
}

/** Null when the bytes are not what encodeIdentity() makes. */
export function decodeIdentity(bytes: Buffer): Identity | null {
  let fields: unknown
  try {
    fields = JSON.parse(bytes.toString())
  } catch {
    return null
  }
  if (!isIdentity(fields)) return null
  const { formatVersion, node, incarnation, created } = fields
  const identity = { formatVersion, node, incarnation, created }
  return encodeIdentity(identity).equals(bytes) || formatVersion > FORMAT_VERSION ? identity : null
}

function isIdentity(fields: unknown): fields is Identity {
  if (typeof fields !== 'object' || fields === null) return false
  const { formatVersion, node, incarnation, created } = fields as Record<string, unknown>
  const texts = [node, incarnation, created]
  return Number.isSafeInteger(formatVersion) && texts.every((text) => typeof text === 'string')
}

function damaged(path: string): Error {
  return codedError('CORRUPT', `${path} is damaged: restore it, or replace this node`)
}

function refuse(identity: Identity, { folder, node }: DataFolderOptions): Error | null {
  if (identity.formatVersion > FORMAT_VERSION) {
    const { formatVersion } = identity
    return codedError(
      'UNSUPPORTED',
      `data folder ${folder} has format version ${formatVersion}, newer than this program`,
    )
  }
  if (identity.node === node || node === '') return null
  const what = `data folder ${folder} belongs to node '${identity.node}', but this node is '${node}'`
  return codedError('WRONG_NODE', what)
}
