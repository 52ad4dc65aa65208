/**
 * Marks characters in a text. One after the other, because String.replace() with a function finds all of them before
 * it calls it for the first: a text of nothing else would fill the memory before anything could be counted.
 */

/** `text` with what `mark` gives for each character that `special`, a global expression of one character, finds. */
export function escapeEach(text: string, special: RegExp, mark: (char: string) => string): string {
  const parts: string[] = []
  let from = 0
  special.lastIndex = 0
  while (special.test(text)) {
    const at = special.lastIndex - 1
    parts.push(text.slice(from, at), mark(text[at] as string))
    from = at + 1
  }
  if (from === 0) return text
  parts.push(text.slice(from))
  return parts.join('')
}
