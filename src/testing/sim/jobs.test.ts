/** Simulated jobs: one slice per event, dead with their process. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JobSpec } from '../../storage/jobs.ts'
import { testJobs } from '../conformance/test-jobs.ts'
import { SimNetwork } from './network.ts'
import { SimNode } from './node.ts'
import { SimWorld } from './world.ts'

function machine(seed: number): SimNode {
  const node = new SimNode(new SimNetwork(new SimWorld(seed)), 'a', { catalog: testJobs })
  node.disk.folders.makeFolder('f')
  const out = node.disk.jobDisk().open('f/from', 'create')
  out.write(0, Buffer.alloc(20_000, 1))
  out.sync()
  out.close()
  node.disk.jobDisk().syncFolder('f')
  return node
}

test('a kill stops a job in the middle; nobody is told', () => {
  const sizes = new Set<number>()
  for (let seed = 1; seed <= 30; seed++) {
    const node = machine(seed)
    const { jobs } = node.start()
    jobs.run({ kind: 'copy', from: 'f/from', to: 'f/to' } as JobSpec, () =>
      assert.fail('told after its death'),
    )
    node.world.runFor(15)
    node.kill()
    node.world.runAll()
    sizes.add(node.disk.peek('f/to')?.length ?? 0)
  }
  assert.ok(sizes.size > 5, `${[...sizes]}`)
})

test('disk faults reach jobs as errors', () => {
  const node = machine(1)
  const { jobs } = node.start()
  const errors: string[] = []
  for (const operation of ['open', 'read', 'write', 'sync'] as const) {
    node.disk.failNext({ operation })
    jobs.run({ kind: 'copy', from: 'f/from', to: 'f/to' } as JobSpec, (error) => errors.push(String(error)))
    node.world.runAll()
  }
  assert.equal(errors.length, 4)
  for (const error of errors) assert.match(error, /EIO: simulated fault/)
})

test('a failed assertion in a job ends the run', () => {
  const node = machine(1)
  node.start().jobs.run({ kind: 'bug' }, () => assert.fail('a bug is not an answer'))
  assert.throws(() => node.world.runAll(), /a bug in a job/)
})
