/**
 * A node:test reporter that tells of each file with a failed test once more, at the end, as a line of JSON: the tests,
 * whether all that failed were waits that ran out, and the last lines that the file wrote to stderr, where tests of real
 * nodes show the nodes' states and logs.
 */
const LINES = 300
/** How `until` of src/testing/processes/wait.ts says that its limit was reached. */
const RAN_OUT = /^Waited \d+ ms for: /

export default async function* failureReporter(events) {
  const failed = new Map()
  const said = new Map()
  for await (const { type, data } of events) {
    if (type === 'test:fail' && data.details.error?.failureType !== 'subtestsFailed') {
      const { cause, failureType } = data.details.error ?? {}
      // The tests behind a hook that failed are cancelled: the hook says why.
      const follows = failureType === 'cancelledByParent'
      const one = { name: data.name, follows, ranOut: RAN_OUT.test(cause?.message ?? '') }
      failed.set(data.file, [...(failed.get(data.file) ?? []), one])
    } else if (type === 'test:stderr') {
      said.set(data.file, [...(said.get(data.file) ?? []), data.message].slice(-LINES))
    }
  }
  for (const [file, tests] of failed) {
    const names = tests.map(({ name }) => name)
    const causes = tests.filter(({ follows }) => !follows)
    const onlyWaits = causes.length > 0 && causes.every(({ ranOut }) => ranOut)
    yield `${JSON.stringify({ file, names, onlyWaits, said: (said.get(file) ?? []).join('') })}\n`
  }
}
