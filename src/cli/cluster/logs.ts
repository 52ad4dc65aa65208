/** `kvorum cluster logs`: the last lines of one node's log or of all of them in order of time, and what follows. */
import { type FSWatcher, openSync, readFileSync, readSync, statSync, watch } from 'node:fs'
import { prettyLine } from '../../lib/pretty-log.ts'
import { type ClusterLayout, type LocalNode, logFile } from './layout.ts'

export interface LogRequest {
  readonly nodes: readonly LocalNode[]
  /** Lines shown of what was logged before. */
  readonly lines: number
  readonly follow: boolean
}

/** Prints; with `follow` it does not return until the process is interrupted. */
export async function showLogs(layout: ClusterLayout, request: LogRequest): Promise<void> {
  const old = request.nodes.flatMap((node) => stampedLines(logFile(layout, node)))
  old.sort((a, b) => (a.stamp < b.stamp ? -1 : Number(a.stamp > b.stamp)))
  for (const { line } of old.slice(-request.lines)) show(line)
  if (!request.follow) return
  for (const node of request.nodes) follow(logFile(layout, node))
  await new Promise(() => {})
}

function show(line: string): void {
  process.stdout.write(process.stdout.isTTY ? prettyLine(line, true) : `${line}\n`)
}

interface StampedLine {
  readonly line: string
  readonly stamp: string
}

/** A line without a time of its own (a stack, a message of Node.js) stays behind the line before it. */
function stampedLines(path: string): StampedLine[] {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return []
  const found: StampedLine[] = []
  let stamp = ''
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line === '') continue
    stamp = /"time":"([^"]+)"/.exec(line)?.[1] ?? stamp
    found.push({ line, stamp })
  }
  return found
}

function follow(path: string): FSWatcher {
  const file = openSync(path, 'a+')
  let position = statSync(path).size
  let partial = ''
  const buffer = Buffer.alloc(64 * 1024)
  const more = () => {
    for (;;) {
      const count = readSync(file, buffer, 0, buffer.length, position)
      if (count === 0) return
      position += count
      const lines = (partial + buffer.toString('utf8', 0, count)).split('\n')
      partial = lines.pop() ?? ''
      for (const line of lines) show(line)
    }
  }
  return watch(path, more)
}
