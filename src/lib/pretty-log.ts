/**
 * The readable form of a log line: `12:00:01.234 INFO  node1 became leader term=7 votes=2`. Used for logs on a
 * terminal, and by the command line for the log files of a local cluster.
 */

const COLOURS: Readonly<Record<string, number>> = { debug: 90, info: 32, warn: 33, error: 31 }
const SHOWN_FIRST = new Set(['time', 'level', 'node', 'message'])

/** One JSON log line, with or without its line end, in the readable form; text that is no JSON object as it is. */
export function prettyLine(line: string, colour: boolean): string {
  const record = parseRecord(line)
  if (record === null) return line.endsWith('\n') ? line : `${line}\n`
  const level = String(record.level ?? 'info')
  const time = String(record.time ?? '').slice(11, 23)
  const label = paint(level.toUpperCase().padEnd(5), COLOURS[level] ?? 0, colour)
  const rest = Object.entries(record).filter(([name]) => !SHOWN_FIRST.has(name))
  const fields = rest.map(([name, value]) => ` ${paint(`${name}=`, 90, colour)}${fieldText(value)}`).join('')
  return `${paint(time, 90, colour)} ${label} ${record.node ?? ''} ${record.message ?? ''}${fields}\n`
}

function parseRecord(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{')) return null
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') return /[\s"=]/.test(value) || value === '' ? JSON.stringify(value) : value
  if (typeof value === 'object' && value !== null && 'stack' in value) return `\n${String(value.stack)}`
  return JSON.stringify(value)
}

function paint(text: string, code: number, colour: boolean): string {
  return colour && code !== 0 ? `\u001b[${code}m${text}\u001b[0m` : text
}
