/**
 * Seeds that once found a bug of the product. What a seed does changes with the simulation, so each also says what it
 * stood for; the tests named by the bug's rule are what holds it for good.
 */
export const corpus: readonly { readonly seed: number; readonly found: string }[] = [
  { seed: 14, found: 'a read that expired while it was fetched for stopped the applier for ever (R3)' },
  { seed: 20, found: 'after a refused write, reads no longer waited for the writes before it (R3)' },
  {
    seed: 22,
    found: 'a range read went in circles when two runs needed two blocks each and none was cached',
  },
  { seed: 28, found: 'reads saw a write behind them on their connection after a snapshot (R3, R14)' },
  { seed: 41, found: 'a node that joined refused to start again before its first manifest (R8)' },
  { seed: 792, found: 'a vote asked of a node that installs a snapshot ended it (Raft 5.4.1, 7)' },
  { seed: 1365, found: 'files of a snapshot whose sync failed were used all the same (R6, R10)' },
]
