/**
 * Every interval of the transport, in milliseconds. They matter together: a dead host is noticed by silence,
 * a dead process at once by its closed control connection, and a slow bulk transfer must not pass for either.
 */
export const timing = {
  /** How long a connection may take to be made. */
  connectMs: 1_000,
  /** A dial without answer for this long is given up when there is reason to begin another. */
  unansweredMs: 50,
  /** From a made connection to an authenticated peer, either side. */
  handshakeMs: 2_000,
  /** The period of the one timer that looks after all connections. */
  tickMs: 50,
  /** A control connection pings when nothing was heard from its peer, on any connection, for this long. */
  pingAfterMs: 100,
  /** Every connection pings when it heard nothing itself for this long, so that silence means something. */
  idlePingAfterMs: 1_000,
  /** A control connection that heard nothing for this long is destroyed. */
  controlSilentMs: 3_000,
  /** A bulk connection that neither heard nor got rid of anything for this long is destroyed. */
  bulkSilentMs: 10_000,
  /** Dialling again: doubles from the first to the second, each wait jittered down to half. */
  backoffMinMs: 20,
  backoffMaxMs: 500,
  /** The same after a refusal, which trying again rarely cures. */
  refusedBackoffMinMs: 500,
  refusedBackoffMaxMs: 5_000,
  /** A connection that was ended after a refusal frame is destroyed when it lingers for this long. */
  lingerMs: 1_000,
  /** A tick this late means that this process stood still: silence up to now is not the peers' fault. */
  stalledMs: 500,
  /** The same refusal of the same host is reported once in this time. */
  refusalQuietMs: 10_000,
  /** A peer without connection that nobody asked for is forgotten after this time. */
  forgetPeerMs: 600_000,
} as const
