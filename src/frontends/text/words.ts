/** Lines taken apart: both text protocols separate words by white space and ignore it at the ends. */

/** ASCII white space: tab, LF, VT, FF, CR, space. */
function isSpace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
}

export function trim(line: Buffer): Buffer {
  let from = 0
  let to = line.length
  while (from < to && isSpace(line[from] as number)) from++
  while (to > from && isSpace(line[to - 1] as number)) to--
  return line.subarray(from, to)
}

/** The words of a trimmed line, `most` at most: the last one is then the rest, with the white space inside it. */
export function splitWords(line: Buffer, most: number): Buffer[] {
  const words: Buffer[] = []
  let at = 0
  while (at < line.length) {
    let end = words.length === most - 1 ? line.length : at
    while (end < line.length && !isSpace(line[end] as number)) end++
    words.push(line.subarray(at, end))
    at = end
    while (at < line.length && isSpace(line[at] as number)) at++
  }
  return words
}

const SHOWN_BYTES = 128

/** A verb as error messages repeat it: upper case, shortened, what cannot be shown as '?'. */
export function shownVerb(word: Buffer): string {
  const text = word.toString('utf8', 0, SHOWN_BYTES).toUpperCase()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\x00-\x1f\x7f]/g, '?') + (word.length > SHOWN_BYTES ? '...' : '')
}

/** The verb for looking it up; '' for what is too long to be one. */
export function verbOf(word: Buffer | undefined): string {
  return word === undefined || word.length > 16 ? '' : word.toString('latin1').toUpperCase()
}
