/**
 * The arguments of every command, as people read them: COMMAND DOCS gives them to clients that show hints, HELP and
 * docs/compatibility.md show them as they are. Grammar: `name:type` an argument, `WORD` a word to be typed, `WORD
 * name:type` both, `[ ]` optional, `( a | b )` one of them, `...` one or more times.
 */

/** By the command's name; what is not listed takes no arguments. */
// biome-ignore format: one line per command
export const commandSyntax: Readonly<Record<string, string>> = {
  'acl|cat': '[category:string]',
  'acl|getuser': 'username:string',
  append: 'key:key value:string',
  auth: '[username:string] password:string',
  bitcount: 'key:key [start:integer end:integer [( BYTE | BIT )]]',
  bitfield: 'key:key [( GET encoding:string offset:integer | [OVERFLOW ( WRAP | SAT | FAIL )] ( SET encoding:string offset:integer value:integer | INCRBY encoding:string offset:integer increment:integer ) )]...',
  bitfield_ro: 'key:key [GET encoding:string offset:integer]...',
  bitop: '( AND | OR | XOR | NOT ) destkey:key key:key...',
  bitpos: 'key:key bit:integer [start:integer [end:integer [( BYTE | BIT )]]]',
  'client|caching': '( YES | NO )',
  'client|consistency': '( LINEARIZABLE | LEADER | STALE )',
  'client|kill': '( ip:port:string | [ID client-id:integer]... [TYPE ( NORMAL | MASTER | REPLICA | PUBSUB )] [USER username:string] [ADDR ip:port:string] [LADDR ip:port:string] [SKIPME ( YES | NO )] [MAXAGE seconds:integer] )',
  'client|list': '[TYPE ( NORMAL | MASTER | REPLICA | PUBSUB )] [ID client-id:integer...]',
  'client|no-evict': '( ON | OFF )',
  'client|no-touch': '( ON | OFF )',
  'client|pause': 'timeout:integer [( WRITE | ALL )]',
  'client|reply': '( ON | OFF | SKIP )',
  'client|setinfo': '( LIB-NAME libname:string | LIB-VER libver:string )',
  'client|setname': 'connection-name:string',
  'client|tracking': '( ON | OFF ) [REDIRECT client-id:integer] [PREFIX prefix:string]... [BCAST] [OPTIN] [OPTOUT] [NOLOOP]',
  'client|unblock': 'client-id:integer [( TIMEOUT | ERROR )]',
  'command|docs': '[command-name:string]...',
  'command|getkeys': 'command:string [arg:string]...',
  'command|getkeysandflags': 'command:string [arg:string]...',
  'command|info': '[command-name:string]...',
  'command|list': '[FILTERBY ( MODULE module-name:string | ACLCAT category:string | PATTERN pattern:pattern )]',
  'config|get': 'parameter:string...',
  'config|set': '( parameter:string value:string )...',
  copy: 'source:key destination:key [DB destination-db:integer] [REPLACE]',
  'debug|sleep': 'seconds:double',
  decr: 'key:key',
  decrby: 'key:key decrement:integer',
  del: 'key:key...',
  delete: 'key:key...',
  dump: 'key:key',
  echo: 'message:string',
  eval: 'script:string numkeys:integer [key:key]... [arg:string]...',
  eval_ro: 'script:string numkeys:integer [key:key]... [arg:string]...',
  evalsha: 'sha1:string numkeys:integer [key:key]... [arg:string]...',
  evalsha_ro: 'sha1:string numkeys:integer [key:key]... [arg:string]...',
  exists: 'key:key...',
  expire: 'key:key seconds:integer [( NX | XX | GT | LT )]',
  expireat: 'key:key unix-time-seconds:unix-time [( NX | XX | GT | LT )]',
  expiretime: 'key:key',
  flushall: '[( ASYNC | SYNC )]',
  flushdb: '[( ASYNC | SYNC )]',
  get: 'key:key',
  getbit: 'key:key offset:integer',
  getdel: 'key:key',
  getex: 'key:key [( EX seconds:integer | PX milliseconds:integer | EXAT unix-time-seconds:unix-time | PXAT unix-time-milliseconds:unix-time | PERSIST )]',
  getrange: 'key:key start:integer end:integer',
  getset: 'key:key value:string',
  hello: '[protover:integer [AUTH username:string password:string] [SETNAME clientname:string]]',
  incr: 'key:key',
  incrby: 'key:key increment:integer',
  incrbyfloat: 'key:key increment:double',
  info: '[section:string]...',
  keys: 'pattern:pattern',
  'kvorum|leader': 'TRANSFER [node:string]',
  'kvorum|node': '( LIST | ADD name:string address:string | REMOVE name:string | REPLACE old:string name:string address:string )',
  'latency|histogram': '[command:string]...',
  'latency|graph': 'event:string',
  'latency|history': 'event:string',
  'latency|reset': '[event:string]...',
  lcs: 'key1:key key2:key [LEN] [IDX] [MINMATCHLEN min-match-len:integer] [WITHMATCHLEN]',
  lolwut: '[VERSION version:integer]',
  'memory|usage': 'key:key [SAMPLES count:integer]',
  mget: 'key:key...',
  move: 'key:key db:integer',
  mset: '( key:key value:string )...',
  msetnx: '( key:key value:string )...',
  'object|encoding': 'key:key',
  'object|freq': 'key:key',
  'object|idletime': 'key:key',
  'object|refcount': 'key:key',
  persist: 'key:key',
  pexpire: 'key:key milliseconds:integer [( NX | XX | GT | LT )]',
  pexpireat: 'key:key unix-time-milliseconds:unix-time [( NX | XX | GT | LT )]',
  pexpiretime: 'key:key',
  ping: '[message:string]',
  psetex: 'key:key milliseconds:integer value:string',
  psubscribe: 'pattern:pattern...',
  pttl: 'key:key',
  publish: 'channel:string message:string',
  'pubsub|channels': '[pattern:pattern]',
  'pubsub|numsub': '[channel:string]...',
  'pubsub|shardchannels': '[pattern:pattern]',
  'pubsub|shardnumsub': '[shardchannel:string]...',
  punsubscribe: '[pattern:pattern]...',
  rename: 'key:key newkey:key',
  renamenx: 'key:key newkey:key',
  restore: 'key:key ttl:integer serialized-value:string [REPLACE] [ABSTTL] [IDLETIME seconds:integer] [FREQ frequency:integer]',
  scan: 'cursor:integer [MATCH pattern:pattern] [COUNT count:integer] [TYPE type:string]',
  'script|debug': '( YES | SYNC | NO )',
  'script|exists': 'sha1:string...',
  'script|flush': '[( ASYNC | SYNC )]',
  'script|load': 'script:string',
  select: 'index:integer',
  set: 'key:key value:string [( NX | XX )] [GET] [( EX seconds:integer | PX milliseconds:integer | EXAT unix-time-seconds:unix-time | PXAT unix-time-milliseconds:unix-time | KEEPTTL )]',
  setbit: 'key:key offset:integer value:integer',
  setex: 'key:key seconds:integer value:string',
  setnx: 'key:key value:string',
  setrange: 'key:key offset:integer value:string',
  shutdown: '[( NOSAVE | SAVE )] [NOW] [FORCE]',
  'slowlog|get': '[count:integer]',
  spublish: 'shardchannel:string message:string',
  ssubscribe: 'shardchannel:string...',
  strlen: 'key:key',
  subscribe: 'channel:string...',
  substr: 'key:key start:integer end:integer',
  sunsubscribe: '[shardchannel:string]...',
  swapdb: 'index1:integer index2:integer',
  touch: 'key:key...',
  ttl: 'key:key',
  type: 'key:key',
  unlink: 'key:key...',
  unsubscribe: '[channel:string]...',
  wait: 'numreplicas:integer timeout:integer',
  waitaof: 'numlocal:integer numreplicas:integer timeout:integer',
  watch: 'key:key...',
}

