/** Waiting for something outside this program to become true, by asking again and again. */

/** Asks every `intervalMs` until the answer is not null; null when `timeoutMs` has passed first. */
export async function poll<T>(
  timing: { readonly timeoutMs: number; readonly intervalMs: number },
  ask: () => Promise<T | null> | T | null,
): Promise<T | null> {
  const end = performance.now() + timing.timeoutMs
  for (;;) {
    const answer = await ask()
    if (answer !== null) return answer
    if (performance.now() >= end) return null
    await pause(timing.intervalMs)
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
