/** The conformance suites over the simulated seams. The real ones run them in src/server/seams. */
import { SeededRandom } from '../../lib/random.ts'
import { SimNetwork } from '../sim/network.ts'
import { SimNode } from '../sim/node.ts'
import { SimWorld } from '../sim/world.ts'
import { clockConformance } from './clock.ts'
import { diskConformance } from './disk.ts'
import { simWaiter } from './harness.ts'
import { jobsConformance } from './jobs.ts'
import { networkConformance } from './network.ts'
import { randomConformance } from './random.ts'
import { testJobs } from './test-jobs.ts'

let seed = 100

function node(): { node: SimNode; world: SimWorld } {
  const world = new SimWorld(seed++)
  return { world, node: new SimNode(new SimNetwork(world), 'a', { catalog: testJobs }) }
}

clockConformance('simulated', () => {
  const { world, node: machine } = node()
  return { clock: machine.start().clock, ...simWaiter(world) }
})

randomConformance('seeded', () => new SeededRandom(seed++))

diskConformance('simulated', async () => {
  const { world, node: machine } = node()
  const { disk } = machine.start()
  machine.disk.folders.makeFolder('data')
  return { disk, jobDisk: machine.disk.jobDisk(), folder: 'data', close: async () => {}, ...simWaiter(world) }
})

jobsConformance('simulated', async () => {
  const { world, node: machine } = node()
  const { disk, jobs } = machine.start()
  machine.disk.folders.makeFolder('data')
  return { disk, jobs, folder: 'data', close: async () => {}, ...simWaiter(world) }
})

networkConformance('simulated', async () => {
  const { world, node: machine } = node()
  return { network: machine.start().network, host: 'a', close: async () => {}, ...simWaiter(world) }
})