/** 'oneof' and 'block' have arguments of their own. */
export interface Argument {
  readonly name: string
  /** As COMMAND DOCS names it: key, string, integer, double, pattern, unix-time, pure-token, oneof, block. */
  readonly type: string
  /** The word typed before it, or null. */
  readonly token: string | null
  readonly isOptional: boolean
  readonly isMultiple: boolean
  readonly parts: readonly Argument[]
}

/** The arguments that a line of the table describes. */
export function parseSyntax(text: string): Argument[] {
  return new SyntaxParser(
    text.match(/\.\.\.|[[\]()|]|[^\s[\]()|.]+(?:\.(?!\.\.)[^\s[\]()|.]+)*/g) ?? [],
  ).sequence()
}

/** The same for people: without types, e.g. `key [NX | XX]`. */
export function shownSyntax(name: string): string {
  return (commandSyntax[name] ?? '')
    .replace(/:(key|string|integer|double|pattern|unix-time)\b(?!:)/g, '')
    .replaceAll('[( ', '[')
    .replaceAll(' )]', ']')
    .replaceAll('( ', '<')
    .replaceAll(' )', '>')
}

class SyntaxParser {
  readonly #words: readonly string[]
  #at = 0

  constructor(words: readonly string[]) {
    this.#words = words
  }

  /** Until the end, or until what closes a group. */
  sequence(): Argument[] {
    const found: Argument[] = []
    while (this.#at < this.#words.length && !/^[\])|]$/.test(this.#words[this.#at] as string)) {
      const one = this.#one()
      found.push(this.#take('...') ? { ...one, isMultiple: true } : one)
    }
    return found
  }

  #one(): Argument {
    if (this.#take('[')) return { ...this.#group(']'), isOptional: true }
    if (this.#take('(')) return this.#group(')')
    const word = this.#words[this.#at++] as string
    if (word.includes(':')) return argument(word)
    const next = this.#words[this.#at] ?? ''
    if (next.includes(':')) return { ...this.#one(), token: word }
    if (next === '(') return { ...this.#one(), token: word }
    return { ...argument(`${word.toLowerCase()}:pure-token`), token: word }
  }

  #group(end: string): Argument {
    const choices = [block(this.sequence())]
    while (this.#take('|')) choices.push(block(this.sequence()))
    if (!this.#take(end)) throw new Error(`Syntax lacks '${end}': ${this.#words.join(' ')}`)
    const [first] = choices as [Argument]
    if (choices.length === 1) return first
    return { ...argument(`${first.name}-choice:oneof`), parts: choices }
  }

  #take(word: string): boolean {
    if (this.#words[this.#at] !== word) return false
    this.#at++
    return true
  }
}

function argument(text: string): Argument {
  const colon = text.lastIndexOf(':')
  const name = text.slice(0, colon)
  return { name, type: text.slice(colon + 1), token: null, isOptional: false, isMultiple: false, parts: [] }
}

/** Several arguments that belong together are a block; one is itself. */
function block(parts: Argument[]): Argument {
  const [first] = parts
  if (first === undefined) throw new Error('Syntax has an empty group')
  return parts.length === 1 ? first : { ...argument(`${first.name}-block:block`), parts }
}
