/**
 * Flags of `kvorum start` in the forms that VikDB's users type: with one dash, and under VikDB's names. Pure: words in,
 * words out.
 */

/** Flags that go under another name here, and what they become. */
export const otherFlags = {
  'replication-port': 'Port for the other nodes: --peer-port.',
  'memtable-max-size': 'Size in bytes at which a memtable is flushed: --memtable-bytes.',
  'wal-path': 'The data folder is PATH.kvorum, unless --data says otherwise.',
  'sstable-dir': 'Tables lie in the data folder, which is DIR.kvorum when --wal-path is not given either.',
} as const

/** The least that --memtable-bytes takes. */
const MEMTABLE_BYTES_MIN = 64 * 1024
/** Options of `kvorum` itself that take the next word as their value. */
const VALUED = new Set(['-u', '--url', '-n', '--node', '--timeout', '--cacert', '--cert', '--key'])

/** `argv` with the second dash wherever one of `names` was given with one, behind the verb `start`. */
export function withTwoDashes(argv: readonly string[], names: ReadonlySet<string>): string[] {
  const verbAt = indexOfVerb(argv)
  if (argv[verbAt] !== 'start') return [...argv]
  return argv.map((word, at) => {
    const name = /^-([a-z][a-z-]+)(?:=.*)?$/s.exec(word)?.[1]
    return at > verbAt && name !== undefined && names.has(name) ? `-${word}` : word
  })
}

/** The first word behind the program that is neither an option nor its value. */
function indexOfVerb(argv: readonly string[]): number {
  let at = 2
  while (at < argv.length && argv[at]?.startsWith('-') === true) at += VALUED.has(argv[at] as string) ? 2 : 1
  return at
}

/** Flags by name without dashes, VikDB's replaced by this program's; `notes` say what that means. */
export function translated(flags: Readonly<Record<string, string>>): {
  readonly flags: Record<string, string>
  readonly notes: readonly string[]
} {
  const {
    'replication-port': peerPort,
    'memtable-max-size': memtable,
    'wal-path': wal,
    'sstable-dir': tables,
    ...rest
  } = flags
  const notes: string[] = []
  const out: Record<string, string> = { ...rest }
  if (peerPort !== undefined) out['peer-port'] ??= peerPort
  if (memtable !== undefined) out['memtable-bytes'] ??= atLeast(memtable, notes)
  const path = wal ?? tables
  if (path !== undefined && out.data === undefined) {
    out.data = `${path.replace(/\/+$/, '')}.kvorum`
    notes.push(`log and tables are in ${out.data}; files of VikDB are neither read nor changed`)
  }
  return { flags: out, notes }
}

function atLeast(text: string, notes: string[]): string {
  if (!/^\d+$/.test(text) || Number(text) >= MEMTABLE_BYTES_MIN) return text
  notes.push(`--memtable-max-size ${text} is very small: using ${MEMTABLE_BYTES_MIN}`)
  return String(MEMTABLE_BYTES_MIN)
}
