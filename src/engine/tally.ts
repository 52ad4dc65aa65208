/**
 * What this replica counts while it executes, for INFO and metrics: lookups of reads that found their key or did not,
 * keys that expired. No part of the replicated state; a command that did not come to its end is not counted.
 */
export class Tally {
  hits = 0
  misses = 0
  expiredKeys = 0
  #hits = 0
  #misses = 0
  #expired = 0

  /** A command begins; what an unfinished one before it counted is forgotten. */
  begin(): void {
    this.#hits = 0
    this.#misses = 0
    this.#expired = 0
  }

  /** A read looked for a key. */
  looked(found: boolean): void {
    if (found) this.#hits++
    else this.#misses++
  }

  expired(): void {
    this.#expired++
  }

  /** The command has come to its end. */
  commit(): void {
    this.hits += this.#hits
    this.misses += this.#misses
    this.expiredKeys += this.#expired
    this.begin()
  }
}
