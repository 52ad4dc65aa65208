/**
 * A RESP client as the local commands see it, and what a local command is. The connection
 * (resp/connection.ts) implements Client; the commands (commands/) change it.
 */

import type { Consistency, Session } from '../cluster/execute.ts'
import { AssertionError } from '../lib/assert.ts'
import type { Command, CommandSpec } from '../protocol/commands.ts'
import type { WatchedKey } from '../protocol/transaction.ts'
import type { ConnectedClient } from './connection/clients.ts'
import type { Door } from './door.ts'
import type { ClientSubscriptions } from './pubsub/subscriptions.ts'
import type { Transaction } from './resp/transaction.ts'
import type { ClientTracking } from './tracking/client-tracking.ts'

/** CLIENT REPLY: 'skip' drops the reply of the next command. */
export type ReplyMode = 'on' | 'off' | 'skip'

/** Gives the reply (canonical form) that a command promised; once. */
export interface Answer {
  answer(reply: Buffer): void
}

export interface Client extends ConnectedClient {
  readonly session: Session
  lastActiveMs: number
  protocol: 2 | 3
  database: number
  name: string
  libName: string
  libVersion: string
  lastCommand: string
  readonly watched: Map<string, WatchedKey>
  readonly isAuthenticated: boolean
  readonly transaction: Transaction | null
  /** What it subscribed to; null = nothing. */
  readonly subscriptions: ClientSubscriptions | null
  /** CLIENT TRACKING; null = off. */
  tracking: ClientTracking | null
  /** CLIENT CONSISTENCY: of its reads. */
  readonly consistency: Consistency
  /** CLIENT NO-EVICT and NO-TOUCH; kept to be shown, since nothing is evicted and no read touches a key. */
  noEvict: boolean
  noTouch: boolean
  /** Gets bytes without asking: subscribed to something, or a MONITOR. */
  readonly isListening: boolean
  /** CLIENT UNBLOCK ends the command that waits; null when none does that can be ended. */
  unblocker: ((withError: boolean) => void) | null

  authenticate(isAuthenticated: boolean): void
  setTransaction(transaction: Transaction | null): void
  setSubscriptions(subscriptions: ClientSubscriptions | null): void
  setReplyMode(mode: ReplyMode): void
  setConsistency(consistency: Consistency): void
  /** Sends bytes of its own protocol that answer nothing; a client that does not take them is closed. */
  push(bytes: Buffer): void
  /** CLIENT PAUSE began or ended. */
  pauseChanged(): void
  /** Sends a read or write through the cluster; its reply takes the next place in the order. */
  execute(command: Command): void
  /** The same, and hands the reply to `then` instead of the client. */
  ask(command: Command, then: (reply: Buffer) => void): void
  /** Takes the next place in the order of replies for one that comes later. */
  promise(): Answer
  /** Calls `run`, a local command's, and hands its reply to `then` instead of the client, at once or later. */
  capture(run: () => Buffer | null, then: (reply: Buffer) => void): void
  /** Commands behind this one are not looked at until unblock(). */
  block(): void
  unblock(): void
  /** Closes once everything before and this command's reply is sent; commands behind it are not looked at. */
  closeAfterReply(): void
}

export interface LocalCommand {
  readonly spec: CommandSpec
  /**
   * The reply in canonical form, or null when it comes by client.execute() or client.promise(). `args` are
   * without the name; those of a subcommand without the container's and its own name.
   */
  readonly run: (client: Client, args: readonly Buffer[], door: Door) => Buffer | null
  /**
   * Within MULTI: queued and run by EXEC, run at once, or refused; or queued if no other command there needs the
   * cluster, because it is not of one moment with others ('alone').
   */
  readonly inTransaction: 'queue' | 'now' | 'refuse' | 'alone'
  /** May be called before the client has authenticated. */
  readonly isOpen: boolean
  readonly subcommands: readonly LocalCommand[]
  /** The error of a command that exists only to say why it does not, and is in no list for clients; else null. */
  readonly refusal: Buffer | null
  /** It changes or reads the replicated state, and is part of a transaction as this command of the executor. */
  readonly remote: RemotePart | null
  /**
   * Takes effect on the state that a confirmed read has reached: EXEC makes one before, and calls this and not run().
   */
  readonly runAtRead: ((client: Client, args: readonly Buffer[], door: Door) => Buffer) | null
}

export interface RemotePart {
  readonly spec: CommandSpec
  /** The client's reply, made of the executor's; called right when that came. */
  readonly finish: (reply: Buffer, door: Door) => Buffer
}

type LocalOptions = {
  readonly name: string
  readonly arity: number
  readonly group?: string
  readonly since?: string
  readonly summary: string
  readonly flags?: readonly string[]
  readonly categories?: readonly string[]
  readonly inTransaction?: LocalCommand['inTransaction']
  readonly isOpen?: boolean
  readonly subcommands?: readonly LocalCommand[]
  readonly refusal?: Buffer
  readonly keys?: CommandSpec['keys']
  readonly remote?: RemotePart
  readonly runAtRead?: LocalCommand['runAtRead']
  /** Left out by a container without a command of its own. */
  readonly run?: LocalCommand['run']
}

/** The arity of a container wants a subcommand, and an unknown one is refused before. */
function refuseContainer(): never {
  throw new AssertionError('Cannot run a container of commands')
}

/** One row of the table of local commands. */
export function localCommand(options: LocalOptions): LocalCommand {
  return {
    spec: {
      name: options.name,
      code: 0,
      arity: options.arity,
      kind: 'local',
      flags: options.flags ?? ['loading', 'stale'],
      keys: options.keys ?? [0, 0, 0],
      categories: options.categories ?? ['@connection', '@fast'],
      group: options.group ?? 'connection',
      since: options.since ?? '1.0.0',
      summary: options.summary,
    },
    run: options.run ?? refuseContainer,
    inTransaction: options.inTransaction ?? 'queue',
    isOpen: options.isOpen ?? false,
    subcommands: options.subcommands ?? [],
    refusal: options.refusal ?? null,
    remote: options.remote ?? null,
    runAtRead: options.runAtRead ?? null,
  }
}
