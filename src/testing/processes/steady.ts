/**
 * Tests that know who leads. On a busy machine another node may be elected at any moment, which is what a cluster is
 * for, and no failure: such a test is judged by a run in which nobody was.
 */
import type { TestCluster } from './cluster.ts'

/** A check that fails this often fails for another reason. */
const RUNS = 10

/** Runs `check` behind `look`, which looks who leads; when it fails and the term changed meanwhile, both run again. */
export async function steady(
  cluster: TestCluster,
  check: () => Promise<void>,
  look: () => Promise<void>,
): Promise<void> {
  for (let run = 1; ; run++) {
    const term = await termOf(cluster)
    await look()
    try {
      return await check()
    } catch (error) {
      if (run === RUNS || (await termOf(cluster)) === term) throw error
    }
  }
}

async function termOf(cluster: TestCluster): Promise<number> {
  const views = await Promise.all(cluster.running.map((node) => node.status()))
  return Math.max(...views.map(({ term }) => term))
}
