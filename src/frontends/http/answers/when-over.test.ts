/** Ends of answers over real connections. */
import assert from 'node:assert/strict'
import { createServer, get } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { test } from 'node:test'
import { eventually } from '../../../testing/doors/door-fixture.ts'
import { whenOver } from './when-over.ts'

test('answers that are sent, and those that wait for a connection that dies, come to their end once', async () => {
  let open = 0
  let ends = 0
  const body = Buffer.alloc(8 * 1024 * 1024)
  const server = createServer((_request, response) => {
    open++
    whenOver(response, () => {
      open--
      ends++
    })
    response.end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const deaf = connect(port, '127.0.0.1')
  deaf.pause()
  deaf.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(6))
  await eventually(() => open === 6)
  deaf.destroy()
  await eventually(() => open === 0)
  await new Promise<void>((resolve) =>
    get({ port, agent: false }, (response) => response.resume().on('end', resolve)),
  )
  await eventually(() => open === 0)
  assert.equal(ends, 7)
  server.close()
})
