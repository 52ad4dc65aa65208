/**
 * The one table of limits (R20). Every queue, buffer and cache is bounded by a number from here;
 * docs/internals/limits.md explains them and a test compares the two.
 */
const KiB = 1024
const MiB = 1024 * KiB

export const limits = {
  /** A key, in bytes. */
  keyBytes: 64 * KiB,
  /** A value, in bytes. */
  valueBytes: 16 * MiB,
  /** All arguments of one command together, in bytes. */
  requestBytes: 64 * MiB,
  /** Arguments of one command. */
  requestArguments: 1024 * 1024,
  /** An inline command line, in bytes. */
  inlineBytes: 64 * KiB,
  /** A line of the text protocols (--inline json or plain), in bytes: verb, key and value. */
  textLineBytes: 16 * MiB + 65 * KiB,
  /** Lines of text clients that are larger than 64 KiB and not complete yet, of all connections together, in bytes. */
  textUnfinishedBytes: 128 * MiB,
  /** Commands and bytes queued in one MULTI. */
  multiCommands: 10_000,
  multiBytes: 32 * MiB,
  /** Keys watched by one connection. */
  watchedKeys: 1_000,
  /** R1: an entry is cut at this size or count; one larger command may fill an entry alone. */
  entryBytes: 1 * MiB,
  entryCommands: 1_000,
  /** What the commands of one entry may write together, in bytes: small commands can write large values. */
  entryWriteBytes: 256 * MiB,
  /** The largest entry a node accepts from a peer: one command of the largest request plus its framing. */
  entryBytesMax: 68 * MiB,
  /** R1: a pending entry is cut after this many milliseconds even when the log writer is busy. */
  entryDelayMs: 1,
  /** Bytes of entries that the leader has proposed and not yet committed; beyond it the proposer is paused. */
  uncommittedBytes: 64 * MiB,
  /** Raft: appendEntries in flight to one follower. */
  inflightMessages: 256,
  inflightBytes: 8 * MiB,
  /** Raft: entries in one appendEntries, in bytes (one larger entry travels alone). */
  appendBytes: 1 * MiB,
  /** Recent entries kept in memory for followers and for apply, in bytes. */
  entryCacheBytes: 32 * MiB,
  /** One log segment, in bytes. */
  segmentBytes: 64 * MiB,
  /** The first log segment; each further one is twice as large, up to segmentBytes: a new node starts at once. */
  firstSegmentBytes: 4 * MiB,
  /** One write of the log: appends gathered beyond it wait for the next write (one larger append is written alone). */
  logBatchBytes: 4 * MiB,
  /** R9: a memtable is sealed at this size, or when the log it stands for reaches logBytes. */
  memtableBytes: 64 * MiB,
  memtableLogBytes: 256 * MiB,
  /** Trailing log kept behind the last flush for followers, in bytes. */
  trailingLogBytes: 64 * MiB,
  /** The block cache of a node, in bytes. */
  blockCacheBytes: 128 * MiB,
  /** R13: unresolved sequences of one session; the window of the dedupe table. */
  sessionWindow: 8_192,
  /** R13: replies up to this size are kept for a retry. */
  keptReplyBytes: 4 * KiB,
  /** R13: kept replies of one session, in bytes. */
  keptRepliesBytes: 4 * MiB,
  /** Unresolved commands of one node (held and forwarded), in bytes; beyond it its clients are paused. */
  originBytes: 64 * MiB,
  /** Reads waiting for their round on one node. */
  pendingReads: 100_000,
  /** R15: how long a command is held for a leader, in milliseconds. */
  holdMs: 5_000,
  /** Replies waiting for one client's socket, in bytes; beyond it the client is not read, then closed. */
  replyQueueBytes: 8 * MiB,
  replyQueueBytesMax: 256 * MiB,
  /** The same of all clients of one node, messages included; beyond it the client with the most is closed. */
  unsentBytes: 512 * MiB,
  /** What a subscriber or MONITOR has not taken yet, in bytes; beyond it the client is closed. */
  pushBytes: 32 * MiB,
  /** The same when it stays above for `pushSoftMs`. */
  pushSoftBytes: 8 * MiB,
  pushSoftMs: 60_000,
  /** Channels and patterns of one connection. */
  subscriptions: 65_536,
  /** Names of all subscriptions of one node, each with 64 bytes more, in bytes. */
  subscriptionBytes: 64 * MiB,
  /** CLIENT TRACKING: keys remembered by one node, and these with their readers, in bytes (the oldest go first). */
  trackedKeys: 1_000_000,
  trackingBytes: 128 * MiB,
  /** Pipelined commands of one connection in execution; beyond it the client is not read. */
  pipelineCommands: 4_096,
  /** Client connections of one node. */
  clientConnections: 10_000,
  /** Entries of the slow log of one node, at most, whatever slowlog-max-len says. */
  slowLogEntries: 10_000,
  /** SCAN cursors remembered by one node (the oldest goes first). */
  scanCursors: 16_384,
  /** Keys that one page of SCAN looks at, whatever COUNT says. */
  scanRows: 1_000,
  /** The reply of MGET, and of all commands of one transaction, in bytes. */
  multipleReplyBytes: 256 * MiB,
  /** The text of a script, in bytes. */
  scriptBytes: 128 * KiB,
  /** Scripts that EVALSHA knows, and what they take, in bytes (the one stored first goes first). */
  scripts: 4_096,
  scriptCacheBytes: 64 * MiB,
  /** Steps that the scripts of one command may run, about one per operation; beyond it all ends without effect. */
  scriptSteps: 4_000_000,
  /** Strings and tables that a script may make, in bytes, all together. */
  scriptMemoryBytes: 96 * MiB,
  /** Records that the commands of a script may look at, in bytes, each time counted. */
  scriptReadBytes: 1024 * MiB,
  /** The reply of a script, in bytes. */
  scriptReplyBytes: 64 * MiB,
  /** LCS: cells of its table, the product of both lengths, each plus one. */
  lcsCells: 4 * 1024 * 1024,
  /** A frame between nodes, in bytes. */
  frameBytes: 72 * MiB,
  /** Bytes queued for one peer connection; beyond it messages are dropped (Raft sends them again). */
  peerQueueBytes: 64 * MiB,
  /** A frame of a peer connection that is not authenticated yet, in bytes. */
  handshakeBytes: 8 * KiB,
  /** Connections accepted from peers, authenticated or not; beyond it new ones are closed. */
  peerConnections: 256,
  /** TLS handshakes under way on one port; beyond it the oldest is closed. */
  tlsHandshakes: 1_024,
  /** Addresses whose wrong passwords are counted; beyond it the one that is quiet for longest is forgotten. */
  authAddresses: 4_096,
  /** A chunk of a snapshot file, in bytes. */
  snapshotChunkBytes: 1 * MiB,
  /** Compares and operations of one KV command. */
  kvOperations: 10_000,
  /** Values that one KV command may reply with, and that its updates may copy, in bytes. */
  kvReplyBytes: 64 * MiB,
  /** The longest time to live that the native API takes, in milliseconds (100 years). */
  ttlMs: 100 * 365 * 24 * 60 * 60 * 1000,
  /** An idempotency key and the fingerprint of its request, in bytes each. */
  idempotencyKeyBytes: 255,
  /** Idempotency keys are remembered this long, in milliseconds of the log's time. */
  idempotencyMs: 24 * 60 * 60 * 1000,
  /** Idempotency keys remembered by a cluster, and what they and their replies take, in bytes (the oldest go first). */
  idempotencyKeys: 1_000_000,
  idempotencyBytes: 256 * MiB,
  /** Listings of the HTTP API that wait for their next page at one node; the one unused for longest goes first. */
  listingCursors: 128,
  /** How long one waits, in milliseconds. */
  cursorLeaseMs: 60_000,
  /** Large answers of the HTTP API and events of watches, from being made to being taken, of one node, in bytes. */
  httpReplyBytes: 192 * MiB,
  /** The same of answers from 16 KiB to 256 KiB. */
  httpSmallReplyBytes: 64 * MiB,
  /** Large answers that wait for their turn at one node; beyond it they are refused. */
  httpWaitingAnswers: 1_000,
  /** Bodies of all HTTP requests under way at one node, in bytes; beyond it requests with a body are refused. */
  httpBodiesBytes: 512 * MiB,
  /** A JSON body of the HTTP API (/v1/batch, /v1/txn, /v1/command), in bytes. */
  jsonBodyBytes: 32 * MiB,
  /** Keys and values in one page of an HTTP listing, in bytes (one larger item comes alone). */
  pageBytes: 4 * MiB,
  /** Pinned snapshots for listings open on one node. */
  openSnapshots: 256,
  /** Memory that only pinned snapshots still hold, in bytes; beyond it the oldest snapshot goes. */
  snapshotMemoryBytes: 256 * MiB,
  /** Keys that one page of a listing may give. */
  pageKeys: 10_000,
  /** Recent changes kept on a node for watches, in bytes; the newest is kept however large it is. */
  watchHistoryBytes: 64 * MiB,
  /** Watchers open on one node. */
  watchers: 10_000,
} as const
