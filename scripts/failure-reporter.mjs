/**
 * A node:test reporter that tells of each file with a failed test once more, at the end: the tests, and the last lines
 * that the file wrote to stderr, where tests of real nodes show the nodes' states and logs.
 */
const LINES = 300

export default async function* failureReporter(events) {
  const failed = new Map()
  const said = new Map()
  for await (const { type, data } of events) {
    if (type === 'test:fail' && data.details.error?.failureType !== 'subtestsFailed') {
      failed.set(data.file, [...(failed.get(data.file) ?? []), data.name])
    } else if (type === 'test:stderr') {
      said.set(data.file, [...(said.get(data.file) ?? []), data.message].slice(-LINES))
    }
  }
  for (const [file, names] of failed) {
    yield `${file}\n${names.map((name) => `  ✖ ${name}\n`).join('')}${(said.get(file) ?? []).join('')}\n`
  }
}
