/** Time limits of a client that may stand still itself, as a busy or paused program does. */

/**
 * Calls `late` once when `limitMs` have passed and what came until then was looked at: this program may have stood
 * still itself. The function given back stops that.
 */
export function whenLate(limitMs: number, late: () => void): () => void {
  let turn: NodeJS.Immediate | null = null
  const timer = setTimeout(() => {
    turn = setImmediate(late)
  }, limitMs)
  return () => {
    clearTimeout(timer)
    if (turn !== null) clearImmediate(turn)
  }
}
