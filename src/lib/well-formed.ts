/** Text that has bytes: JSON can escape halves of characters, which UTF-8 cannot store. */

const LONE_SURROGATE = /\p{Surrogate}/u

/** Can `text` be stored as UTF-8 and read back the same? */
export function isByteValue(text: string): boolean {
  return !LONE_SURROGATE.test(text)
}
