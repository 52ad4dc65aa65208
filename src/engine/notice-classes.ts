/**
 * Classes of keyspace notices, as Redis' notify-keyspace-events names them: one letter each. 'K' and 'E' choose the
 * channels, the other letters what is told.
 */

/** Every class and its bit. */
export const noticeClasses = {
  /** __keyspace@<database>__ channels. */
  K: 1 << 0,
  /** __keyevent@<database>__ channels. */
  E: 1 << 1,
  /** Commands on keys of any type. */
  g: 1 << 2,
  /** Strings. */
  $: 1 << 3,
  l: 1 << 4,
  s: 1 << 5,
  h: 1 << 6,
  z: 1 << 7,
  /** Keys whose time was up. */
  x: 1 << 8,
  /** Keys evicted for memory: never here. */
  e: 1 << 9,
  t: 1 << 10,
  d: 1 << 11,
  /** Reads of absent keys: never here, because reads leave no trace. */
  m: 1 << 12,
  /** Keys that are new. */
  n: 1 << 13,
} as const

/** The class of one notice. */
export type NoticeClass = Exclude<keyof typeof noticeClasses, 'K' | 'E'>

type Letter = keyof typeof noticeClasses

/** The classes that 'A' stands for, in the order in which Redis writes them. */
const ALL: readonly Letter[] = ['g', '$', 'l', 's', 'h', 'z', 'x', 'e', 't', 'd']
const ALL_MASK = ALL.reduce((mask, letter) => mask | noticeClasses[letter], 0)
const CHANNELS: readonly Letter[] = ['K', 'E']
const BESIDE_ALL: readonly Letter[] = ['m', 'n']

/** The classes that a value of notify-keyspace-events names; null when a letter is none. */
export function parseNoticeClasses(text: string): number | null {
  let mask = 0
  for (const letter of text) {
    if (letter === 'A') mask |= ALL_MASK
    else if (Object.hasOwn(noticeClasses, letter)) mask |= noticeClasses[letter as Letter]
    else return null
  }
  return mask
}

/** The classes as Redis would write them, e.g. 'AKE'. */
export function formatNoticeClasses(mask: number): string {
  const named = (letters: readonly Letter[]): string =>
    letters.filter((letter) => (mask & noticeClasses[letter]) !== 0).join('')
  const kinds = (mask & ALL_MASK) === ALL_MASK ? 'A' : named(ALL)
  return kinds + named(CHANNELS) + named(BESIDE_ALL)
}
