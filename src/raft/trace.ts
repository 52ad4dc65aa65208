/**
 * What a core tells an observer: simulation checkers, specification traces, debug logs. No event object is built
 * without a subscriber, and a subscriber must not call back into the core.
 */
import type { PeerId } from '../protocol/members.ts'
import type { Message } from './messages.ts'
import type { ConfState, Index, Role, Term } from './types.ts'

export type TraceEvent =
  | { readonly kind: 'role'; readonly role: Role; readonly term: Term; readonly leader: PeerId }
  | { readonly kind: 'received'; readonly message: Message }
  | { readonly kind: 'commit'; readonly index: Index; readonly byCounting: boolean }
  | { readonly kind: 'truncate'; readonly from: Index }
  | { readonly kind: 'conf'; readonly conf: ConfState }

export type Trace = (event: TraceEvent) => void
