/**
 * Tests that know who leads. On a busy machine another node may be elected at any moment, which is what a cluster is
 * for, and no failure: such a test is judged by a run in which nobody was.
 */
import type { TestCluster } from './cluster.ts'

/** Runs `check`; when it fails and the term changed meanwhile, `renew` looks who leads, and it runs again. */
export async function steady(
  cluster: TestCluster,
  check: () => Promise<void>,
  renew: () => Promise<void>,
): Promise<void> {
  for (;;) {
    const term = await termOf(cluster)
    try {
      return await check()
    } catch (error) {
      if ((await termOf(cluster)) === term) throw error
    }
    await renew()
  }
}

async function termOf(cluster: TestCluster): Promise<number> {
  const views = await Promise.all(cluster.running.map((node) => node.status()))
  return Math.max(...views.map(({ term }) => term))
}
