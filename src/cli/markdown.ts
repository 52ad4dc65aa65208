/** Pieces of Markdown that generated documents are made of. */

export function row(cells: readonly (string | number)[]): string {
  return `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`
}

export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n')
}

/** '' stays empty. */
export function code(text: string): string {
  return text === '' ? '' : `\`${text}\``
}
