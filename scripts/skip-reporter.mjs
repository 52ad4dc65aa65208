/** A node:test reporter that writes one line for each test that was skipped or is marked as to do. */
export default async function* skipReporter(events) {
  for await (const event of events) {
    if (event.type !== 'test:pass' && event.type !== 'test:fail') continue
    const { name, file, skip, todo } = event.data
    if (skip === undefined && todo === undefined) continue
    yield `  ${file ?? ''}: ${name}: ${skip || todo || 'no reason given'}\n`
  }
}
